//! engine.io-client, and Engine.IO at a path of its own.

use harness::Peer;
use serde_json::json;

use super::{Site, are_alike, let_chance_be_chance};

const SERVER: &str = "socket_io/engine-server.mjs";
const SCRIPT: &str = "socket_io/engine-checks.mjs";

#[tokio::test]
async fn a_client_of_engine_io() {
    for (transport, end) in [("polling", "polling"), ("default", "websocket")] {
        let direct = Site::direct(Peer::node_with(SERVER, &["--polling"]).await);
        let carried = Site::carried(Peer::node(SERVER).await, "/engine.io/").await;
        let client = [transport];
        let (direct, mut carried) = tokio::join!(
            direct.finds(SCRIPT, &client),
            carried.finds(SCRIPT, &client)
        );
        let_chance_be_chance(&mut carried);
        assert_eq!(
            carried["ends"],
            json!([
                { "client": "forced close", "server": [{ "reason": "transport close", "heard": 0 }] },
                { "client": "transport close", "server": [{ "reason": "forced close", "heard": 1 }] },
            ])
        );
        assert_eq!(carried["heartbeats"], end);
        are_alike(carried, direct);
    }
}
