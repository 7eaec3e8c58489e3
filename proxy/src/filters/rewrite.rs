//! The path that a backend sees. It is made of the path that the route was chosen by, so both mean the same.

use bytes::Bytes;
use http::HeaderValue;
use http::uri::PathAndQuery;
use pingora::{Error, ErrorType, OrErr, Result};

use crate::fields::Outgoing;

/// What was taken away in front.
const PREFIX: &str = "X-Forwarded-Prefix";

/// A route's changes of the path.
#[derive(Debug, Default)]
pub(crate) struct Rewrite {
    strip: Option<String>,
    add: Option<String>,
}

impl Rewrite {
    /// As the configuration says it.
    pub(super) fn new(conf: &towpath_conf::Rewrite) -> Self {
        Self {
            strip: conf.strip_prefix.clone(),
            add: conf.add_prefix.clone(),
        }
    }

    /// Changes a request for the backend.
    pub(crate) fn apply(&self, request: &mut impl Outgoing) -> Result<()> {
        if self.strip.is_none() && self.add.is_none() {
            return Ok(());
        }
        let target = request.target();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*target, None),
        };
        let stripped = self.strip.as_deref().and_then(|prefix| strip(path, prefix));
        let rest = stripped.unwrap_or(path);
        let mut changed = format!("{}{rest}", self.add.as_deref().unwrap_or_default());
        if !changed.starts_with('/') {
            changed.insert(0, '/');
        }
        if let Some(query) = query {
            changed.extend(["?", query]);
        }
        let prefix = self.strip.clone().filter(|_| stripped.is_some());
        let changed = PathAndQuery::try_from(changed);
        let changed =
            changed.map_err(|e| Error::because(ErrorType::InternalError, "rewriting", e))?;
        request.set_target(changed);
        let Some(prefix) = prefix else { return Ok(()) };
        let prefix = HeaderValue::from_maybe_shared(Bytes::from(prefix));
        let prefix = prefix.or_err(ErrorType::InternalError, "rewriting")?;
        request.set(Bytes::from_static(PREFIX.as_bytes()), prefix)
    }
}

/// What follows `prefix`, if that ends with a segment.
fn strip<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    path.strip_prefix(prefix)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use pingora::http::RequestHeader;

    use super::*;

    fn seen(strip: Option<&str>, add: Option<&str>, target: &str) -> (String, Option<String>) {
        let rewrite = Rewrite {
            strip: strip.map(str::to_owned),
            add: add.map(str::to_owned),
        };
        let mut request = RequestHeader::build("GET", target.as_bytes(), None).unwrap();
        rewrite.apply(&mut request).unwrap();
        let prefix = request.headers.get("x-forwarded-prefix");
        let prefix = prefix.map(|prefix| prefix.to_str().unwrap().to_owned());
        (
            String::from_utf8(request.raw_path().to_vec()).unwrap(),
            prefix,
        )
    }

    #[test]
    fn a_prefix_of_whole_segments_is_taken_away() {
        let app = Some("/app");
        for (target, expected, is_stripped) in [
            ("/app/a?b=/app", "/a?b=/app", true),
            ("/app", "/", true),
            ("/app?x", "/?x", true),
            ("/apple", "/apple", false),
            ("/a%2fb", "/a%2fb", false),
            ("/app/a%2Fb/../c", "/a%2Fb/../c", true),
        ] {
            let prefix = is_stripped.then(|| "/app".to_owned());
            assert_eq!(
                seen(app, None, target),
                (expected.to_owned(), prefix),
                "{target}"
            );
        }
    }

    #[test]
    fn another_may_stand_in_its_place() {
        assert_eq!(seen(Some("/app"), Some("/v2"), "/app/a?b").0, "/v2/a?b");
        assert_eq!(seen(Some("/app"), Some("/v2"), "/app").0, "/v2");
        assert_eq!(seen(None, Some("/v2"), "/a").0, "/v2/a");
    }
}
