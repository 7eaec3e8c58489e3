//! From a client's handshake to a running tunnel: dial, hand the handshake on, prove the answer,
//! take the connection out of pingora's session and relay. A refusal is relayed as the ordinary response it is.
//!
//! The order is what makes it safe: the client gets no 101 before the backend's was proven, and not a byte
//! that the client sent early leaves [`Downstream`] before the tunnel runs.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use pingora::Error;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use tokio::io::{AsyncRead, AsyncWrite};
use towpath_fallback::BoxedConnection;
use towpath_fallback::lifetime::about;

use super::ask::{AskError, Outcome, ask_backend};
use super::greeting::Switching;
use super::handshake::Extensions;
use super::opening::Opening;
use super::server_side::{self, ServerStream};
use super::stream::Http2Stream;
use super::{Observers, Settings, Witness, relay};
use crate::answer::Refusal;
use crate::field_lines::FieldLines;
use crate::fields::Fields;
use crate::forwarded::Client;
use crate::gate::Downstream;
use crate::gateway::{Exchange, Passage, change_response, prepare_response, refuse};
use crate::observe::access_log::{self, Opened};
use crate::observe::live::Kind;
use crate::shared::Shared;
use crate::snapshot::Route;
use crate::upstream::Lease;

/// Of pingora's kind, where nothing else is said.
type Result<T, E = Box<Error>> = std::result::Result<T, E>;

/// Carries a valid handshake of pingora's session. `Ok(true)`: it was answered, one way or the other.
pub(crate) async fn carry(
    session: &mut Session,
    exchange: &mut Exchange,
    shared: &Shared,
) -> Result<bool> {
    let Some(passage) = exchange.passage.as_ref() else {
        return refuse(session, exchange, Refusal::Internal).await;
    };
    let route = passage.route.clone();
    session.set_write_timeout(Some(passage.snapshot.config.timeouts.write.get()));
    let ask = ask(session.req_header(), exchange, &route)?;
    // The client may leave while we wait. What it sends meanwhile stays in `Downstream`.
    let asked = tokio::select! {
        asked = ask => asked,
        gone = session.downstream_session.read_body_or_idle(true) => {
            return gone.map(|_| true).map_err(|e| e.into_down());
        }
    };
    match settle(asked, exchange) {
        Ok((accepted, lease)) => {
            let opened = access_log::opened(session.req_header(), exchange, &route);
            let downstream = &mut session.downstream_session;
            let written = write_101(downstream, accepted.response, exchange, &route, &lease);
            written.await.inspect_err(|_| exchange.lost())?;
            if let Some(client) = take_connection(session, exchange) {
                let tunnel = Tunnel::new(accepted.stream, accepted.extensions, lease, opened);
                tunnel.open(client, exchange, shared);
            }
            Ok(true)
        }
        Err(other) => {
            let downstream = &mut session.downstream_session;
            other.send(downstream, exchange).await.map(|()| true)
        }
    }
}

/// Asks the route's upstream for the WebSocket that `request` is for.
pub(crate) fn ask<'a>(
    request: &RequestHeader,
    exchange: &'a mut Exchange,
    route: &'a Route,
) -> Result<impl Future<Output = Result<(Outcome, Lease), AskError>> + use<'a>> {
    let opening = Opening::of_client(request, &exchange.client, route)?;
    exchange.asks_to_upgrade(&opening);
    let key = route.key(request, &exchange.client, exchange.pinned);
    let key = key.into_owned();
    let exchange: &'a Exchange = exchange;
    let client = &exchange.client;
    Ok(async move { ask_backend(&opening, client, route, &key).await })
}

/// A proven 101.
pub(crate) struct Accepted {
    pub(crate) stream: ServerStream,
    pub(crate) response: Switching,
    pub(crate) extensions: Extensions,
}

/// What a client is answered whose handshake came to no WebSocket.
pub(crate) enum Other {
    /// What the backend has said.
    Backends(Box<ResponseHeader>, server_side::Refusal),
    /// What we say, since the backend has no say in it.
    Ours(Refusal),
}

/// Notes what became of a handshake: for whoever asks for it, for the log, for the next choice of a server.
pub(crate) fn settle(
    asked: Result<(Outcome, Lease), AskError>,
    exchange: &mut Exchange,
) -> Result<(Accepted, Lease), Other> {
    if let Ok((outcome, lease)) = &asked {
        exchange.is_answered(lease.address(), outcome.status());
    }
    match asked {
        Ok((
            Outcome::Accepted {
                stream,
                response,
                extensions,
            },
            lease,
        )) => {
            if let Some(attempt) = &exchange.attempt {
                // Before the client has the 101, and may ask.
                attempt.open();
            }
            let accepted = Accepted {
                stream,
                response,
                extensions,
            };
            Ok((accepted, lease))
        }
        Ok((Outcome::Refused { content, response }, lease)) => {
            if let Some(passage) = exchange.passage.as_mut() {
                passage.lease = Some(lease);
            }
            if let Some(attempt) = exchange.attempt.take() {
                attempt.refuse(response.status);
            }
            Err(Other::Backends(response, content))
        }
        Err(error) => {
            access_log::failed(&error, exchange, Some(error.refusal()));
            exchange.refused(error.refusal());
            Err(Other::Ours(error.refusal()))
        }
    }
}

