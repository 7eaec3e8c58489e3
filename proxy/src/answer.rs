//! What Towpath itself answers when a request cannot be carried: a status and one plain line that says why.
//! No detail of the inside ever stands in it; that is for the log.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;

use crate::gate::HeadFault;

/// A refused client may go on sending for this long, so that it gets to read its answer.
pub(crate) const LINGER: Duration = Duration::from_secs(2);

/// Why a request is not carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request is not well-formed, or is not a valid WebSocket handshake.
    Malformed(&'static str),
    /// Its path has dot segments, which neighbours resolve differently.
    DotSegments,
    /// Its path can be read in two ways, which take different routes.
    AmbiguousPath,
    /// The head is refused before it is a request.
    Head(HeadFault),
    /// The head did not arrive in time.
    HeaderTimeout,
    /// The content did not arrive in time.
    RequestTimeout,
    /// The content is larger than the route allows.
    ContentTooLarge,
    /// This address asks too often.
    TooManyRequests,
    /// This address opens WebSockets too often.
    TooManyUpgrades,
    /// A CONNECT to another protocol than WebSocket (RFC 9220 §3).
    UnknownProtocol,
    /// The client asked for another server in its TLS handshake, or there was none (RFC 9110 §15.5.20).
    Misdirected,
    /// The route demands a client certificate.
    NoCertificate,
    /// A page of another origin than the route is for (RFC 6455 §10.2).
    OriginDenied,
    /// The client has not said who it is, or not truly.
    Unauthorized,
    /// Whoever decides it lets this request not pass; the answer is theirs.
    Denied,
    /// Whoever decides whether it may pass gave no answer.
    NoVerdict,
    /// No route matches.
    NoRoute,
    /// The route lets no WebSocket pass.
    UpgradeDenied,
    /// The route lets nothing but WebSockets pass (RFC 9110 §15.5.22).
    UpgradeRequired,
    /// A WebSocket version other than 13 (RFC 6455 §4.4).
    UnsupportedVersion,
    /// This address has too many connections.
    AddressFull,
    /// All have too many connections.
    Full,
    /// The process drains, and this is no request of a session that is here.
    Draining,
    /// No server of the upstream accepted a connection.
    Unreachable,
    /// The backend answered, but not with valid HTTP, or not with a valid handshake.
    BadAnswer,
    /// No server of the upstream is healthy.
    NoServer,
    /// The backend took too long.
    Timeout,
    /// A fault of our own.
    Internal,
}

impl Refusal {
    /// The status code.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_)
            | Self::DotSegments
            | Self::AmbiguousPath
            | Self::Head(HeadFault::Malformed(_)) => StatusCode::BAD_REQUEST,
            Self::Head(HeadFault::TooLarge) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Head(HeadFault::Connect) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Head(HeadFault::TransferCoding) | Self::UnknownProtocol => {
                StatusCode::NOT_IMPLEMENTED
            }
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::HeaderTimeout | Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::UpgradeDenied | Self::NoCertificate | Self::OriginDenied | Self::Denied => {
                StatusCode::FORBIDDEN
            }
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::UpgradeRequired | Self::UnsupportedVersion => StatusCode::UPGRADE_REQUIRED,
            Self::AddressFull | Self::TooManyRequests | Self::TooManyUpgrades => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Full | Self::Draining | Self::NoServer | Self::NoVerdict => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Unreachable | Self::BadAnswer => StatusCode::BAD_GATEWAY,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether a server was reached that did not do its part.
    pub(crate) fn blames_server(self) -> bool {
        matches!(self, Self::BadAnswer | Self::Timeout)
    }

