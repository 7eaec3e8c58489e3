//! Engine.IO between pingora's sessions and the fallback.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use pingora::Result;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use towpath_conf::EngineIoMode;
use towpath_fallback::dialect::engine_io::query::{Query, Transport, upstream};
use towpath_fallback::dialect::engine_io::{Outcome, Service, Via};

use super::Requester;
use super::backend::{Aim, RouteBackend};
use super::services;
use super::upgrade::accept;
use crate::classify::Kind;
use crate::forwarded::Client;
use crate::gateway::{Exchange, Passage};
use crate::generations::elsewhere;
use crate::shared::Shared;
use crate::snapshot::Route;
use crate::tunnel::upgrade::take_connection;

/// How long a backend that allows nothing but polling is not asked for a WebSocket again.
const POLLING_ONLY: Duration = Duration::from_secs(300);

/// What a route says of its Engine.IO, and what is known of its backend.
#[derive(Debug)]
pub(crate) struct EngineIo {
    pub(super) service: Service,
    pub(super) mode: EngineIoMode,
    /// Until when its backend is taken to allow nothing but polling.
    pub(super) polling_only: Mutex<Option<Instant>>,
}

/// Which way an Engine.IO request takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// It is answered here.
    Answer,
    /// It is a handshake for a session that there is here.
    Upgrade,
    /// It goes to the backend as it is: the same server for the same client, which keeps its session.
    Pass,
}

impl EngineIo {
    /// Whether a request is of a session that there is here.
    pub(crate) fn is_of(&self, shared: &Shared, own_origin: &str, query: &str) -> bool {
        shared
            .fallback
            .knows_engine_io(&self.service, own_origin, query)
    }

    /// Whether a client's requests must all reach the same server: its session is there.
    pub(crate) fn pins(&self) -> bool {
        self.mode == EngineIoMode::Pass || self.passes()
    }

    fn passes(&self) -> bool {
        let mut until = self.polling_only();
        until.take_if(|until| *until <= Instant::now());
        until.is_some()
    }

    /// No code here can panic while it holds the lock.
    fn polling_only(&self) -> MutexGuard<'_, Option<Instant>> {
        self.polling_only
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service, as requests to it need it.
pub(crate) struct Asked {
    pub(crate) service: Arc<services::Service>,
    pub(crate) engine_io: Arc<EngineIo>,
    /// Whether the query names a session.
    pub(crate) has_session: bool,
    transport: Transport,
}

impl Asked {
    /// What a request to this service asks for.
    pub(super) fn of(
        request: &RequestHeader,
        service: Arc<services::Service>,
        engine_io: Arc<EngineIo>,
    ) -> Self {
        let query = Query::parse(query(request));
        Self {
            service,
            engine_io,
            has_session: query.sid.is_some(),
            transport: query.transport,
        }
    }

