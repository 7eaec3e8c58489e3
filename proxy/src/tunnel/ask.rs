//! Handing a handshake to a backend and proving its answer, whoever the handshake is for: a client's WebSocket or a
//! session of the fallback.

use std::net::SocketAddr;

use futures_util::FutureExt;
use http::StatusCode;
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::HttpSession as BackendSession;
use thiserror::Error;
use tokio::time::timeout;

use super::handshake::{Extensions, HandshakeFault, verify, verify_agreed};
use super::replay::Replay;
use super::server_side::{self, ServerStream};
use super::stream::Http2Stream;
use crate::answer::Refusal;
use crate::forwarded::Client;
use crate::http_error::refusal_for;
use crate::snapshot::Route;
use crate::upstream::{DialAnyError, Dialled, HashKey, Http2Place, Lease, dial_any, fresh_place};

/// What came of handing the handshake to the backend.
pub(crate) enum Outcome {
    /// A proven 101.
    Accepted {
        stream: ServerStream,
        response: Box<ResponseHeader>,
        extensions: Extensions,
    },
    /// Any other response, whose content is still to be read.
    Refused {
        content: server_side::Refusal,
        response: Box<ResponseHeader>,
    },
}

/// Asks the route's server whose `key` it is for a WebSocket.
///
/// Not cancel-safe: dropping the future closes the connection to the server.
pub(crate) async fn ask_backend(
    request: Box<RequestHeader>,
    client: &Client,
    route: &Route,
    key: &HashKey<'_>,
) -> std::result::Result<(Outcome, Lease), AskError> {
    let over = route.websocket.upstream;
    let (group, patience) = (&route.group, route.connect_timeout);
    let (way, lease) = dial_any(group, key, client.addresses, over, patience).await?;
    let server = lease.address();
    let exchanged = async {
        match way {
            Dialled::Http1(stream) => {
                exchange_handshakes(BackendSession::new(stream), request).await
            }
            Dialled::Http2(place) => {
                let (secure, reused) = (group.transport().is_secure(), place.reused);
                match exchange_over_http2(place, &request, secure).await {
                    Err(HandshakeError::Broken(_)) if reused => {
                        let fresh = fresh_place(group, server, patience).await;
                        let fresh = fresh.map_err(|e| HandshakeError::Broken(e.into_up()))?;
                        exchange_over_http2(fresh, &request, secure).await
                    }
                    answered => answered,
                }
            }
        }
    };
    let answered = timeout(route.response_timeout, exchanged).await;
    let status = match &answered {
        Ok(Ok(Outcome::Accepted { response, .. } | Outcome::Refused { response, .. })) => {
            Some(response.status)
        }
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

/// Sends the handshake and reads the backend's final response.
async fn exchange_handshakes(
    backend: BackendSession,
    request: Box<RequestHeader>,
) -> std::result::Result<Outcome, HandshakeError> {
    let mut backend = Box::new(backend);
    let asked = request.clone();
    let response = converse(&mut backend, request)
        .await
        .map_err(|e| HandshakeError::Broken(e.into_up()))?;
    if response.status != StatusCode::SWITCHING_PROTOCOLS {
        let content = server_side::Refusal::Http1(backend);
        return Ok(Outcome::Refused { content, response });
    }
    let extensions = verify(&asked.headers, response.version, &response.headers);
    let extensions = extensions.map_err(HandshakeError::Fault)?;
    Ok(Outcome::Accepted {
        stream: ServerStream::Http1(into_stream(*backend)),
        response,
        extensions,
    })
}

/// The same over HTTP/2 (RFC 8441 §5), where any 2xx is what 101 is elsewhere.
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
    let extensions = verify_agreed(&request.headers, &response.headers);
    let extensions = extensions.map_err(HandshakeError::Fault)?;
    let response = server_side::as_101(&response, request).map_err(broken)?;
    Ok(Outcome::Accepted {
        stream: ServerStream::Http2(Box::new(Http2Stream::new(answer.from, answer.to))),
        response: Box::new(response),
        extensions,
    })
}

/// The response to a request, past all interim ones.
async fn converse(
    backend: &mut BackendSession,
    request: Box<RequestHeader>,
) -> Result<Box<ResponseHeader>> {
    backend.write_request_header(request).await?;
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
