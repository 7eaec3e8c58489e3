//! Events both ways at once, from the first moment on and across the upgrade: all, once, in order.

use harness::Peer;
use serde_json::{Value, json};

use super::Site;

#[tokio::test]
async fn nothing_is_lost_or_doubled_across_an_upgrade() {
    run(&[], "4", "default", 20).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_across_an_old_clients_upgrade() {
    run(&["--eio3"], "2", "default", 20).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_while_polling() {
    run(&[], "4", "polling", 5).await;
    run(&["--release", "2"], "2", "polling", 5).await;
}

/// The script itself is proved at a server that lets its clients poll.
async fn run(server: &[&str], release: &str, transport: &str, runs: usize) {
    let [direct, carried] = Site::both(server).await;
    for seen in bursts(&direct, release, transport, 2).await {
        assert_eq!(seen["heard"], "all in order");
        assert_eq!(seen["echoed"], "all in order");
        assert!(seen["polls"].as_u64() > Some(0), "{seen}");
    }
    let expected = json!({
        "heard": "all in order",
        "echoed": "all in order",
        "server": carried.records,
        "carried": if transport == "default" { "websocket" } else { transport },
        "polls": 0,
        "handshakes": 1,
        "opened": ["/"],
        "ended": ["client namespace disconnect"],
    });
    for (number, seen) in bursts(&carried, release, transport, runs)
        .await
        .into_iter()
        .enumerate()
    {
        assert_eq!(seen, expected, "run {number}");
    }
}

async fn bursts(site: &Site, release: &str, transport: &str, runs: usize) -> Vec<Value> {
    let count = runs.to_string();
    let arguments = site.arguments(&[release, transport, &count]);
    let said = Peer::node_client("socket_io/bursts.mjs", &arguments).await;
    let seen: Vec<Value> = serde_json::from_str(&said).unwrap();
    assert_eq!(seen.len(), runs);
    seen
}
