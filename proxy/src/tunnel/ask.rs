//! Handing a handshake to a backend and proving its answer, whoever the handshake is for: a client's WebSocket or a
//! session of the fallback.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt;
use http::{StatusCode, Version};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::HttpSession as BackendSession;
use pingora::protocols::l4::stream::Stream as PingoraTcp;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use towpath_fallback::cohort;

use super::greeting::{self, Greeting, Switching};
use super::handshake::{Extensions, HandshakeFault, verify, verify_agreed};
use super::opening::Opening;
use super::replay::Replay;
use super::server_side::{self, ServerStream};
use super::stream::Http2Stream;
use crate::answer::Refusal;
use crate::forwarded::Client;
use crate::http_error::refusal_for;
use crate::snapshot::Route;
use crate::upstream::{
    DialAnyError, Dialled, Group, HashKey, Http2Place, Lease, dial_any, fresh_place,
};

/// What came of handing the handshake to the backend.
pub(crate) enum Outcome {
    /// A proven 101.
    Accepted {
        stream: ServerStream,
        response: Switching,
        extensions: Extensions,
    },
    /// Any other response, whose content is still to be read.
    Refused {
        content: server_side::Refusal,
        response: Box<ResponseHeader>,
    },
}

impl Outcome {
    /// What the backend has answered.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Accepted { .. } => StatusCode::SWITCHING_PROTOCOLS,
            Self::Refused { response, .. } => response.status,
        }
    }
}

/// Asks the route's server whose `key` it is for a WebSocket.
///
/// Not cancel-safe: dropping the future closes the connection to the server.
pub(crate) async fn ask_backend(
    opening: &Opening,
    client: &Client,
    route: &Route,
    key: &HashKey<'_>,
) -> std::result::Result<(Outcome, Lease), AskError> {
    let over = route.websocket.upstream;
    let (group, patience) = (&route.group, route.connect_timeout);
    cohort::join().await;
    let (way, lease) = dial_any(group, key, client.addresses, over, patience).await?;
    let server = lease.address();
    let exchanged = async {
        // The rare ways are on the heap: every handshake would have room for the largest of them.
        match way {
            Dialled::Tcp(stream) => exchange_over_tcp(stream, opening).await,
            Dialled::Http1(stream) => {
                let backend = BackendSession::new(stream);
                Box::pin(exchange_handshakes(backend, opening)).await
            }
            Dialled::Http2(place) => {
                let exchanged = exchange_over_any_http2(place, opening, group, server, patience);
                Box::pin(exchanged).await
            }
        }
    };
    let answered = timeout(route.response_timeout, exchanged).await;
    let status = match &answered {
        Ok(Ok(outcome)) => Some(outcome.status()),
        _ => None,
    };
    route.group.answered(lease.endpoint(), status);
    match answered {
        Ok(Ok(outcome)) => Ok((outcome, lease)),
        Ok(Err(HandshakeError::Broken(source))) => Err(AskError::Broken { server, source }),
        Ok(Err(HandshakeError::Fault(source))) => Err(AskError::Fault { server, source }),
        Err(_) => Err(AskError::Timeout { server }),
    }
}

/// Why the backend has no say in a handshake's answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Dial(#[from] DialAnyError),
    #[error("{server} broke off the handshake: {source}")]
    Broken {
        server: SocketAddr,
        source: Box<pingora::Error>,
    },
    #[error("{server} answered the handshake with a {source}")]
    Fault {
        server: SocketAddr,
        source: HandshakeFault,
    },
    #[error("{server} did not answer the handshake in time")]
    Timeout { server: SocketAddr },
}

impl AskError {
    /// What a client is told.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::Dial(DialAnyError::NoServer(no_server)) => (*no_server).into(),
            Self::Dial(DialAnyError::TimedOut) | Self::Timeout { .. } => Refusal::Timeout,
            Self::Dial(DialAnyError::Unreachable) => Refusal::Unreachable,
            Self::Broken { source, .. } => refusal_for(source).unwrap_or(Refusal::BadAnswer),
            Self::Fault { .. } => Refusal::BadAnswer,
        }
    }
}

/// What may go wrong once the backend is reached.
enum HandshakeError {
    Broken(Box<pingora::Error>),
    Fault(HandshakeFault),
}

