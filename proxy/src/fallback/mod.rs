//! The proxy's side of the fallback: requests below a WebSocket's path go from pingora's session to `towpath-fallback`
//! and its answers back, and its sessions get their backends through our groups.

mod backend;
mod content;
pub(crate) mod engine_io;
mod probe;
mod requester;
mod routing;
pub(crate) mod services;
mod settings;
pub(crate) mod sockjs;
mod upgrade;

use std::pin::pin;
use std::sync::Arc;

use pingora::Result;
use pingora::proxy::Session;
use towpath_fallback::{Endpoint, Fallback, Via, asked_cid, client};

pub(crate) use content::{Content, head};
pub(crate) use probe::probe;
pub(crate) use requester::Requester;
pub(crate) use routing::find_route;
pub(crate) use services::Services;
pub(crate) use settings::{bounds, origins, policy};

use crate::attempts::{Cid, Fate};
use crate::gateway::{Exchange, Passage, refuse};
use crate::generations::elsewhere;
use crate::shared::Shared;
use backend::{Aim, RouteBackend};

/// Serves the browser client. `Ok(true)`: it was answered.
pub(crate) async fn serve_client(session: &mut Session) -> Result<bool> {
    let request = session.req_header();
    let response = client::respond(&request.method, request.uri.path(), &request.headers);
    content::write(session, response, None).await?;
    Ok(true)
}

/// Answers a request of a session that is open. It needs no route, and its own may be gone since: its token is for its
/// Origin alone.
pub(crate) async fn go_on<R: Requester>(
    requester: &mut R,
    exchange: &mut Exchange,
    shared: &Shared,
) -> Result<()> {
    let most = Fallback::MAX_BODY;
    let Some(content) = requester.content(exchange, shared, most).await? else {
        return Ok(());
    };
    exchange.summed_up = true;
    exchange.dialect = Some("towpath");
    exchange.leave_trace();
    let own_origin = exchange.client.own_origin(requester.head());
    let headers = &requester.head().headers;
    let is_strange = match &content {
        Ok(content) if shared.has_others(&exchange.client) => {
            !shared.fallback.knows(content, headers, &own_origin)
        }
        _ => false,
    };
    drop(own_origin);
    if is_strange {
        // Boxed, since a held poll would carry its size.
        let answered = Box::pin(elsewhere(requester, exchange, shared, &content));
        if answered.await? {
            return Ok(());
        }
    }
    let response = {
        let own_origin = exchange.client.own_origin(requester.head());
        let answered = shared
            .fallback
            .go_on(requester.head(), content, &own_origin);
        let answered = pin!(answered);
        drop(own_origin);
        requester.let_go();
        requester.unless_gone(answered).await?
    };
    match response {
        Some(response) => requester.answer(response, None).await,
        None => Ok(()),
    }
}

/// Answers a request to another endpoint of the fallback. `Ok(true)`: it was answered, or its client is gone.
pub(crate) async fn carry(
    session: &mut Session,
    exchange: &mut Exchange,
    shared: &Arc<Shared>,
    endpoint: Endpoint,
) -> Result<bool> {
    let most = Fallback::MAX_BODY;
    let Some(content) = session.content(exchange, shared, most).await? else {
        return Ok(true);
    };
    let snapshot = shared.snapshot();
    let own_origin = exchange.client.own_origin(session.req_header());
    let route = match endpoint {
        Endpoint::Open | Endpoint::Check => {
            let content = content.as_deref().unwrap_or_default();
            find_route(&snapshot, session.req_header(), content, &exchange.client)
        }
        Endpoint::Io | Endpoint::Probe | Endpoint::Unknown => None,
    };
    if let Some(route) = &route {
        exchange.passage = Some(Passage::new(snapshot, route.clone()));
        if let Err(refusal) = exchange.prove(route, session.req_header()) {
            return refuse(session, exchange, refusal).await;
        }
        if !route.filters.authorize(session, exchange).await? {
            return Ok(true);
        }
    }
    if endpoint == Endpoint::Check
        && shared.has_others(&exchange.client)
        && is_unseen(&content, shared)
    {
        // The handshake may have come to another process, which alone remembers it.
        let answered = Box::pin(elsewhere(session, exchange, shared, &content));
        if answered.await? {
            return Ok(true);
        }
    }
    let route = route.filter(|route| route.fallback.is_some());
    let backend = match (endpoint, &route) {
        (Endpoint::Open, Some(route)) => {
            let open = session.req_header();
            let cut = Endpoint::cut(open.uri.path());
            let aim = Aim {
                dialect: "towpath",
                path: cut.as_ref().map_or("/", |(_, path)| path),
                query: open.uri.query().unwrap_or_default(),
            };
            Some(RouteBackend::new(open, aim, exchange, route, shared)?)
        }
        _ => None,
    };
    let check = |cid: &str| match Cid::parse(cid.as_bytes()) {
        Some(cid) => {
            let fate = shared.attempts.look(cid);
            shared.metrics.checked(&fate);
            fate.to_json()
        }
        None => r#"{"towpath":1,"status":"malformed"}"#.to_owned(),
    };
    let via = Via {
        client: exchange.client.address,
        own_origin: &own_origin,
        policy: route.as_ref().and_then(|route| route.fallback.as_ref()),
        backend,
        check: &check,
    };
    let request = session.request(content);
    let answered = pin!(shared.fallback.serve(endpoint, request, via));
    let Some(response) = session.unless_gone(answered).await? else {
        return Ok(true);
    };
    let changes = route.as_ref().filter(|_| endpoint == Endpoint::Open);
    let changes = changes.map(|route| &route.response_headers);
    content::write(session, response, changes).await?;
    Ok(true)
}

/// Whether a `check` asks for an attempt that has not come here.
fn is_unseen(content: &Content, shared: &Shared) -> bool {
    let cid = asked_cid(content.as_deref().unwrap_or_default());
    let fate = Cid::parse(cid.as_bytes()).map(|cid| shared.attempts.look(cid));
    fate == Some(Fate::Unseen)
}
