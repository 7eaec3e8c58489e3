//! From a client's handshake to a running tunnel: dial, hand the handshake on, prove the answer,
//! take the connection out of pingora's session and relay. A refusal is relayed as the ordinary response it is.
//!
//! The order is what makes it safe: the client gets no 101 before the backend's was proven, and not a byte
//! that the client sent early leaves [`Downstream`] before the tunnel runs.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Version, header};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use towpath_fallback::BoxedConnection;
use towpath_fallback::lifetime::about;

use super::ask::{Outcome, ask_backend};
use super::handshake::{self, Extensions};
use super::server_side::{self, ServerStream};
use super::stream::Http2Stream;
use super::{Ended, Observers, Settings, Side, Witness, relay};
use crate::answer::Refusal;
use crate::classify::hop_by_hop;
use crate::forwarded::Client;
use crate::gate::Downstream;
use crate::gateway::{Exchange, prepare_response, refuse};
use crate::observe::access_log::{self, Opened};
use crate::observe::live::Kind;
use crate::shared::Shared;
use crate::snapshot::Route;
use crate::spelling::respell;
use crate::upstream::Lease;

/// Carries a valid handshake. `Ok(true)`: it was answered, one way or the other.
pub(crate) async fn carry(
    session: &mut Session,
    exchange: &mut Exchange,
    shared: &Shared,
) -> Result<bool> {
    let Some(passage) = exchange.passage.as_mut() else {
        return refuse(session, exchange, Refusal::Internal).await;
    };
    let route = passage.route.clone();
    let write_timeout = passage.snapshot.config.timeouts.write.get();
    session.set_write_timeout(Some(write_timeout));
    let request = handshake_for_backend(session.req_header(), exchange, &route)?;
    let key = route.key(session.req_header(), &exchange.client, exchange.pinned);
    let key = key.into_owned();
    let ask = ask_backend(request, &exchange.client, &route, &key);
    // The client may leave while we wait. What it sends meanwhile stays in `Downstream`.
    let asked = tokio::select! {
        asked = ask => asked,
        gone = session.downstream_session.read_body_or_idle(true) => {
            return gone.map(|_| true).map_err(|e| e.into_down());
        }
    };
    let (outcome, lease) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            access_log::failed(&error, exchange, Some(error.refusal()));
            return refuse(session, exchange, error.refusal()).await;
        }
    };
    match outcome {
        Outcome::Refused { content, response } => {
            if let Some(passage) = exchange.passage.as_mut() {
                passage.lease = Some(lease);
            }
            if let Some(attempt) = exchange.attempt.take() {
                attempt.refuse(response.status);
            }
            let lease = exchange.passage.as_ref().and_then(|it| it.lease.as_ref());
            relay_refusal(session, content, *response, &route, &exchange.client, lease).await?;
        }
        Outcome::Accepted {
            stream,
            response,
            extensions,
        } => {
            let settings = Settings::new(&route.websocket, extensions, write_timeout);
            let opened = access_log::opened(session, exchange, &route);
            if let Some(attempt) = &exchange.attempt {
                // Before the client has the 101, and may ask.
                attempt.open();
            }
            if let Err(gone) = write_101(session, *response, &route, &exchange.client, &lease).await
            {
                if let Some(attempt) = &exchange.attempt {
                    attempt.close(Ended::Reset(Side::Client), None);
                }
                return Err(gone);
            }
            open_tunnel(session, exchange, shared, stream, lease, settings, opened);
        }
    }
    Ok(true)
}

/// The client's handshake as the backend gets it: end-to-end fields as they came, the hop's own renewed.
fn handshake_for_backend(
    request: &RequestHeader,
    exchange: &Exchange,
    route: &Route,
) -> Result<Box<RequestHeader>> {
    let mut request = Box::new(request.clone());
    for name in hop_by_hop(&request.headers) {
        request.remove_header(&name);
    }
    request.remove_header(&header::CONTENT_LENGTH);
    if request.version == Version::HTTP_2 {
        *request = as_http1(&request)?;
    }
    route.prepare(&mut request, &exchange.client)?;
    request.insert_header("Connection", "Upgrade")?;
    request.insert_header("Upgrade", "websocket")?;
    Ok(request)
}

/// A CONNECT as the GET that it would have been (RFC 8441 §5). It has no key of its own.
fn as_http1(request: &RequestHeader) -> Result<RequestHeader> {
    let mut request = respell(request)?;
    request.set_method(Method::GET);
    request.insert_header("Sec-WebSocket-Key", handshake::key())?;
    Ok(request)
}

