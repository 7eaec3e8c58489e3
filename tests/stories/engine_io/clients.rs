//! Socket.IO's clients in Node: events, acknowledgements, binary, rooms, namespaces, auth, ends, heartbeats, recovery.

use harness::{Checks, Middlebox, Responses, Towpath, Upgrades, checklist};
use serde_json::json;

use super::{Site, are_alike, ends_up, let_chance_be_chance};

const SCRIPT: &str = "socket_io/in-node.mjs";

#[tokio::test]
async fn a_client_that_polls() {
    let checks = both(&["--recovery"], &["4", "polling", "recovery"]).await;
    ends_up(&checks, "polling");
    assert_eq!(checks["what was missed is recovered"], true);
    knows_the_ends(&checks);
}

#[tokio::test]
async fn a_client_that_upgrades() {
    let checks = both(&["--recovery"], &["4", "default", "recovery"]).await;
    ends_up(&checks, "websocket");
    knows_the_ends(&checks);
}

#[tokio::test]
async fn a_client_that_never_polls() {
    let checks = both(&["--recovery"], &["4", "websocket", "recovery"]).await;
    ends_up(&checks, "websocket");
    knows_the_ends(&checks);
}

#[tokio::test]
async fn an_old_client_at_an_old_server() {
    for (transport, end) in [("polling", "polling"), ("default", "websocket")] {
        let checks = both(&["--release", "2"], &["2", transport]).await;
        ends_up(&checks, end);
        knows_the_ends(&checks);
    }
}

#[tokio::test]
async fn an_old_client_at_a_new_server() {
    for (transport, end) in [("polling", "polling"), ("default", "websocket")] {
        let checks = both(&["--eio3"], &["2", transport]).await;
        ends_up(&checks, end);
        knows_the_ends(&checks);
    }
}

#[tokio::test]
async fn a_client_whose_upgrade_is_blocked_goes_on_polling() {
    let [direct, carried] = Site::both(&[]).await;
    let through = carried.towpath.as_ref().map(Towpath::address).unwrap();
    let mut seen = Vec::new();
    for (site, server) in [(&direct, direct.server.address()), (&carried, through)] {
        let middlebox = Middlebox::start(server, Upgrades::Refused, Responses::Streamed).await;
        let base = format!("http://{}", middlebox.address());
        seen.push(checklist(SCRIPT, &[&base, &site.records, "4", "default"]).await);
    }
    let [direct, carried] = seen.try_into().unwrap();
    ends_up(&carried, "polling");
    are_alike(carried, direct);
}

/// What a client finds both ways.
async fn both(server: &[&str], client: &[&str]) -> Checks {
    let [direct, carried] = Site::both(server).await;
    let (direct, mut carried) =
        tokio::join!(direct.finds(SCRIPT, client), carried.finds(SCRIPT, client));
    let_chance_be_chance(&mut carried);
    are_alike(carried.clone(), direct);
    carried
}

/// Lest two failures that look alike pass for the same.
fn knows_the_ends(checks: &Checks) {
    let end = |client: &str, server: &str| json!({ "client": client, "server": [server] });
    assert_eq!(
        checks["ends and their reasons"],
        json!({
            "by the client": end("io client disconnect", "client namespace disconnect"),
            "by the client, without a word": end("forced close", "transport close"),
            "by the server": end("io server disconnect", "server namespace disconnect"),
            "by the server, without a word": end("transport close", "forced close"),
        })
    );
}
