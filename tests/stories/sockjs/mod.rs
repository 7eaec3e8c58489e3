//! The real sockjs-client, in Node and in Chromium, before backends that know WebSockets alone: each transport that can
//! be forced there is. xdr-streaming and xdr-polling cannot, as they are Internet Explorer's.

mod binary;
mod conversation;
mod ends;
mod gone;
mod handshake;

use std::net::SocketAddr;

use harness::{Peer, Towpath};
use serde_json::Value;

const NODE: [&str; 4] = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];

/// In pages from where the service is.
const HERE: [&str; 5] = [
    "websocket",
    "xhr-streaming",
    "eventsource",
    "htmlfile",
    "xhr-polling",
];

/// In pages of another origin.
const ELSEWHERE: [&str; 8] = [
    "websocket",
    "xhr-streaming",
    "eventsource",
    "xhr-polling",
    "iframe-eventsource",
    "iframe-htmlfile",
    "iframe-xhr-polling",
    "jsonp-polling",
];

/// Whatever the client takes when it is free.
const ANY: &str = "any";

/// The paths that are services.
const ROOMS: [&str; 8] = [
    "/binary", "/close", "/cut", "/echo", "/headers", "/hear", "/refuse", "/status",
];

/// A site with pages, whose own WebSockets keep records, and Towpath with SockJS services.
struct Service {
    site: Peer,
    towpath: Towpath,
}

impl Service {
    /// Before the site's own WebSockets.
    async fn start(settings: &str) -> Self {
        let site = Peer::node("browser/server.mjs").await;
        let towpath = in_front_of(site.address(), site.address(), settings).await;
        Self { site, towpath }
    }

    /// Before this server.
    async fn before(server: SocketAddr, settings: &str) -> Self {
        let site = Peer::node("browser/server.mjs").await;
        let towpath = in_front_of(server, site.address(), settings).await;
        Self { site, towpath }
    }

    /// What these checks see in Node.
    async fn in_node(&self, checks: &str, transports: &[&str]) -> Value {
        let addresses = [self.towpath.address(), self.site.address()];
        tells(&["in-node.mjs", checks], &addresses, transports).await
    }

    /// What these checks see in pages from where the service is.
    async fn here(&self, checks: &str, transports: &[&str]) -> Value {
        let addresses = [self.towpath.address(); 2];
        tells(&["in-chromium.mjs", checks], &addresses, transports).await
    }

    /// What these checks see in pages of another origin.
    async fn elsewhere(&self, checks: &str, transports: &[&str]) -> Value {
        let addresses = [self.towpath.address(), self.site.address()];
        tells(&["in-chromium.mjs", checks], &addresses, transports).await
    }
}

/// A service at each room's own path, and pages at all other paths.
async fn in_front_of(server: SocketAddr, site: SocketAddr, settings: &str) -> Towpath {
    let legacy = "legacy_transports: [iframe, htmlfile, jsonp], client_url: /sockjs.js";
    let rooms = ROOMS.map(|room| {
        let sockjs = format!("{{ {legacy}, {settings} }}");
        format!("  - {{ path: {room}, upstream: {server}, fallback: {{ sockjs: {sockjs} }} }}\n")
    });
    let rooms = rooms.concat();
    Towpath::start(&format!("routes:\n{rooms}  - {{ upstream: {site} }}\n")).await
}

/// What a script of `tests/peers/node/sockjs` tells of each transport.
async fn tells(script: &[&str], addresses: &[SocketAddr], transports: &[&str]) -> Value {
    let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
    let addresses = addresses.iter().map(String::as_str);
    let arguments: Vec<_> = script[1..]
        .iter()
        .copied()
        .chain(addresses)
        .chain(transports.iter().copied())
        .collect();
    let said = Peer::node_client(&format!("sockjs/{}", script[0]), &arguments).await;
    serde_json::from_str(&said).unwrap()
}

/// Fails unless each transport saw what is expected of it, and nothing else.
fn agree(seen: &Value, transports: &[&str], expected: impl Fn(&str) -> Value) {
    let mut differing = Vec::new();
    for transport in transports {
        let (expected, seen) = (expected(transport), &seen[transport]);
        for (check, expected) in expected.as_object().unwrap() {
            if seen[check] != *expected {
                let got = &seen[check];
                differing.push(format!(
                    "{transport}, {check}\n  expected {expected}\n  got      {got}"
                ));
            }
        }
        let checks = |of: &Value| of.as_object().map(serde_json::Map::len);
        assert_eq!(checks(seen), checks(&expected), "{transport}: {seen}");
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
