//! What one key of a route says of another: a route without WebSockets has no fallback for them, its fallback carries
//! no longer messages than its WebSockets do, and is for no other pages.

use serde::Deserialize;
use serde_yaml::Value;

use crate::model::Config;
use crate::route::{Origins, Route, Upgrade, WebSocket};
use crate::units::ByteSize;

/// Writes `fallback: off` into the routes that refuse WebSockets and say nothing of the fallback. This needs the
/// tree: in the types, a key that is absent looks like its default.
pub(crate) fn switch_off(tree: &mut Value) {
    let routes = tree.get_mut("routes").and_then(Value::as_sequence_mut);
    for route in routes.into_iter().flatten() {
        if let Value::Mapping(route) = route
            && route.get("websocket").is_some_and(refuses)
            && !route.contains_key("fallback")
        {
            route.insert("fallback".into(), "off".into());
        }
    }
}

/// What cannot be read refuses nothing; the reader will say what is wrong with it.
fn refuses(websocket: &Value) -> bool {
    WebSocket::deserialize(websocket).is_ok_and(|websocket| websocket.upgrade == Upgrade::Deny)
}

/// Lowers each fallback's `max_message` to its route's for WebSockets, and lets it take over the route's `origins`
/// unless it has its own.
pub(crate) fn inherit(config: &mut Config) {
    for route in &mut config.routes {
        route.fallback.max_message = max_message(route);
        if route.fallback.origins == Origins::Upstream {
            route.fallback.origins = route.origins.clone();
        }
    }
}

/// The longest message that the fallback of `route` carries.
pub(crate) fn max_message(route: &Route) -> ByteSize {
    let own = route.fallback.max_message;
    let websocket = route.websocket.max_message.get();
    websocket.map_or(own, |limit| limit.min(own))
}
