//! What is let in while the process drains: requests of sessions that are here, so that their clients get what is theirs
//! and hear of the end. All else is for another process.

use pingora::http::RequestHeader;
use towpath_fallback::Endpoint;

use super::Exchange;
use super::decide::Way;
use super::shortcut::{OfSession, Shortcut};
use crate::fallback::{engine_io, sockjs};
use crate::shared::Shared;

/// Whether a request may go on its way while we drain.
pub(super) fn may_come_in(
    shared: &Shared,
    way: &Way,
    request: &RequestHeader,
    exchange: &Exchange,
) -> bool {
    match way {
        // What is unknown here is told so.
        Way::Fallback(Endpoint::Io | Endpoint::Check) => true,
        Way::SockJs(asked) => knows_sockjs(shared, asked, request, exchange),
        Way::EngineIo(asked) | Way::EngineIoWebSocket(asked) => {
            knows_engine_io(shared, asked, request, exchange)
        }
        // It comes from another process, and is of a session that is here or nowhere.
        _ => exchange.client.is_inner(),
    }
}

/// The same of a request that takes the short way.
pub(super) fn may_take_shortcut(
    shared: &Shared,
    way: &Shortcut,
    request: &RequestHeader,
    exchange: &Exchange,
) -> bool {
    match way {
        Shortcut::Tunnel => exchange.client.is_inner(),
        Shortcut::Session(OfSession::Native) => true,
        Shortcut::Session(OfSession::SockJs(asked)) => {
            knows_sockjs(shared, asked, request, exchange)
        }
        Shortcut::Session(OfSession::EngineIo(asked)) => {
            knows_engine_io(shared, asked, request, exchange)
        }
    }
}

fn knows_sockjs(
    shared: &Shared,
    asked: &sockjs::Asked,
    request: &RequestHeader,
    exchange: &Exchange,
) -> bool {
    let own_origin = exchange.client.own_origin(request);
    let fallback = &shared.fallback;
    let name = fallback.name_sockjs(&asked.sockjs, &asked.endpoint, &own_origin);
    exchange.client.is_inner() || name.is_none_or(|name| fallback.remembers_sockjs(&name))
}

fn knows_engine_io(
    shared: &Shared,
    asked: &engine_io::Asked,
    request: &RequestHeader,
    exchange: &Exchange,
) -> bool {
    let own_origin = exchange.client.own_origin(request);
    let query = request.uri.query().unwrap_or_default();
    exchange.client.is_inner() || asked.engine_io.is_of(shared, &own_origin, query)
}
