//! What is kept of a session where its requests are received: whose it is, and what pages of other origins may read.

use http::{HeaderMap, HeaderName, header};

use super::Revision;
use crate::slot::Slot;

/// What lets a page of another origin read a response; the backend's own word on it.
const SHARING: [HeaderName; 4] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::VARY,
];

/// A session, for its requests.
#[derive(Debug)]
pub(super) struct About {
    pub(super) revision: Revision,
    /// For the client's WebSocket, of which there is one: who is first is told when it is welcomed, since connections may
    /// be handed over in any order.
    pub(super) line: Slot,
    whose: Whose,
    /// The fields that its answers have for pages of other origins.
    pub(super) sharing: HeaderMap,
}

impl About {
    pub(super) fn new(revision: Revision, whose: Whose, answer: &HeaderMap) -> Self {
        Self {
            revision,
            line: Slot::default(),
            whose,
            sharing: sharing(answer),
        }
    }

    /// Whether a request may be of the session's own page.
    pub(super) fn belongs_to(&self, headers: &HeaderMap) -> bool {
        self.whose.admits(&Whose::of(headers))
    }
}

/// Which page a request comes from, as far as it says. Browsers leave the Origin out of a GET to the page's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whose {
    origin: Option<Vec<u8>>,
    /// Of the same origin as we, or typed in by a person.
    own: bool,
    /// Of another site.
    foreign: bool,
}

impl Whose {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let origin = headers.get(header::ORIGIN);
        let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
        Self {
            origin: origin.map(|origin| origin.as_bytes().to_ascii_lowercase()),
            own: matches!(site, Some(b"same-origin" | b"none")),
            foreign: matches!(site, Some(b"same-site" | b"cross-site")),
        }
    }

    fn admits(&self, other: &Self) -> bool {
        let differ = match (&self.origin, &other.origin) {
            (Some(own), Some(other)) => own != other,
            _ => false,
        };
        let sites_differ = (self.own && other.foreign) || (self.foreign && other.own);
        !(differ || sites_differ)
    }
}

/// The fields of a backend's answer that let pages of other origins read ours.
pub(super) fn sharing(answer: &HeaderMap) -> HeaderMap {
    let mut sharing = HeaderMap::new();
    for name in &SHARING {
        for value in answer.get_all(name) {
            sharing.append(name, value.clone());
        }
    }
    sharing
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn whose(origin: &str, site: &str) -> Whose {
        let fields = [("origin", origin), ("sec-fetch-site", site)];
        let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let headers =
            fields.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        Whose::of(&headers.collect())
    }

    #[test]
    fn a_page_is_told_from_others_as_far_as_it_says() {
        let (a, b) = ("https://a.example", "https://b.example");
        for (opener, other, admitted) in [
            (whose(a, "cross-site"), whose(a, "cross-site"), true),
            (whose(a, "cross-site"), whose(b, "cross-site"), false),
            (whose("", "same-origin"), whose(a, "same-origin"), true),
            (whose("", "same-origin"), whose(b, "cross-site"), false),
            (whose("", "same-origin"), whose("", "cross-site"), false),
            (whose("", ""), whose(a, ""), true),
            (whose(a, ""), whose(b, ""), false),
            (whose(a, "cross-site"), whose("", "same-origin"), false),
            (whose("", ""), whose("", ""), true),
        ] {
            assert_eq!(opener.admits(&other), admitted, "{opener:?} {other:?}");
        }
    }
}
