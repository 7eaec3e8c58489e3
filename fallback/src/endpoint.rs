//! The reserved end of a path, below which the native dialect's endpoints stand (`PROTOCOL.md`, §1).

use memchr::memchr;

/// What is asked for below a WebSocket's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Opens a session.
    Open,
    /// Goes on with one.
    Io,
    /// Asks what became of a WebSocket attempt.
    Check,
    /// A WebSocket that is echoed by the proxy.
    Probe,
    /// Nothing that this version knows.
    Unknown,
}

/// What stands between the WebSocket's own path and an endpoint.
const RESERVED: &str = "/~towpath";

impl Endpoint {
    /// Whether `path` may have a reserved end: without it, [`cut`](Self::cut) gives `None`.
    #[must_use]
    pub fn is_reserved(path: &str) -> bool {
        has_mark(path) && path.contains(RESERVED)
    }

    /// Cuts the reserved end off `path`: the endpoint, and the WebSocket's own path. `None` if it has none.
    #[must_use]
    pub fn cut(path: &str) -> Option<(Self, String)> {
        let (endpoint, own, slash) = Self::split(path)?;
        let slash = if own.is_empty() { "/" } else { slash };
        Some((endpoint, format!("{own}{slash}")))
    }

    /// The endpoint of a path with a reserved end.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        Self::split(path).map(|(endpoint, ..)| endpoint)
    }

    /// The endpoint, the WebSocket's own path, and the slash at the path's end, if it has one.
    fn split(path: &str) -> Option<(Self, &str, &str)> {
        if !has_mark(path) {
            return None;
        }
        let (whole, slash) = match path.strip_suffix('/') {
            Some(whole) => (whole, "/"),
            None => (path, ""),
        };
        let (own, rest) = whole.rsplit_once(RESERVED)?;
        let endpoint = match rest {
            "/1/open" => Self::Open,
            "/1/io" => Self::Io,
            "/1/check" => Self::Check,
            "/1/probe" => Self::Probe,
            _ if rest.is_empty() || rest.starts_with('/') => Self::Unknown,
            _ => return None,
        };
        Some((endpoint, own, slash))
    }
}

/// Most paths have none, which is seen sooner than that all of [`RESERVED`] is missing.
fn has_mark(path: &str) -> bool {
    memchr(b'~', path.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_cut_and_the_path_is_as_it_was() {
        for (path, expected) in [
            ("/chat/~towpath/1/open", Some((Endpoint::Open, "/chat"))),
            ("/ws/chat/~towpath/1/io/", Some((Endpoint::Io, "/ws/chat/"))),
            ("/~towpath/1/check", Some((Endpoint::Check, "/"))),
            ("/~towpath/1/probe/", Some((Endpoint::Probe, "/"))),
            ("/a/~towpath/2/open", Some((Endpoint::Unknown, "/a"))),
            ("/a/~towpath/1/close", Some((Endpoint::Unknown, "/a"))),
            ("/a/b~towpath/1/open", None),
            ("/a/~towpath", Some((Endpoint::Unknown, "/a"))),
            ("/a/~towpath/1/open/more", Some((Endpoint::Unknown, "/a"))),
            ("/a/~towpaths/1/open", None),
            ("/chat", None),
            ("/", None),
            ("", None),
        ] {
            let cut = Endpoint::cut(path);
            let cut = cut
                .as_ref()
                .map(|(endpoint, own)| (*endpoint, own.as_str()));
            assert_eq!(cut, expected, "{path}");
        }
    }
}