async fn write_101(
    session: &mut Session,
    mut response: ResponseHeader,
    route: &Route,
    client: &Client,
    lease: &Lease,
) -> Result<()> {
    prepare_response(session, &mut response, None, route, client, Some(lease))?;
    response.remove_header(&header::CONTENT_LENGTH);
    switch(session, response).await
}

/// Tells the client that from here on it speaks WebSocket.
pub(crate) async fn switch(session: &mut Session, mut response: ResponseHeader) -> Result<()> {
    if session.is_http2() {
        // RFC 8441 §5: any 2xx is what 101 is elsewhere, and proves nothing.
        response.set_status(StatusCode::OK)?;
        response.remove_header(&header::SEC_WEBSOCKET_ACCEPT);
    } else {
        response.insert_header("Connection", "Upgrade")?;
        response.insert_header("Upgrade", "websocket")?;
    }
    let client = &mut session.downstream_session;
    let written = client.write_response_header(Box::new(response)).await;
    written.map_err(|e| e.into_down())
}

/// Takes the client's connection out of pingora's session, so that the large future of the request can go,
/// and lets the tunnel run in a task of its own.
fn open_tunnel(
    session: &mut Session,
    exchange: &mut Exchange,
    shared: &Shared,
    mut backend: ServerStream,
    lease: Lease,
    settings: Settings,
    opened: Opened,
) {
    let attempt = exchange.attempt.take();
    let Some(mut client) = take_connection(session, exchange) else {
        return;
    };
    let present = shared
        .live
        .enter(Kind::Tunnel, opened, Some(lease.address()));
    let ending = shared.ending(Some(present.entry().clone()));
    let witness = Witness::new(present, shared.metrics.clone(), exchange.started.elapsed());
    tokio::spawn(async move {
        let observers = Observers {
            attempt: attempt.as_ref(),
            witness: Some(&witness),
        };
        // The client's place in the count is given back after the line is written: a drain waits for both.
        let report = relay(&mut client, &mut backend, settings, &observers, ending).await;
        witness.ended(&report);
        access_log::tunnel(witness.present().opened(), lease.address(), &report);
    });
}

/// Takes the client's connection, or its stream of one, out of pingora's session: from here on it is plain bytes.
pub(crate) fn take_connection(
    session: &mut Session,
    exchange: &mut Exchange,
) -> Option<BoxedConnection> {
    let closed = ServerSession::new_http1(Box::new(Downstream::closed()));
    let taken = std::mem::replace(session.downstream_session.as_mut(), closed);
    exchange.tunnelled = true;
    match taken {
        ServerSession::H1(taken) => {
            let connection = taken.into_inner().into_any();
            let mut connection = connection.downcast::<Downstream>().ok()?;
            connection.release();
            Some(connection)
        }
        ServerSession::H2(taken) => Some(Box::new(Http2Stream::of_client(taken)?)),
        _ => None,
    }
}

/// Relays a refusal whole: status, header and content.
async fn relay_refusal(
    session: &mut Session,
    mut content: server_side::Refusal,
    mut response: ResponseHeader,
    route: &Route,
    client: &Client,
    lease: Option<&Lease>,
) -> Result<()> {
    let has_content = !matches!(
        response.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let chunk = has_content && !response.headers.contains_key(header::CONTENT_LENGTH);
    let framing = chunk.then_some(HeaderValue::from_static("chunked"));
    prepare_response(session, &mut response, framing, route, client, lease)?;
    let client = &mut session.downstream_session;
    client
        .write_response_header(Box::new(response))
        .await
        .map_err(|e| e.into_down())?;
    while let Some(piece) = content
        .next(route.read_timeout)
        .await
        .map_err(|e| e.into_up())?
    {
        client
            .write_response_body(piece, false)
            .await
            .map_err(|e| e.into_down())?;
    }
    client
        .write_response_body(Bytes::new(), true)
        .await
        .map_err(|e| e.into_down())
}

impl Settings {
    /// The settings of one tunnel: the route's, and what the handshake agreed on.
    fn new(
        websocket: &towpath_conf::WebSocket,
        extensions: Extensions,
        write_timeout: Duration,
    ) -> Self {
        Self {
            ping: websocket.ping.get().map(|ping| ping.get()),
            ping_timeout: websocket.ping_timeout.get(),
            idle_timeout: websocket.idle_timeout.get().map(|idle| idle.get()),
            lifetime: websocket.max_lifetime.get().map(|most| about(most.get())),
            max_message: websocket.max_message.get().map(|max| max.get()),
            strict: websocket.framing == towpath_conf::Framing::Strict,
            extensions,
            write_timeout,
        }
    }
}
