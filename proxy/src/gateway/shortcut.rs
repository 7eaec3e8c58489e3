//! Which requests can be answered at the gate: those of the fallback's sessions, and handshakes, that nobody else has a
//! say in.

use std::sync::Arc;

use pingora::http::RequestHeader;
use towpath_fallback::{Endpoint, client};

use super::draining::may_take_shortcut;
use super::{Exchange, Passage, target};
use crate::attempts::take_cid;
use crate::classify::{Kind, classify};
use crate::fallback::engine_io::{self, Lane};
use crate::fallback::services::Found;
use crate::fallback::sockjs;
use crate::forwarded::Ends;
use crate::shared::Shared;
use crate::snapshot::Snapshot;

/// What takes the short way.
pub(crate) enum Shortcut {
    /// A handshake; the exchange says where it goes.
    Tunnel,
    /// A request of a session.
    Session(OfSession),
}

/// Whose session a request is of.
pub(crate) enum OfSession {
    Native,
    SockJs(sockjs::Asked),
    EngineIo(engine_io::Asked),
}

impl Shortcut {
    /// `None`: the request goes the long way, where it is looked at anew; so does one that is to be refused.
    pub(crate) fn find(
        shared: &Arc<Shared>,
        request: &mut RequestHeader,
        ends: Ends,
        exchange: &mut Exchange,
    ) -> Option<Self> {
        let snapshot = shared.snapshot();
        exchange.identify(request, ends, &snapshot);
        let kind = classify(request).ok()?;
        if kind == Kind::Upgrade {
            return Self::tunnel(shared, snapshot, request, exchange);
        }
        let found = snapshot.services.find(request, &exchange.client);
        let native = Endpoint::of(request.uri.path());
        let session = match (found, native) {
            (None, Some(Endpoint::Io)) => OfSession::native(request)?,
            (Some(found), None) => {
                let route = found.route();
                if route.filters.ask_who() {
                    return None;
                }
                exchange.admit(route, request, Some(kind)).ok()?;
                OfSession::of_service(found, request, exchange, shared)?
            }
            _ => return None,
        };
        let way = Self::Session(session);
        if shared.is_draining() && !may_take_shortcut(shared, &way, request, exchange) {
            return None;
        }
        snapshot
            .rates
            .ask(exchange.client.address, Some(kind))
            .ok()?;
        Some(way)
    }

    /// A handshake that is for a route's own WebSocket, and that nobody is asked about.
    fn tunnel(
        shared: &Shared,
        snapshot: Arc<Snapshot>,
        request: &mut RequestHeader,
        exchange: &mut Exchange,
    ) -> Option<Self> {
        let path = request.uri.path();
        let is_ours = Endpoint::of(path).is_some() || path.starts_with(client::PREFIX);
        let services = &snapshot.services;
        if is_ours || services.find(request, &exchange.client).is_some() {
            return None;
        }
        let cid = take_cid(request);
        let aim = target(request, &exchange.client);
        let route = snapshot.router.find(&aim).cloned()?;
        let goes_elsewhere = snapshot.router.is_ambiguous(&aim, Some(&route))
            || route.filters.redirect.is_some()
            || route.filters.ask_who()
            || route.websocket.upgrade == towpath_conf::Upgrade::Deny;
        if goes_elsewhere {
            return None;
        }
        if shared.is_draining() && !may_take_shortcut(shared, &Self::Tunnel, request, exchange) {
            return None;
        }
        let kind = Some(Kind::Upgrade);
        exchange.admit(&route, request, kind).ok()?;
        snapshot.rates.ask(exchange.client.address, kind).ok()?;
        exchange.join_and_tell(request, &snapshot, &shared.traces);
        exchange.attempt = cid.map(|cid| shared.attempts.begin(cid));
        exchange.passage = Some(Passage::new(snapshot, route));
        Some(Self::Tunnel)
    }
}

impl OfSession {
    fn native(request: &RequestHeader) -> Option<Self> {
        let is_ours = request.uri.path().starts_with(client::PREFIX);
        (!is_ours).then_some(Self::Native)
    }

    fn of_service(
        found: Found,
        request: &RequestHeader,
        exchange: &Exchange,
        shared: &Shared,
    ) -> Option<Self> {
        match found {
            Found::SockJs(asked) => asked
                .endpoint
                .is_of_session()
                .then_some(Self::SockJs(asked)),
            Found::EngineIo(asked) => {
                let lane = asked.lane(Kind::Http, request, &exchange.client, shared);
                let is_here = lane == Lane::Answer && asked.has_session;
                is_here.then_some(Self::EngineIo(asked))
            }
        }
    }
}
