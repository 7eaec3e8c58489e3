//! Origins: which one a request has, and whether it may speak to a route (`PROTOCOL.md`, §10).

use http::{HeaderMap, HeaderValue, header};

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

/// The Origin of a request; empty for none. A browser leaves it out of some requests to the page's own origin, where
/// a WebSocket would have sent it, so that is put right.
pub(crate) fn of(headers: &HeaderMap, own: &str) -> String {
    if let Some(origin) = headers.get(header::ORIGIN) {
        return String::from_utf8_lossy(origin.as_bytes()).into_owned();
    }
    let same = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "same-origin");
    let referred = || {
        let referer = headers.get(header::REFERER)?.to_str().ok()?;
        referer
            .strip_prefix(own)
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if same || referred().is_some() {
        own.to_owned()
    } else {
        String::new()
    }
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
    fn a_missing_origin_is_put_right_for_the_own_pages_only() {
        for (name, value, expected) in [
            (header::ORIGIN, "https://b.example", "https://b.example"),
            (
                http::HeaderName::from_static("sec-fetch-site"),
                "same-origin",
                OWN,
            ),
            (
                http::HeaderName::from_static("sec-fetch-site"),
                "same-site",
                "",
            ),
            (header::REFERER, "https://a.example/page", OWN),
            (header::REFERER, "https://a.example.evil.example/", ""),
        ] {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            assert_eq!(of(&headers, OWN), expected, "{headers:?}");
        }
    }
}
