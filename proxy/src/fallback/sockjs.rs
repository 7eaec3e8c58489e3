//! SockJS between pingora's sessions and the fallback.

use std::pin::pin;
use std::sync::Arc;

use http::{HeaderValue, header};
use pingora::Result;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use towpath_fallback::dialect::sockjs::{self, Endpoint, Via};

use super::Requester;
use super::backend::{Aim, RouteBackend};
use super::services::Service;
use super::upgrade::accept;
use crate::gateway::{Exchange, Passage};
use crate::generations::elsewhere;
use crate::shared::Shared;
use crate::tunnel::upgrade::take_connection;

/// What a SockJS request asks for.
pub(crate) struct Asked {
    pub(crate) service: Arc<Service>,
    pub(crate) sockjs: Arc<sockjs::Service>,
    pub(crate) endpoint: Endpoint,
}

/// What a path asks for that nobody should send.
pub(crate) fn unknown() -> Endpoint {
    Endpoint::unknown()
}

impl Asked {
    fn backend(
        &self,
        request: &RequestHeader,
        exchange: &Exchange,
        shared: &Arc<Shared>,
    ) -> Result<RouteBackend> {
        let query = self.endpoint.own_query(query(request));
        let aim = Aim {
            dialect: "sockjs",
            path: &self.service.path,
            query: &query,
        };
        RouteBackend::new(request, aim, exchange, &self.service.route, shared)
    }

    fn take_passage(&self, exchange: &mut Exchange, shared: &Shared) {
        let route = self.service.route.clone();
        exchange.passage = Some(Passage::new(shared.snapshot(), route));
    }
}

/// Answers a request to a SockJS service, unless its client is gone.
pub(crate) async fn carry<R: Requester>(
    requester: &mut R,
    exchange: &mut Exchange,
    shared: &Arc<Shared>,
    asked: Asked,
) -> Result<()> {
    asked.take_passage(exchange, shared);
    let service = &asked.service;
    exchange.shows_path(&service.path);
    let content = requester
        .content(exchange, shared, service.max_body)
        .await?;
    let (Some(content), Some(policy)) = (content, &service.route.fallback) else {
        return Ok(());
    };
    let head = requester.head();
    let (own_origin, query) = (exchange.client.own_origin(head), query(head).to_owned());
    let (sockjs, endpoint) = (&asked.sockjs, &asked.endpoint);
    let fallback = &shared.fallback;
    let name = fallback.name_sockjs(sockjs, endpoint, &own_origin);
    // What is of no session is nobody else's.
    let is_strange = shared.has_others(&exchange.client)
        && name.is_some_and(|name| !fallback.remembers_sockjs(&name));
    if is_strange && Box::pin(elsewhere(requester, exchange, shared, &content)).await? {
        return Ok(());
    }
    let head = requester.head();
    let opens = endpoint.receives() && name.is_some_and(|name| !fallback.knows_sockjs(&name));
    if opens {
        // At the gate nobody has done so yet.
        exchange.join_trace(head, &shared.snapshot(), &shared.traces);
        exchange.shows_path(&service.path);
    }
    let backend = match opens {
        true => Some(Box::new(asked.backend(head, exchange, shared)?)),
        false => None,
    };
    let via = Via {
        client: exchange.client.address,
        own_origin: &own_origin,
        query: &query,
        policy,
        service: &asked.sockjs,
        name,
        backend,
    };
    let request = requester.request(content);
    let response = {
        let answered = pin!(shared.fallback.serve_sockjs(&asked.endpoint, request, via));
        requester.unless_gone(answered).await?
    };
    let Some(response) = response else {
        return Ok(());
    };
    exchange.dialect = Some("sockjs");
    exchange.summed_up = asked.endpoint.is_of_session() && response.status().is_success();
    if exchange.summed_up && !opens {
        exchange.leave_trace();
    }
    let changes = &service.route.response_headers;
    requester.answer(response, Some(changes)).await
}

/// Answers a handshake for a SockJS session's own WebSocket. `Ok(true)`: it was answered, or its client is gone.
pub(crate) async fn connect(
    session: &mut Session,
    exchange: &mut Exchange,
    shared: &Arc<Shared>,
    asked: Asked,
) -> Result<bool> {
    asked.take_passage(exchange, shared);
    let service = &asked.service;
    exchange.shows_path(&service.path);
    let request = session.req_header();
    let backend = Some(asked.backend(request, exchange, shared)?);
    let Some(policy) = &service.route.fallback else {
        return Ok(true);
    };
    let (own_origin, query) = (
        exchange.client.own_origin(request),
        query(request).to_owned(),
    );
    let via = Via {
        client: exchange.client.address,
        own_origin: &own_origin,
        query: &query,
        policy,
        service: &asked.sockjs,
        name: None,
        backend,
    };
    let headers = request.headers.clone();
    let connected = pin!(shared.fallback.connect_sockjs(&headers, via));
    let changes = &service.route.response_headers;
    match session.unless_gone(connected).await? {
        None => {}
        Some(Err(response)) => session.answer(response, Some(changes)).await?,
        Some(Ok(accepted)) => {
            let cookies = accepted.cookies.iter();
            let cookies = cookies.map(|cookie: &HeaderValue| (header::SET_COOKIE, cookie));
            accept(session, cookies, Some(changes)).await?;
            if let Some(client) = take_connection(session, exchange) {
                accepted.carry(client);
            }
        }
    }
    Ok(true)
}

fn query(request: &RequestHeader) -> &str {
    request.uri.query().unwrap_or_default()
}
