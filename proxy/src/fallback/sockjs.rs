//! SockJS between pingora's sessions and the fallback.

use std::sync::Arc;

use http::{HeaderValue, header};
use pingora::Result;
use pingora::proxy::Session;
use towpath_fallback::dialect::sockjs::{self, Endpoint, Via};

use super::backend::{Aim, RouteBackend};
use super::services::Service;
use super::upgrade::accept;
use super::{await_answer, content, read_content};
use crate::gateway::{Exchange, Passage};
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
        session: &Session,
        exchange: &Exchange,
        shared: &Arc<Shared>,
    ) -> Result<RouteBackend> {
        let request = session.req_header();
        let query = self.endpoint.own_query(query(session));
        let aim = Aim {
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

/// Answers a request to a SockJS service. `Ok(true)`: it was answered, or its client is gone.
pub(crate) async fn carry(
    session: &mut Session,
    exchange: &mut Exchange,
    shared: &Arc<Shared>,
    asked: Asked,
) -> Result<bool> {
    asked.take_passage(exchange, shared);
    let service = &asked.service;
    let Some(content) = read_content(session, exchange, shared, service.max_body).await? else {
        return Ok(true);
    };
    let backend = match asked.endpoint.receives() {
        true => Some(asked.backend(session, exchange, shared)?),
        false => None,
    };
    let (Some(policy), request) = (&service.route.fallback, session.req_header()) else {
        return Ok(true);
    };
    let (own_origin, query) = (
        exchange.client.own_origin(request),
        query(session).to_owned(),
    );
    let via = Via {
        client: exchange.client.address,
        own_origin: &own_origin,
        query: &query,
        policy,
        service: &asked.sockjs,
        backend,
    };
    let request = content::request(request, content);
    let answered = shared.fallback.serve_sockjs(&asked.endpoint, request, via);
    let Some(response) = await_answer(session, answered).await? else {
        return Ok(true);
    };
    exchange.summed_up = asked.endpoint.is_of_session() && response.status().is_success();
    let changes = &service.route.response_headers;
    content::write(session, response, Some(changes)).await?;
    Ok(true)
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
    let backend = Some(asked.backend(session, exchange, shared)?);
    let (Some(policy), request) = (&service.route.fallback, session.req_header()) else {
        return Ok(true);
    };
    let (own_origin, query) = (
        exchange.client.own_origin(request),
        query(session).to_owned(),
    );
    let via = Via {
        client: exchange.client.address,
        own_origin: &own_origin,
        query: &query,
        policy,
        service: &asked.sockjs,
        backend,
    };
    let headers = request.headers.clone();
    let connected = shared.fallback.connect_sockjs(&headers, via);
    let changes = &service.route.response_headers;
    match await_answer(session, connected).await? {
        None => {}
        Some(Err(response)) => content::write(session, response, Some(changes)).await?,
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

fn query(session: &Session) -> &str {
    session.req_header().uri.query().unwrap_or_default()
}
