//! The short way of a plain handshake over HTTP/1.1. It costs two connections and their sockets' system calls anyway;
//! pingora's session around it cost as much again. Only what is answered with something else than 101 gets one.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use pingora::{Error, ErrorType, OrErr, Result};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::downstream::Downstream;
use super::head::Head;
use super::shortcut::{Answering, failed};
use crate::gateway::Exchange;
use crate::observe::access_log::{self, Answered};
use crate::shared::Shared;
use crate::tunnel::greeting::Switching;
use crate::tunnel::upgrade::{self, Other, Tunnel};

/// How long pingora lets a connection be idle; the gate has a limit of its own.
const KEEPALIVE: u64 = 60;

/// Takes a handshake to its backend, and its client into a tunnel; what else came of it, the client is answered, and may
/// ask again if it `keeps` the connection.
pub(super) fn answer(
    client: Box<Downstream>,
    head: Head,
    request: RequestHeader,
    mut exchange: Exchange,
    keeps: bool,
    shared: Arc<Shared>,
) -> Answering {
    Box::pin(async move {
        let (client, other) = match carry(client, head, &request, &mut exchange, &shared).await {
            Ok(()) => {
                exchange.end_trace(&Answered::switched());
                return None;
            }
            Err(Left::Gone(error)) => {
                access_log::failed(&error, &exchange, None);
                exchange.note(&request, unanswered(), &shared);
                return None;
            }
            Err(Left::Answer(client, other)) => (client, other),
        };
        // Dialling is over, and what is left is rare.
        let answered = Box::pin(answer_otherwise(
            client, head, other, &exchange, keeps, &shared,
        ));
        let client = answered.await;
        exchange.count(&shared);
        client
    })
}

/// Why there is no tunnel.
enum Left {
    /// The client has left, or something is wrong with its connection.
    Gone(Box<Error>),
    Answer(Box<Downstream>, Other),
}

impl From<Box<Error>> for Left {
    fn from(error: Box<Error>) -> Self {
        Self::Gone(error)
    }
}

async fn carry(
    mut client: Box<Downstream>,
    head: Head,
    request: &RequestHeader,
    exchange: &mut Exchange,
    shared: &Arc<Shared>,
) -> std::result::Result<(), Left> {
    let Some(passage) = &exchange.passage else {
        return Ok(());
    };
    let route = passage.route.clone();
    let write = passage.snapshot.config.timeouts.write.get();
    let asked = tokio::select! {
        asked = upgrade::ask(request, exchange, &route)? => asked,
        // What it sends meanwhile stays in `Downstream`.
        gone = client.end() => return Err(Left::Gone(left(gone))),
    };
    let (accepted, lease) = match upgrade::settle(asked, exchange) {
        Ok(accepted) => accepted,
        Err(other) => return Err(Left::Answer(client, other)),
    };
    let opened = access_log::opened(request, exchange, &route);
    let mut response = accepted.response;
    let lines = &mut response.lines;
    upgrade::make_101(request, lines, &exchange.client, &route, &lease)?;
    lines.replace("Connection", b"Upgrade");
    lines.replace("Upgrade", b"websocket");
    let written = write_head(&mut client, &response, write).await;
    written.inspect_err(|_| exchange.lost())?;
    client.skip(head.len);
    client.release();
    Tunnel::new(accepted.stream, accepted.extensions, lease, opened).open(client, exchange, shared);
    Ok(())
}

async fn write_head(
    client: &mut Downstream,
    response: &Switching,
    patience: Duration,
) -> Result<()> {
    let status = StatusCode::SWITCHING_PROTOCOLS;
    let bytes = response.lines.response(status, &response.reason, 0);
    let written = async {
        client.write_all(&bytes).await?;
        client.flush().await
    };
    match timeout(patience, written).await {
        Ok(written) => written.map_err(|e| failed(ErrorType::WriteError, e)),
        Err(_) => Error::e_explain(ErrorType::WriteTimedout, "the client does not read"),
    }
}

/// Answers through a session of pingora's, which reads the head anew. The client, if another request may follow.
async fn answer_otherwise(
    mut client: Box<Downstream>,
    head: Head,
    other: Other,
    exchange: &Exchange,
    keeps: bool,
    shared: &Arc<Shared>,
) -> Option<Box<Downstream>> {
    client.admit(head);
    let mut session = ServerSession::new_http1(client);
    if let Err(error) = session.read_request().await {
        access_log::failed(&error, exchange, None);
        return None;
    }
    session.set_keepalive(keeps.then_some(KEEPALIVE));
    if let Some(passage) = &exchange.passage {
        session.set_write_timeout(Some(passage.snapshot.config.timeouts.write.get()));
    }
    let sent = other.send(&mut session, exchange).await;
    if let Err(error) = &sent {
        access_log::failed(error, exchange, None);
    }
    let answered = Answered::in_session(&session, sent.as_ref().err().map(|e| &**e));
    exchange.note(session.req_header(), answered, shared);
    sent.ok()?;
    let (stream, _) = session.finish().await.ok()??.into_parts();
    let client = stream.into_any().downcast::<Downstream>().ok()?;
    client.is_between_requests().then_some(client)
}

fn left(gone: std::io::Result<()>) -> Box<Error> {
    let gone = gone.or_err(ErrorType::ReadError, "the client's connection");
    let gone = gone.map(|()| Error::explain(ErrorType::ConnectionClosed, "before its 101"));
    gone.unwrap_or_else(|error| error).into_down()
}

fn unanswered() -> Answered {
    Answered {
        status: None,
        received: 0,
        sent: 0,
        failed: true,
    }
}
