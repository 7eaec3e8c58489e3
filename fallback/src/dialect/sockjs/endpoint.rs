//! The paths of a SockJS service, below its base.

use memchr::memchr;

use super::query;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The proof of a recent `/info`, if the path has one.
    pub(super) ticket: Option<String>,
    /// What.
    pub(super) resource: Resource,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Greeting,
    Info,
    Iframe,
    /// A WebSocket without SockJS.
    RawWebSocket,
    Session {
        /// The client's name for it.
        id: String,
        transport: Transport,
    },
    Unknown,
}

/// The last segment of a session's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    WebSocket,
    Xhr,
    XhrStreaming,
    XhrSend,
    EventSource,
    HtmlFile,
    Jsonp,
    JsonpSend,
}

impl Endpoint {
    /// What `path` asks of the service at `base`; `None` if it is not below that. Paths are compared as they were sent.
    #[must_use]
    pub fn cut(base: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(base)?;
        if rest.is_empty() {
            return Some(Self::of(Resource::Greeting));
        }
        let rest = rest.strip_prefix('/')?;
        let (ticket, rest) = match rest.strip_prefix('~') {
            Some(rest) => {
                let (ticket, rest) = rest.split_once('/').unwrap_or((rest, ""));
                (Some(ticket.to_owned()), rest)
            }
            None => (None, rest),
        };
        let resource = Resource::parse(rest);
        Some(Self { ticket, resource })
    }

    /// Nothing that there is.
    #[must_use]
    pub fn unknown() -> Self {
        Self::of(Resource::Unknown)
    }

    /// Whether it is the service's own path: a WebSocket there is the route's.
    #[must_use]
    pub fn is_base(&self) -> bool {
        self.resource == Resource::Greeting && self.ticket.is_none()
    }

    /// Whether it is a WebSocket without SockJS.
    #[must_use]
    pub fn is_raw_websocket(&self) -> bool {
        self.resource == Resource::RawWebSocket
    }

    /// Whether it is a session's own WebSocket.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        let Resource::Session { transport, .. } = &self.resource else {
            return false;
        };
        *transport == Transport::WebSocket
    }

    /// Whether it is a request of some session.
    #[must_use]
    pub fn is_of_session(&self) -> bool {
        matches!(self.resource, Resource::Session { .. })
    }

    /// The application's part of a request's query, byte for byte.
    #[must_use]
    pub fn own_query(&self, query: &str) -> String {
        let calls = match &self.resource {
            Resource::Session { transport, .. } => {
                matches!(transport, Transport::HtmlFile | Transport::Jsonp)
            }
            _ => false,
        };
        query::of_application(query, calls)
    }

    /// Whether it may open a session, which needs a backend.
    #[must_use]
    pub fn receives(&self) -> bool {
        match &self.resource {
            Resource::Session { transport, .. } => {
                !matches!(transport, Transport::XhrSend | Transport::JsonpSend)
            }
            _ => false,
        }
    }

    fn of(resource: Resource) -> Self {
        let ticket = None;
        Self { ticket, resource }
    }
}

impl Resource {
    /// All tolerate one slash at the end.
    fn parse(path: &str) -> Self {
        if path.is_empty() {
            return Self::Greeting;
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = segments(path);
        let (first, second, third) = (segments.next(), segments.next(), segments.next());
        match (first, second, third, segments.next()) {
            (Some("info"), None, ..) => Self::Info,
            (Some("websocket"), None, ..) => Self::RawWebSocket,
            (Some(page), None, ..) if is_iframe(page) => Self::Iframe,
            (Some(server), Some(session), Some(transport), None)
                if is_name(server) && is_name(session) =>
            {
                let id = session.to_owned();
                Transport::parse(transport)
                    .map_or(Self::Unknown, |transport| Self::Session { id, transport })
            }
            _ => Self::Unknown,
        }
    }
}

impl Transport {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "websocket" => Self::WebSocket,
            "xhr" => Self::Xhr,
            "xhr_streaming" => Self::XhrStreaming,
            "xhr_send" => Self::XhrSend,
            "eventsource" => Self::EventSource,
            "htmlfile" => Self::HtmlFile,
            "jsonp" => Self::Jsonp,
            "jsonp_send" => Self::JsonpSend,
            _ => return None,
        })
    }
}

/// What stands between slashes.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let path = rest?;
        let slash = memchr(b'/', path.as_bytes());
        rest = slash.and_then(|slash| path.get(slash + 1..));
        path.get(..slash.unwrap_or(path.len()))
    })
}

/// `iframe`, perhaps a version, `.html`.
fn is_iframe(page: &str) -> bool {
    let version = page
        .strip_prefix("iframe")
        .and_then(|page| page.strip_suffix(".html"));
    version.is_some_and(|version| {
        version
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'-' | b'.' | b'a'..=b'z' | b'_'))
    })
}

/// A server's or a session's name.
fn is_name(segment: &str) -> bool {
    !segment.is_empty() && memchr(b'.', segment.as_bytes()).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, transport: Transport) -> Resource {
        let id = id.to_owned();
        Resource::Session { id, transport }
    }

    #[test]
    fn paths_are_read_as_they_were_sent() {
        for (path, expected) in [
            ("/echo", Resource::Greeting),
            ("/echo/", Resource::Greeting),
            ("/echo/info", Resource::Info),
            ("/echo/info/", Resource::Info),
            ("/echo/iframe.html", Resource::Iframe),
            ("/echo/iframe-0.1.2abc-dirty.2144.html", Resource::Iframe),
            ("/echo/iframe-.html", Resource::Iframe),
            ("/echo/iframe.htm", Resource::Unknown),
            ("/echo/IFRAME.HTML", Resource::Unknown),
            ("/echo/iframe.HTML", Resource::Unknown),
            ("/echo/iframe-/.html", Resource::Unknown),
            ("/echo/websocket", Resource::RawWebSocket),
            ("/echo/a", Resource::Unknown),
            ("/echo//", Resource::Unknown),
            ("/echo///", Resource::Unknown),
            ("/echo/a/a", Resource::Unknown),
            ("/echo/a/a/", Resource::Unknown),
            ("/echo/a/a/xhr", session("a", Transport::Xhr)),
            ("/echo/a/a/xhr/", session("a", Transport::Xhr)),
            (
                "/echo/_/x%20y/xhr_send",
                session("x%20y", Transport::XhrSend),
            ),
            ("/echo/a./a/xhr", Resource::Unknown),
            ("/echo/a/a./xhr", Resource::Unknown),
            ("/echo/././/xhr", Resource::Unknown),
            ("/echo///xhr", Resource::Unknown),
            ("/echo/a/a/XHR", Resource::Unknown),
            ("/echo/a/a/xhr/x", Resource::Unknown),
            ("/echo/a/a/websocket", session("a", Transport::WebSocket)),
        ] {
            let endpoint = Endpoint::cut("/echo", path);
            assert_eq!(endpoint, Some(Endpoint::of(expected)), "{path}");
        }
        assert_eq!(Endpoint::cut("/echo", "/echoes"), None);
        assert_eq!(Endpoint::cut("/echo", "/other"), None);
    }

    #[test]
    fn a_ticket_comes_first() {
        let endpoint = Endpoint::cut("/echo", "/echo/~t.1/000/s/xhr");
        let expected = Endpoint {
            ticket: Some("t.1".to_owned()),
            resource: session("s", Transport::Xhr),
        };
        assert_eq!(endpoint, Some(expected));
        let greeting = Endpoint::cut("/echo", "/echo/~t");
        assert!(greeting.is_some_and(|greeting| !greeting.is_base()));
    }
}