    /// Which way it takes.
    pub(crate) fn lane(
        &self,
        kind: Kind,
        request: &RequestHeader,
        client: &Client,
        shared: &Shared,
    ) -> Lane {
        let engine_io = &self.engine_io;
        // What a preflight is answered is the backend's to say.
        if engine_io.mode == EngineIoMode::Pass || request.method == Method::OPTIONS {
            return Lane::Pass;
        }
        let is_here = || engine_io.is_of(shared, &client.own_origin(request), query(request));
        match (kind, self.has_session) {
            // One that begins with a WebSocket is a WebSocket's like any other.
            (Kind::Upgrade, false) => Lane::Pass,
            (Kind::Upgrade, true) if engine_io.passes() && !is_here() => Lane::Pass,
            (Kind::Upgrade, true) => Lane::Upgrade,
            (Kind::Http, _) if self.transport == Transport::WebSocket => Lane::Answer,
            (Kind::Http, _) if engine_io.passes() && !is_here() => Lane::Pass,
            (Kind::Http, _) => Lane::Answer,
        }
    }
}

/// Answers a request. `Ok(false)`: it is to go to the backend as it is.
pub(crate) async fn carry<R: Requester>(
    requester: &mut R,
    exchange: &mut Exchange,
    shared: &Arc<Shared>,
    asked: Asked,
) -> Result<bool> {
    let route = asked.service.route.clone();
    exchange.passage = Some(Passage::new(shared.snapshot(), route.clone()));
    let most = asked.service.max_body;
    let content = match requester.head().method == Method::GET {
        // It has none, and may be passed on yet.
        true => Some(Ok(Bytes::new())),
        false => requester.content(exchange, shared, most).await?,
    };
    let (Some(content), Some(policy)) = (content, &route.fallback) else {
        return Ok(true);
    };
    let head = requester.head();
    let (own_origin, query) = (exchange.client.own_origin(head), query(head).to_owned());
    let has_session = asked.has_session;
    let is_strange = shared.has_others(&exchange.client)
        && has_session
        && !shared
            .fallback
            .knows_engine_io(&asked.engine_io.service, &own_origin, &query);
    if is_strange && Box::pin(elsewhere(requester, exchange, shared, &content)).await? {
        return Ok(true);
    }
    let backend = match has_session {
        true => None,
        false => Some(backend(requester.head(), exchange, shared, &route)?),
    };
    let via = Via {
        client: exchange.client.address,
        own_origin: &own_origin,
        query: &query,
        policy,
        service: &asked.engine_io.service,
        backend,
    };
    let request = requester.request(content);
    let outcome = {
        let answered = pin!(shared.fallback.serve_engine_io(request, via));
        requester.unless_gone(answered).await?
    };
    let response = match outcome {
        None => return Ok(true),
        Some(Outcome::PollingOnly(_)) if asked.engine_io.mode == EngineIoMode::Auto => {
            *asked.engine_io.polling_only() = Some(Instant::now() + POLLING_ONLY);
            exchange.pinned = true;
            return Ok(false);
        }
        Some(Outcome::PollingOnly(response) | Outcome::Answered(response)) => response,
    };
    exchange.dialect = Some("engine_io");
    exchange.summed_up = has_session && response.status().is_success();
    if exchange.summed_up {
        exchange.leave_trace();
    }
    let changes = &route.response_headers;
    requester.answer(response, Some(changes)).await?;
    Ok(true)
}

/// Answers a handshake for a session's WebSocket. `Ok(true)`: it was answered.
pub(crate) async fn upgrade(
    session: &mut Session,
    exchange: &mut Exchange,
    shared: &Arc<Shared>,
    asked: Asked,
) -> Result<bool> {
    let route = asked.service.route.clone();
    let snapshot = shared.snapshot();
    session.set_write_timeout(Some(snapshot.config.timeouts.write.get()));
    exchange.passage = Some(Passage::new(snapshot, route.clone()));
    let Some(policy) = &route.fallback else {
        return Ok(true);
    };
    let request = session.req_header();
    let (own_origin, query) = (
        exchange.client.own_origin(request),
        query(request).to_owned(),
    );
    let via = Via::<RouteBackend> {
        client: exchange.client.address,
        own_origin: &own_origin,
        query: &query,
        policy,
        service: &asked.engine_io.service,
        backend: None,
    };
    match shared.fallback.upgrade_engine_io(&request.headers, &via) {
        Ok(accepted) => {
            accept(session, [], Some(&route.response_headers)).await?;
            if let Some(client) = take_connection(session, exchange) {
                accepted.carry(client);
            }
        }
        Err(response) => {
            let changes = &route.response_headers;
            session.answer(*response, Some(changes)).await?;
        }
    }
    Ok(true)
}

/// The way to the backend for whoever opens a session.
fn backend(
    request: &RequestHeader,
    exchange: &Exchange,
    shared: &Arc<Shared>,
    route: &Arc<Route>,
) -> Result<Box<RouteBackend>> {
    let query = upstream(query(request));
    let aim = Aim {
        dialect: "engine_io",
        path: request.uri.path(),
        query: &query,
    };
    let backend = RouteBackend::new(request, aim, exchange, route, shared)?;
    Ok(Box::new(backend))
}

fn query(request: &RequestHeader) -> &str {
    request.uri.query().unwrap_or_default()
}
