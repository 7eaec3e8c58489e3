//! Which servers can be behind: several of one group, and those that take nothing but polling.

use std::collections::BTreeSet;

use harness::{Peer, Towpath};
use serde_json::{Value, json};

use super::{Site, ends_up};

const SERVER: &str = "socket_io/server.mjs";

/// Without sticky sessions, for there is one WebSocket for each client.
#[tokio::test]
async fn clients_that_poll_stay_with_their_server() {
    let servers = [Peer::node(SERVER).await, Peer::node(SERVER).await];
    let [first, second] = servers.each_ref().map(Peer::address);
    let towpath = Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [\"{first}\", \"{second}\"] }} }}\n\
         routes: [{{ upstream: app, fallback: {{ engine_io: on }} }}]"
    ))
    .await;
    let base = format!("http://{}", towpath.address());
    let records = format!("http://{first},http://{second}");
    let arguments = [&*base, &*records, "4", "polling", "4"];
    let said = Peer::node_client("socket_io/bursts.mjs", &arguments).await;
    let mut seen: Vec<Value> = serde_json::from_str(&said).unwrap();
    let used: BTreeSet<String> = seen
        .iter_mut()
        .map(|run| run["server"].take().to_string())
        .collect();
    assert_eq!(used.len(), 2, "{used:?}");
    for run in seen {
        assert_eq!(
            run,
            json!({
                "heard": "all in order",
                "echoed": "all in order",
                "carried": "polling",
                "server": null,
                "polls": 0,
                "handshakes": 1,
                "opened": ["/"],
                "ended": ["client namespace disconnect"],
            })
        );
    }
}

#[tokio::test]
async fn a_server_that_only_polls_is_polled() {
    let direct = Site::direct(Peer::node_with(SERVER, &["--only-polling"]).await);
    let server = Peer::node_with(SERVER, &["--only-polling"]).await;
    let carried = Site::carried(server, "{ path: /socket.io/, mode: auto }").await;
    is_polled([&direct, &carried]).await;
}

#[tokio::test]
async fn polling_is_passed_on_where_a_route_says_so() {
    let direct = Site::direct(Peer::node_with(SERVER, &["--only-polling"]).await);
    let server = Peer::node_with(SERVER, &["--only-polling"]).await;
    let carried = Site::carried(server, "{ path: /socket.io/, mode: pass }").await;
    is_polled([&direct, &carried]).await;
}

async fn is_polled(sites: [&Site; 2]) {
    let mut seen = Vec::new();
    for site in sites {
        let mut checks = site.finds("socket_io/in-node.mjs", &["4", "default"]).await;
        ends_up(&checks, "polling");
        for record in checks.remove("records").unwrap().as_array().unwrap() {
            assert!(record["polls"].as_u64() > Some(0), "{record}");
        }
        seen.push(checks);
    }
    assert_eq!(seen[1], seen[0]);
}