impl Other {
    /// Sends it.
    pub(crate) async fn send(self, session: &mut ServerSession, exchange: &Exchange) -> Result<()> {
        match (self, &exchange.passage) {
            (Self::Backends(response, content), Some(passage)) => {
                let client = &exchange.client;
                relay_refusal(session, content, *response, passage, client).await
            }
            (Self::Backends(..), None) => Ok(()),
            (Self::Ours(refusal), _) => refusal.send(session).await.map_err(|e| e.into_down()),
        }
    }
}

async fn write_101(
    session: &mut ServerSession,
    mut response: Switching,
    exchange: &Exchange,
    route: &Route,
    lease: &Lease,
) -> Result<()> {
    let (request, client) = (session.req_header(), &exchange.client);
    make_101(request, &mut response.lines, client, route, lease)?;
    switch(session, response.to_header()?).await
}

/// Makes a backend's 101 one of ours, but for what the protocol toward the client says of the upgrade itself.
pub(crate) fn make_101(
    request: &RequestHeader,
    response: &mut FieldLines,
    client: &Client,
    route: &Route,
    lease: &Lease,
) -> Result<()> {
    let status = StatusCode::SWITCHING_PROTOCOLS;
    change_response(request, status, response, route, client, Some(lease))?;
    response.remove(&header::CONTENT_LENGTH);
    Ok(())
}

/// Tells the client that from here on it speaks WebSocket.
pub(crate) async fn switch(
    session: &mut ServerSession,
    mut response: ResponseHeader,
) -> Result<()> {
    if session.is_http2() {
        // RFC 8441 §5: any 2xx is what 101 is elsewhere, and proves nothing.
        response.set_status(StatusCode::OK)?;
        response.remove_header(&header::SEC_WEBSOCKET_ACCEPT);
    } else {
        response.insert_header("Connection", "Upgrade")?;
        response.insert_header("Upgrade", "websocket")?;
    }
    let written = session.write_response_header(Box::new(response)).await;
    written.map_err(|e| e.into_down())
}

/// What a tunnel needs but its client.
pub(crate) struct Tunnel {
    backend: ServerStream,
    extensions: Extensions,
    lease: Lease,
    opened: Opened,
}

impl Tunnel {
    /// To this server.
    pub(crate) fn new(
        backend: ServerStream,
        extensions: Extensions,
        lease: Lease,
        opened: Opened,
    ) -> Self {
        Self {
            backend,
            extensions,
            lease,
            opened,
        }
    }

    /// Relays, in a task of its own, so that the large future of the request can go.
    pub(crate) fn open<C>(self, mut client: C, exchange: &mut Exchange, shared: &Shared)
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(passage) = &exchange.passage else {
            return;
        };
        let Self {
            mut backend,
            extensions,
            lease,
            opened,
        } = self;
        let write_timeout = passage.snapshot.config.timeouts.write.get();
        let settings = Settings::new(&passage.route.websocket, extensions, write_timeout);
        let attempt = exchange.attempt.take();
        let (live, server) = (&shared.live, lease.address());
        let present = live.enter(Kind::Tunnel, opened, Some(server));
        let ending = shared.ending(Some(present.entry().clone()));
        let took = exchange.started.elapsed();
        let witness = Witness::new(present, shared.metrics.clone(), took);
        // On the heap at once: spawning moves a future half a dozen times.
        tokio::spawn(Box::pin(async move {
            let observers = Observers {
                attempt: attempt.as_ref(),
                witness: Some(&witness),
            };
            // The client's place in the count is given back after the line is written: a drain waits for both.
            let report = relay(&mut client, &mut backend, settings, &observers, ending).await;
            witness.ended(&report);
            access_log::tunnel(witness.present().opened(), lease.address(), &report);
        }));
    }
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
    session: &mut ServerSession,
    mut content: server_side::Refusal,
    mut response: ResponseHeader,
    passage: &Passage,
    client: &Client,
) -> Result<()> {
    let (route, lease) = (&passage.route, passage.lease.as_ref());
    let has_content = !matches!(
        response.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let chunk = has_content && !response.headers.contains_key(header::CONTENT_LENGTH);
    let framing = chunk.then_some(HeaderValue::from_static("chunked"));
    prepare_response(session, &mut response, framing, route, client, lease)?;
    session
        .write_response_header(Box::new(response))
        .await
        .map_err(|e| e.into_down())?;
    while let Some(piece) = content
        .next(route.read_timeout)
        .await
        .map_err(|e| e.into_up())?
    {
        session
            .write_response_body(piece, false)
            .await
            .map_err(|e| e.into_down())?;
    }
    session
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
