//! What a request is, and which way it takes.

use std::sync::Arc;

use http::Method;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use towpath_fallback::{Endpoint, client};

use super::draining::may_come_in;
use super::{Exchange, Gateway, Passage, addresses, peer_address, target};
use crate::answer::{Refusal, Reply};
use crate::attempts::take_cid;
use crate::classify::{Kind, classify};
use crate::fallback::engine_io::{self, Lane};
use crate::fallback::services::Found;
use crate::fallback::{self, sockjs};
use crate::forwarded::Ends;
use crate::gate::{is_inner, tls_facts};
use crate::snapshot::Snapshot;

/// Which way a request takes.
pub(super) enum Way {
    /// A WebSocket to the backend.
    Tunnel,
    /// A request to the fallback.
    Fallback(Endpoint),
    /// A request to a SockJS service.
    SockJs(sockjs::Asked),
    /// A SockJS session's own WebSocket.
    SockJsWebSocket(sockjs::Asked),
    /// A request of an Engine.IO client.
    EngineIo(engine_io::Asked),
    /// An Engine.IO session's own WebSocket.
    EngineIoWebSocket(engine_io::Asked),
    /// A WebSocket to ourselves.
    Probe,
    /// Something that we serve ourselves.
    Internal,
    /// Somewhere else.
    Redirect(Reply),
    /// Plain HTTP to the backend.
    Http,
}