/// Sends the handshake and reads the backend's 101. Any other answer is pingora's to read.
async fn exchange_over_tcp(
    mut stream: TcpStream,
    opening: &Opening,
) -> std::result::Result<Outcome, HandshakeError> {
    let broken = |e: Box<pingora::Error>| HandshakeError::Broken(e.into_up());
    let answer = greeting::exchange(&mut stream, opening).await;
    match answer.map_err(broken)? {
        Greeting::Switching { response, early } => {
            let extensions = verify(opening, Version::HTTP_11, &response.lines);
            Ok(Outcome::Accepted {
                stream: ServerStream::Tcp(Replay::new(early, stream)),
                response,
                extensions: extensions.map_err(HandshakeError::Fault)?,
            })
        }
        Greeting::Other(read) => {
            let mut stream = PingoraTcp::from(stream);
            stream.rewind(&read);
            let mut backend = Box::new(BackendSession::new(Box::new(stream)));
            let response = Box::pin(read_final(&mut backend)).await;
            let response = response.map_err(broken)?;
            conclude(backend, response, opening)
        }
    }
}

/// Sends the handshake and reads the backend's final response.
async fn exchange_handshakes(
    backend: BackendSession,
    opening: &Opening,
) -> std::result::Result<Outcome, HandshakeError> {
    let mut backend = Box::new(backend);
    let response = converse(&mut backend, opening)
        .await
        .map_err(|e| HandshakeError::Broken(e.into_up()))?;
    conclude(backend, response, opening)
}

/// What a final response comes to.
fn conclude(
    backend: Box<BackendSession>,
    response: Box<ResponseHeader>,
    asked: &Opening,
) -> std::result::Result<Outcome, HandshakeError> {
    if response.status != StatusCode::SWITCHING_PROTOCOLS {
        let content = server_side::Refusal::Http1(backend);
        return Ok(Outcome::Refused { content, response });
    }
    let extensions = verify(asked, response.version, &*response);
    let extensions = extensions.map_err(HandshakeError::Fault)?;
    Ok(Outcome::Accepted {
        stream: ServerStream::Http1(Box::new(into_stream(*backend))),
        response: Switching::of(&response),
        extensions,
    })
}

/// The same over HTTP/2. A connection that was there before and fails is replaced once.
async fn exchange_over_any_http2(
    place: Http2Place,
    opening: &Opening,
    group: &Group,
    server: SocketAddr,
    patience: Duration,
) -> std::result::Result<Outcome, HandshakeError> {
    let (secure, reused) = (group.transport().is_secure(), place.reused);
    let broken = |e: Box<pingora::Error>| HandshakeError::Broken(e.into_up());
    let request = opening.to_request().map_err(broken)?;
    match exchange_over_http2(place, &request, secure).await {
        Err(HandshakeError::Broken(_)) if reused => {
            let fresh = fresh_place(group, server, patience).await;
            let fresh = fresh.map_err(broken)?;
            exchange_over_http2(fresh, &request, secure).await
        }
        answered => answered,
    }
}

/// The same over one connection of HTTP/2 (RFC 8441 §5), where any 2xx is what 101 is elsewhere.
async fn exchange_over_http2(
    place: Http2Place,
    request: &RequestHeader,
    secure: bool,
) -> std::result::Result<Outcome, HandshakeError> {
    let broken = |e: Box<pingora::Error>| HandshakeError::Broken(e.into_up());
    let answer = server_side::connect(place, request, secure)
        .await
        .map_err(broken)?;
    let response = answer.response;
    if !response.status.is_success() {
        let content = server_side::Refusal::Http2(answer.from);
        return Ok(Outcome::Refused { content, response });
    }
    let extensions = verify_agreed(request, &*response);
    let extensions = extensions.map_err(HandshakeError::Fault)?;
    let response = server_side::as_101(&response, request).map_err(broken)?;
    Ok(Outcome::Accepted {
        stream: ServerStream::Http2(Box::new(Http2Stream::new(answer.from, answer.to))),
        response: Switching::of(&response),
        extensions,
    })
}

/// The response to a request, past all interim ones.
async fn converse(backend: &mut BackendSession, opening: &Opening) -> Result<Box<ResponseHeader>> {
    backend.write_request_header(opening.to_request()?).await?;
    read_final(backend).await
}

async fn read_final(backend: &mut BackendSession) -> Result<Box<ResponseHeader>> {
    loop {
        backend.read_response().await?;
        if let Some(response) = backend.resp_header().filter(|r| is_final(r.status)) {
            return Ok(Box::new(response.clone()));
        }
    }
}

fn is_final(status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || !status.is_informational()
}

/// A backend's connection after its 101; frames that came in one segment with that are read first.
fn into_stream(mut backend: BackendSession) -> Replay<Stream> {
    let early = backend
        .read_body_bytes()
        .now_or_never()
        .and_then(Result::ok)
        .flatten();
    Replay::new(early.unwrap_or_default(), backend.into_inner())
}
