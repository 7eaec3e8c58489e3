//! Which route a request to the fallback takes: the one that the WebSocket itself would have taken, conditions and all.

use std::sync::Arc;

use http::Method;
use pingora::http::RequestHeader;
use towpath_fallback::{Endpoint, handshake};

use crate::forwarded::Client;
use crate::gateway::target;
use crate::router::Target;
use crate::snapshot::{Route, Snapshot};

/// The route of the WebSocket below whose path a request with this content stands.
pub(crate) fn find_route(
    snapshot: &Snapshot,
    request: &RequestHeader,
    content: &[u8],
    client: &Client,
) -> Option<Arc<Route>> {
    let (_, path) = Endpoint::cut(request.uri.path())?;
    let own_origin = client.own_origin(request);
    let headers = handshake::equivalent(&request.headers, content, &own_origin);
    let target = Target {
        path: &path,
        method: &Method::GET,
        headers: &headers,
        ..target(request, client)
    };
    let route = snapshot.router.find(&target);
    route
        .filter(|route| !snapshot.router.is_ambiguous(&target, Some(*route)))
        .cloned()
}
