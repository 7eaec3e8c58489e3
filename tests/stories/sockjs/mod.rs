//! The real sockjs-client, in Node and in Chromium, before backends that know WebSockets alone: each transport that can
//! be forced there is. xdr-streaming and xdr-polling cannot, as they are Internet Explorer's.

mod both_sides;
mod conversation;
mod gone;
mod networks;

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
const ELSEWHERE: [&str; 4] = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];

/// In pages of another origin, too, by the ways of browsers of old.
const LEGACY: [&str; 4] = [
    "iframe-eventsource",
    "iframe-htmlfile",
    "iframe-xhr-polling",
    "jsonp-polling",
];

/// The paths of the backend that have a service each.
const ROOMS: [&str; 7] = [
    "/binary", "/close", "/cut", "/echo", "/headers", "/hear", "/status",
];

/// A site with pages, whose own WebSockets keep records, and Towpath with SockJS services.
struct Service {
    site: Peer,
    towpath: Towpath,
    /// Where clients find the services.
    services: String,
}

impl Service {
    /// Before the site's own WebSockets, at their paths.
    async fn start(settings: &str) -> Self {
        let site = Peer::node("browser/server.mjs").await;
        Self::between(site.address(), site, "", settings).await
    }

    /// Before the site's own WebSockets, below another path than theirs.
    async fn below(prefix: &'static str, settings: &str) -> Self {
        let site = Peer::node("browser/server.mjs").await;
        Self::between(site.address(), site, prefix, settings).await
    }

    /// Before this server's WebSockets, at their paths.
    async fn before(server: SocketAddr, settings: &str) -> Self {
        let site = Peer::node("browser/server.mjs").await;
        Self::between(server, site, "", settings).await
    }

    /// A service for each room, and pages at all other paths.
    async fn between(server: SocketAddr, site: Peer, prefix: &'static str, more: &str) -> Self {
        let legacy = "legacy_transports: [iframe, htmlfile, jsonp], client_url: /sockjs.js";
        let rooms = ROOMS.map(|room| {
            let path = match prefix {
                "" => String::new(), // the route's own
                prefix => format!("path: {prefix}{room}, "),
            };
            let sockjs = format!("{{ {path}{legacy}, {more} }}");
            let fallback = format!("{{ sockjs: {sockjs} }}");
            format!("  - {{ path: {room}, upstream: {server}, fallback: {fallback} }}\n")
        });
        let routes = format!("{}  - {{ upstream: {} }}\n", rooms.concat(), site.address());
        // All of them come from one address.
        let limits = "limits: { opens_per_second: off }\n";
        let towpath = Towpath::start(&format!("routes:\n{routes}{limits}")).await;
        Self {
            services: format!("{}{prefix}", towpath.address()),
            towpath,
            site,
        }
    }

    /// What these checks see in Node.
    async fn in_node(&self, checks: &str, transports: &[&str]) -> Value {
        let script = ["in-node.mjs", checks];
        self.tells(&script, &[self.site.address()], transports)
            .await
    }

    /// What these checks see in pages from where the service is.
    async fn here(&self, checks: &str, transports: &[&str]) -> Value {
        let script = ["in-chromium.mjs", checks];
        self.tells(&script, &[self.towpath.address()], transports)
            .await
    }

    /// What these checks see in pages of another origin.
    async fn elsewhere(&self, checks: &str, transports: &[&str]) -> Value {
        let script = ["in-chromium.mjs", checks];
        self.tells(&script, &[self.site.address()], transports)
            .await
    }

    /// What a script of `tests/peers/node/sockjs` tells of each transport. It takes, after what is its own, where the
    /// services are, further addresses, and the transports.
    async fn tells(&self, script: &[&str], others: &[SocketAddr], transports: &[&str]) -> Value {
        let others: Vec<_> = others.iter().map(SocketAddr::to_string).collect();
        let mut arguments = script[1..].to_vec();
        arguments.push(&self.services);
        arguments.extend(others.iter().map(String::as_str));
        arguments.extend(transports);
        let said = Peer::node_client(&format!("sockjs/{}", script[0]), &arguments).await;
        serde_json::from_str(&said).unwrap()
    }
}

/// Fails unless each transport saw what is expected of it, and nothing else.
fn agree(seen: &Value, transports: &[&str], expected: impl Fn(&str) -> Value) {
    let mut differing = Vec::new();
    for transport in transports {
        let (expected, seen) = (expected(transport), &seen[transport]);
        for (check, expected) in expected.as_object().unwrap() {
            let got = &seen[check];
            if got != expected {
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
