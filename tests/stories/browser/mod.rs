//! The fallback in a real browser: the same page, the same backend, with and without WebSockets between them.

mod alike;
mod blocked;
mod node;
mod pages;
mod streaming;

use std::net::SocketAddr;

use harness::{Middlebox, Peer, Responses, Towpath, Upgrades};
use serde_json::Value;

/// A backend that serves the pages and talks to them, and Towpath in front of it.
struct Site {
    backend: Peer,
    towpath: Towpath,
}

impl Site {
    async fn start() -> Self {
        let backend = Peer::node("browser/server.mjs").await;
        let config = format!("routes: [{{ upstream: {} }}]", backend.address());
        let towpath = Towpath::start(&config).await;
        Self { backend, towpath }
    }

    /// A box that has its way with WebSockets, in front of all this.
    async fn behind(&self, upgrades: Upgrades) -> Middlebox {
        Middlebox::start(self.towpath.address(), upgrades, Responses::Streamed).await
    }
}

/// What a script of `tests/peers/node/browser` tells.
async fn tells(script: &str, arguments: &[&str]) -> Value {
    let said = Peer::node_client(&format!("browser/{script}"), arguments).await;
    serde_json::from_str(&said).unwrap()
}

fn http(address: SocketAddr) -> String {
    format!("http://{address}")
}