impl Gateway {
    /// What the request is and which route it takes.
    pub(super) fn decide(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<Way, Refusal> {
        let way = self.find_way(session, exchange)?;
        let is_wanted = || may_come_in(&self.shared, &way, session.req_header(), exchange);
        match self.shared.is_draining() && !is_wanted() {
            true => Err(Refusal::Draining),
            false => Ok(way),
        }
    }

    fn find_way(&self, session: &mut Session, exchange: &mut Exchange) -> Result<Way, Refusal> {
        let snapshot = self.shared.snapshot();
        let ends = Ends {
            peer: peer_address(session),
            tls: tls_facts(&session.downstream_session),
            addresses: addresses(session),
            inner: is_inner(&session.downstream_session),
        };
        let request = session.req_header_mut();
        if !request.raw_path().starts_with(b"/") {
            // Of a target in absolute form, pingora's URI is the path alone, and its authority was the Host's.
            request.set_uri(request.uri.clone());
        }
        exchange.identify(request, ends, &snapshot);
        exchange.join_and_tell(request, &snapshot, &self.shared.traces);
        let kind = classify(request);
        snapshot.rates.ask(exchange.client.address, kind.ok())?;
        let found = snapshot.services.find(request, &exchange.client);
        if let Some(found) = &found {
            exchange.admit(found.route(), request, kind.ok())?;
        }
        let way = match found {
            Some(Found::SockJs(asked)) => {
                Self::decide_sockjs(kind, asked, request, exchange, &snapshot)?
            }
            Some(Found::EngineIo(asked)) => {
                Some(self.decide_engine_io(kind?, asked, request, exchange, &snapshot))
            }
            None => None,
        };
        if let Some(way) = way {
            return Ok(way);
        }
        let kind = kind?;
        if snapshot.has_fallback && request.uri.path().starts_with(client::PREFIX) {
            return Ok(Way::Internal);
        }
        if let Some(endpoint) = Endpoint::of(request.uri.path()) {
            return match endpoint {
                Endpoint::Probe => Self::decide_probe(kind, request, exchange, snapshot),
                // Which route it takes, if it needs one, may depend on its content.
                _ => Ok(Way::Fallback(endpoint)),
            };
        }
        // Of every request: a handshake may have been mangled into a plain one on its way.
        let cid = take_cid(request);
        let aim = target(request, &exchange.client);
        let route = snapshot.router.find(&aim).cloned();
        if snapshot.router.is_ambiguous(&aim, route.as_ref()) {
            return Err(Refusal::AmbiguousPath);
        }
        if kind == Kind::Upgrade && !route.as_ref().is_some_and(|route| route.only_falls_back()) {
            exchange.attempt = cid.map(|cid| self.shared.attempts.begin(cid));
        }
        let route = route.ok_or(Refusal::NoRoute)?;
        let upgrade = route.websocket.upgrade;
        let admitted = exchange.admit(&route, request, Some(kind));
        exchange.passage = Some(Passage::new(snapshot, route.clone()));
        admitted?;
        if let Some(redirect) = &route.filters.redirect {
            return redirect
                .answer(&target(request, &exchange.client))
                .map(Way::Redirect);
        }
        match (kind, upgrade) {
            (Kind::Upgrade, towpath_conf::Upgrade::Deny) => Err(Refusal::UpgradeDenied),
            (Kind::Http, towpath_conf::Upgrade::Require) => Err(Refusal::UpgradeRequired),
            (Kind::Upgrade, _) => Ok(Way::Tunnel),
            (Kind::Http, _) => Ok(Way::Http),
        }
    }

    /// What a request below a SockJS service's path is; `None`: it is none of its.
    fn decide_sockjs(
        kind: Result<Kind, Refusal>,
        mut asked: sockjs::Asked,
        request: &mut RequestHeader,
        exchange: &mut Exchange,
        snapshot: &Arc<Snapshot>,
    ) -> Result<Option<Way>, Refusal> {
        let (service, endpoint) = (&asked.service, &asked.endpoint);
        if Endpoint::of(request.uri.path()).is_some() {
            return Ok(None);
        }
        match kind {
            Ok(Kind::Upgrade) if endpoint.is_base() => Ok(None),
            Ok(Kind::Upgrade) if endpoint.is_raw_websocket() && asked.sockjs.websocket => {
                take_cid(request);
                service.aim(request)?;
                let passage = Passage::new(snapshot.clone(), service.route.clone());
                exchange.passage = Some(passage);
                Ok(Some(Way::Tunnel))
            }
            Ok(Kind::Upgrade) if endpoint.is_websocket() => Ok(Some(Way::SockJsWebSocket(asked))),
            Ok(Kind::Upgrade | Kind::Http) => Ok(Some(Way::SockJs(asked))),
            Err(Refusal::DotSegments) => {
                asked.endpoint = sockjs::unknown();
                Ok(Some(Way::SockJs(asked)))
            }
            // What is no GET asks for no WebSocket, whatever its fields say.
            Err(Refusal::Malformed(_)) if request.method != Method::GET => {
                Ok(Some(Way::SockJs(asked)))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// What a request to Engine.IO's path is.
    fn decide_engine_io(
        &self,
        kind: Kind,
        asked: engine_io::Asked,
        request: &mut RequestHeader,
        exchange: &mut Exchange,
        snapshot: &Arc<Snapshot>,
    ) -> Way {
        match asked.lane(kind, request, &exchange.client, &self.shared) {
            Lane::Answer => Way::EngineIo(asked),
            Lane::Upgrade => Way::EngineIoWebSocket(asked),
            Lane::Pass => {
                take_cid(request);
                exchange.pinned = asked.engine_io.pins();
                let passage = Passage::new(snapshot.clone(), asked.service.route.clone());
                exchange.passage = Some(passage);
                match kind {
                    Kind::Upgrade => Way::Tunnel,
                    Kind::Http => Way::Http,
                }
            }
        }
    }

    /// A probe is for the route that the WebSocket itself would take.
    fn decide_probe(
        kind: Kind,
        request: &RequestHeader,
        exchange: &mut Exchange,
        snapshot: Arc<Snapshot>,
    ) -> Result<Way, Refusal> {
        let route = fallback::find_route(&snapshot, request, &[], &exchange.client);
        if let Some(route) = &route {
            exchange.admit(route, request, None)?;
        }
        exchange.passage = route.map(|route| Passage::new(snapshot, route));
        let route = exchange.passage.as_ref().map(|passage| &passage.route);
        match (route.filter(|route| route.fallback.is_some()), kind) {
            (Some(route), _) if route.only_falls_back() => Err(Refusal::UpgradeDenied),
            (Some(_), Kind::Upgrade) => Ok(Way::Probe),
            (Some(_), Kind::Http) => Err(Refusal::UpgradeRequired),
            (None, _) => Ok(Way::Fallback(Endpoint::Probe)),
        }
    }
}