    /// Why, in a few words for the client and the access log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Malformed(reason) | Self::Head(HeadFault::Malformed(reason)) => reason,
            Self::DotSegments => "dot segments in the path",
            Self::AmbiguousPath => "the path can be read in two ways",
            Self::Head(HeadFault::TooLarge) => "request header too large",
            Self::Head(HeadFault::Connect) => "CONNECT is not supported",
            Self::Head(HeadFault::TransferCoding) => "transfer coding not supported",
            Self::HeaderTimeout => "request header took too long",
            Self::RequestTimeout => "request content took too long",
            Self::ContentTooLarge => "request content too large",
            Self::TooManyRequests => "too many requests from this address",
            Self::TooManyUpgrades => "too many WebSockets from this address at once",
            Self::UnknownProtocol => "only WebSocket over CONNECT",
            Self::Misdirected => "not the server of the TLS handshake",
            Self::NoCertificate => "a client certificate is required",
            Self::OriginDenied => "pages of this origin may not connect",
            Self::Unauthorized => "name and password are required",
            Self::Denied => "not allowed",
            Self::NoVerdict => "nobody can say whether this is allowed",
            Self::NoRoute => "no route for this host and path",
            Self::UpgradeDenied => "no WebSocket here",
            Self::UpgradeRequired => "only WebSocket here",
            Self::UnsupportedVersion => "WebSocket version 13 is required",
            Self::AddressFull => "too many connections from this address",
            Self::Full => "too many connections",
            Self::Draining => "this server is about to end",
            Self::Unreachable => "the backend cannot be reached",
            Self::BadAnswer => "the backend gave no valid answer",
            Self::NoServer => "no backend is available",
            Self::Timeout => "the backend took too long",
            Self::Internal => "internal error",
        }
    }

    /// The header fields that the status demands.
    fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::UnsupportedVersion => {
                &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
            }
            Self::UpgradeRequired => &[("Upgrade", "websocket")],
            // By then there is room for it again.
            Self::TooManyRequests | Self::TooManyUpgrades => &[("Retry-After", "1")],
            Self::AddressFull | Self::Full | Self::Draining | Self::NoServer => later(),
            _ => &[],
        }
    }

    /// The body: status, its name and the reason.
    pub(crate) fn body(self) -> String {
        format!("{}: {}\n", self.status(), self.reason())
    }

    /// The whole response as bytes, for a connection that has no session yet. It ends the connection.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let body = self.body();
        let mut text = format!(
            "HTTP/1.1 {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n",
            self.status(),
            body.len()
        );
        for (name, value) in self.fields() {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        text.push_str(&body);
        text.into_bytes()
    }

    /// Answers a request through its session. The connection stays usable if what is left of its content is not much.
    pub(crate) async fn send(self, session: &mut ServerSession) -> pingora::Result<()> {
        let body = self.body();
        let mut response = ResponseHeader::build(self.status(), Some(6))?;
        response.insert_header("Content-Type", "text/plain; charset=utf-8")?;
        response.insert_header("Content-Length", body.len())?;
        response.insert_header("Cache-Control", "no-store")?;
        for (name, value) in self.fields() {
            response.insert_header(*name, *value)?;
        }
        if matches!(
            self,
            Self::Malformed(_) | Self::ContentTooLarge | Self::Draining
        ) {
            session.set_keepalive(None);
        }
        session.set_total_drain_timeout(Some(LINGER));
        session.write_response_header(Box::new(response)).await?;
        write_content(session, body.into()).await?;
        self.linger(session).await;
        Ok(())
    }

    /// Lets a client that sends more than is wanted read its answer: a close with unread bytes would reset the connection
    /// and destroy the answer (RFC 9112 §9.6). Over HTTP/2 the stream is reset without an error (RFC 9113 §8.1).
    async fn linger(self, session: &mut ServerSession) {
        if let ServerSession::H1(session) = session
            && !session.will_keepalive()
            && !self.is_last_word(session.req_header())
        {
            // Whether the client took the answer is its own affair.
            let _ = session.drain_request_body().await;
        }
    }

    /// Whether no more of the content is to be waited for: the client waits for the answer first (RFC 9110 §10.1.1), or
    /// was too slow already.
    fn is_last_word(self, request: &RequestHeader) -> bool {
        self == Self::RequestTimeout || request.headers.contains_key(header::EXPECT)
    }
}

/// When to come again. Those who are refused together must not all come again together.
fn later() -> &'static [(&'static str, &'static str)] {
    match getrandom::u32().map_or(0, |random| random % 3) {
        0 => &[("Retry-After", "1")],
        1 => &[("Retry-After", "2")],
        _ => &[("Retry-After", "3")],
    }
}

/// An answer that is not the same for everybody.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    content: Bytes,
}

impl Reply {
    /// A line of text.
    pub(crate) fn new(status: StatusCode, text: String) -> Self {
        Self::bare(status, text.into())
            .with("Content-Type", "text/plain; charset=utf-8".to_owned())
            .with("Cache-Control", "no-store".to_owned())
    }

    /// Content without any field.
    pub(crate) fn bare(status: StatusCode, content: Bytes) -> Self {
        Self {
            status,
            fields: Vec::new(),
            content,
        }
    }

    /// With a field, unless its value cannot be one.
    pub(crate) fn with(self, name: &'static str, value: String) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes());
        match name.ok().zip(HeaderValue::try_from(value).ok()) {
            Some((name, value)) => self.with_value(name, value),
            None => self,
        }
    }

    /// With a field.
    pub(crate) fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The first value of a field.
    #[cfg(test)]
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let value = fields.find(|(own, _)| own.as_str().eq_ignore_ascii_case(name));
        value.and_then(|(_, value)| value.to_str().ok())
    }

    /// Answers a request through its session.
    pub(crate) async fn send(self, session: &mut ServerSession) -> pingora::Result<()> {
        let mut response = ResponseHeader::build(self.status, Some(self.fields.len() + 1))?;
        for (name, value) in self.fields {
            response.append_header(name, value)?;
        }
        response.insert_header("Content-Length", self.content.len())?;
        session.write_response_header(Box::new(response)).await?;
        write_content(session, self.content).await
    }
}

/// Writes all of an answer's content: nothing where only the head was asked for (RFC 9110 §9.3.2), which pingora sees to
/// over HTTP/1.1 alone.
pub(crate) async fn write_content(
    session: &mut ServerSession,
    content: Bytes,
) -> pingora::Result<()> {
    let is_bare = session.is_http2() && session.req_header().method == Method::HEAD;
    let content = if is_bare { Bytes::new() } else { content };
    session.write_response_body(content, true).await
}
