//! Origins: which one a request has, and whether it may speak to a route (`PROTOCOL.md`, §10).

use http::{HeaderMap, HeaderName, HeaderValue, header};
use memchr::memchr;

/// Which Origins may open sessions on a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Those that the backend accepts: it sees the Origin in its handshake.
    #[default]
    Upstream,
    /// Only the proxy's own.
    SameOrigin,
    /// Only these.
    List(Vec<String>),
}

impl Origins {
    /// Whether a request with this Origin may pass. Who has none is no browser, and cannot be made to come by a page.
    #[must_use]
    pub fn allow(&self, origin: &str, own: &str) -> bool {
        match self {
            Self::Upstream => true,
            _ if origin.is_empty() => true,
            Self::SameOrigin => origin.eq_ignore_ascii_case(own),
            Self::List(list) => list
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(origin)),
        }
    }
}

/// How far the page that a request comes from is from what it asks for (Fetch Metadata, §2.3).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The Origin of a page that nobody names.
pub(crate) const OPAQUE: &str = "null";

/// The Origin of a request; empty for none. Browsers leave it out of some requests (a GET to the page's own origin, a
/// script's of any) where a WebSocket would have sent it, so that is put right by what else they say of the page. A
/// backend that goes by the Origin must not take a foreign page for a client without pages.
pub(crate) fn of(headers: &HeaderMap, own: &str) -> String {
    if let Some(origin) = headers.get(header::ORIGIN) {
        return String::from_utf8_lossy(origin.as_bytes()).into_owned();
    }
    let site = headers.get(SITE).map(HeaderValue::as_bytes);
    let referer = headers
        .get(header::REFERER)
        .and_then(|referer| referer.to_str().ok())
        .and_then(origin_of_url);
    match (site, referer) {
        (Some(b"same-origin"), _) => own.to_owned(),
        (_, Some(referer)) => referer.to_owned(),
        (Some(b"cross-site" | b"same-site"), None) => OPAQUE.to_owned(),
        (_, None) => String::new(),
    }
}

/// An Origin without its scheme.
pub(crate) fn host(origin: &str) -> &str {
    let slashes = memchr(b'/', origin.as_bytes()).and_then(|at| origin.get(at..));
    let host = slashes.and_then(|slashes| slashes.strip_prefix("//"));
    host.unwrap_or_default()
}

/// Scheme and authority.
fn origin_of_url(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    url.get(..scheme.len() + "://".len() + authority.len())
}

/// The fields that let a page of another origin read a response (the Fetch standard, §3.2).
pub(crate) fn share(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://a.example";

    #[test]
    fn a_list_is_exact() {
        let list = Origins::List(vec!["https://b.example:8443".to_owned()]);
        for (origins, origin, allowed) in [
            (&Origins::Upstream, "https://evil.example", true),
            (&Origins::SameOrigin, "https://A.example", true),
            (
                &Origins::SameOrigin,
                "https://a.example.evil.example",
                false,
            ),
            (&Origins::SameOrigin, "null", false),
            (&Origins::SameOrigin, "", true),
            (&list, "https://b.example:8443", true),
            (&list, "https://b.example", false),
            (&list, OWN, false),
        ] {
            assert_eq!(origins.allow(origin, OWN), allowed, "{origins:?} {origin}");
        }
    }

    #[test]
    fn a_missing_origin_is_put_right() {
        for (fields, expected) in [
            (&[("origin", "https://b.example")][..], "https://b.example"),
            (&[("sec-fetch-site", "same-origin")], OWN),
            (&[("referer", "https://a.example/page")], OWN),
            (&[("sec-fetch-site", "none")], ""),
            (&[], ""),
            // A script's.
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("referer", "https://b.example:8443/page?q"),
                ],
                "https://b.example:8443",
            ),
            (&[("sec-fetch-site", "cross-site")], "null"),
            (&[("sec-fetch-site", "same-site")], "null"),
            (
                &[("referer", "https://a.example.evil.example/")],
                "https://a.example.evil.example",
            ),
            (&[("referer", "nonsense")], ""),
        ] {
            let headers = fields.iter().map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            assert_eq!(of(&headers.collect(), OWN), expected, "{fields:?}");
        }
    }
}
