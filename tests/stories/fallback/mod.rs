//! The native fallback (fallback/PROTOCOL.md): WebSockets carried over plain HTTP requests. The client is the
//! harness's own, which fails a story on whatever the document does not allow; the witness is the backend.

mod attempts;
mod bad_requests;
mod carrying;
mod closing;
mod codec;
mod connections;
mod draining;
mod in_order;
mod lasting;
mod limits;
mod network;
mod old_http;
mod opening;
mod origins;
mod over_http;
mod polling;
mod pressure;
mod probe;
mod python;
mod reloading;
mod routes;
mod streams;

use std::net::SocketAddr;

use harness::fallback::{FallbackClient, Opening, Session};
use harness::{Head, RawBackend, Towpath, Wire};

/// Towpath before this server, with these settings of the route's `fallback`. Without any, nothing is said of it.
async fn in_front_of(server: SocketAddr, fallback: &str) -> Towpath {
    let config = match fallback {
        "" => format!("routes: [{{ upstream: {server} }}]"),
        settings => {
            format!("routes: [{{ upstream: {server}, fallback: {{ {settings} }} }}]")
        }
    };
    Towpath::start(&config).await
}

/// A conversation between a client and a raw backend.
struct Conversation {
    client: FallbackClient,
    server: Wire,
    towpath: Towpath,
    _backend: RawBackend,
}

impl Conversation {
    /// Opens it, with these settings of the route.
    async fn open(route: &str) -> Self {
        let backend = RawBackend::start().await;
        let config = format!("routes: [{{ upstream: {}, {route} }}]", backend.address());
        let towpath = Towpath::start(&config).await;
        let (client, (server, _)) = tokio::join!(
            FallbackClient::open(towpath.address(), "/chat"),
            backend.accept_websocket()
        );
        Self {
            client,
            server,
            towpath,
            _backend: backend,
        }
    }
}

/// A session whose requests the story writes itself, and a raw backend.
struct ByHand {
    session: Session,
    server: Wire,
    request: Head,
    towpath: Towpath,
    _backend: RawBackend,
}

impl ByHand {
    /// Opens it, with these settings of the route's `fallback`.
    async fn open(fallback: &str) -> Self {
        Self::with(Opening::new("/chat"), fallback).await
    }

    async fn with(opening: Opening, fallback: &str) -> Self {
        let backend = RawBackend::start().await;
        let towpath = in_front_of(backend.address(), fallback).await;
        let (session, (server, request)) = tokio::join!(
            Session::with(towpath.address(), opening),
            backend.accept_websocket()
        );
        Self {
            session,
            server,
            request,
            towpath,
            _backend: backend,
        }
    }
}
