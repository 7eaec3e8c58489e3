//! The fallback in a real browser: the same page, the same backend, with and without WebSockets between them.

mod alike;

use harness::{Middlebox, Peer, Towpath, Upgrades};

/// A backend that serves the pages and talks to them, and Towpath in front of it.
struct Site {
    _backend: Peer,
    towpath: Towpath,
}

impl Site {
    async fn start() -> Self {
        let backend = Peer::node("browser/server.mjs").await;
        let config = format!("routes: [{{ upstream: {} }}]", backend.address());
        let towpath = Towpath::start(&config).await;
        Self {
            _backend: backend,
            towpath,
        }
    }

    /// A box that has its way with WebSockets, in front of all this.
    async fn behind(&self, upgrades: Upgrades) -> Middlebox {
        Middlebox::start(self.towpath.address(), upgrades).await
    }
}
