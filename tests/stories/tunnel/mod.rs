//! The life of a tunnel: what passes, what Towpath says into it, how it ends, and what is told of it.

mod ending;
mod limits;
mod pings;
mod relaying;

use harness::{RawBackend, Towpath, Wire, handshake};

/// A tunnel between two raw ends.
struct Tunnel {
    client: Wire,
    server: Wire,
    towpath: Towpath,
    _backend: RawBackend,
}

impl Tunnel {
    /// Opens it, with these settings of the route's `websocket`.
    async fn open(websocket: &str) -> Self {
        let backend = RawBackend::start().await;
        let config = format!(
            "routes: [{{ upstream: {}, websocket: {{ {websocket} }} }}]",
            backend.address()
        );
        let towpath = Towpath::start(&config).await;
        let mut client = towpath.connect().await;
        client.send(handshake("/ws", "")).await;
        let (server, _) = backend.accept_websocket().await;
        assert_eq!(client.head().await.status(), 101);
        Self {
            client,
            server,
            towpath,
            _backend: backend,
        }
    }

    /// The tunnel's line in the access log, once it is over.
    async fn line(&self) -> serde_json::Value {
        self.towpath.access("tunnel", |_| true).await
    }
}
