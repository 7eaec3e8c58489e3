//! The proxy's side of the fallback: requests below a WebSocket's path go from pingora's session to `towpath-fallback`
//! and its answers back, and its sessions get their backends through our groups.

mod backend;
mod content;
mod probe;
mod routing;
mod settings;

use std::sync::Arc;

use pingora::Result;
use pingora::proxy::Session;
use towpath_fallback::{Endpoint, Via, client};

pub(crate) use probe::probe;
pub(crate) use routing::find_route;
pub(crate) use settings::{bounds, policy};

use crate::answer::Refusal;
use crate::attempts::Cid;
use crate::gateway::{Exchange, Passage, refuse};
use crate::shared::Shared;
use backend::RouteBackend;

/// Serves the browser client. `Ok(true)`: it was answered.
pub(crate) async fn serve_client(session: &mut Session) -> Result<bool> {
    let request = session.req_header();
    let response = client::respond(&request.method, request.uri.path(), &request.headers);
    content::write(session, response, None).await?;
    Ok(true)
}

/// Answers a request to the fallback. `Ok(true)`: it was answered, or its client is gone.
pub(crate) async fn carry(
    session: &mut Session,
    exchange: &mut Exchange,
    shared: &Arc<Shared>,
    endpoint: Endpoint,
) -> Result<bool> {
    let snapshot = shared.snapshot();
    let timeouts = &snapshot.config.timeouts;
    session.set_write_timeout(Some(timeouts.write.get()));
    let content = match content::read(session, timeouts.read.get()).await {
        Ok(content) => content,
        Err(content::ReadError::TooSlow) => {
            session.set_keepalive(None);
            return refuse(session, exchange, Refusal::RequestTimeout).await;
        }
        Err(content::ReadError::Broken(error)) => return Err(error.into_down()),
    };
    let own_origin = exchange.client.own_origin(session.req_header());
    let route = match endpoint {
        Endpoint::Open | Endpoint::Check => {
            let content = content.as_deref().unwrap_or_default();
            find_route(&snapshot, session.req_header(), content, &own_origin)
        }
        // A session that is open needs none, and its own may be gone since. Its token is for its Origin alone.
        Endpoint::Io | Endpoint::Probe | Endpoint::Unknown => None,
    };
    if let Some(route) = &route {
        exchange.passage = Some(Passage::new(snapshot, route.clone()));
    }
    let route = route.filter(|route| route.fallback.is_some());
    let backend = match (endpoint, &route) {
        (Endpoint::Open, Some(route)) => Some(RouteBackend::new(
            session.req_header(),
            exchange,
            route,
            shared,
        )?),
        _ => None,
    };
    let check = |cid: &str| match Cid::parse(cid.as_bytes()) {
        Some(cid) => shared.attempts.answer(cid),
        None => r#"{"towpath":1,"status":"malformed"}"#.to_owned(),
    };
    let via = Via {
        client: exchange.client.address,
        own_origin: &own_origin,
        policy: route.as_ref().and_then(|route| route.fallback.as_ref()),
        backend,
        check: &check,
    };
    let request = content::request(session.req_header(), content);
    let answered = shared.fallback.serve(endpoint, request, via);
    let response = tokio::select! {
        // First, since of content that is too large the rest may lie there, and look as if the client went on.
        biased;
        response = answered => response,
        // The client may leave while its poll is held.
        gone = session.downstream_session.read_body_or_idle(true) => {
            return gone.map(|_| true).map_err(|e| e.into_down());
        }
    };
    let changes = route.as_ref().filter(|_| endpoint == Endpoint::Open);
    let changes = changes.map(|route| &route.response_headers);
    content::write(session, response, changes).await?;
    Ok(true)
}
