//! python-socketio: as a server under uvicorn, and as a client.

use harness::{Checks, Peer, python_checklist};
use serde_json::json;

use super::{Site, are_alike, ends_up};

const SERVER: &str = "socket_io_peer.py";

#[tokio::test]
async fn a_server_in_python() {
    for (transport, end) in [("polling", "polling"), ("default", "websocket")] {
        let direct = Site::direct(Peer::python_with(SERVER, &["--polling"]).await);
        let carried = Site::carried(Peer::python(SERVER).await, "on").await;
        let (script, client) = ("socket_io/in-node.mjs", ["4", transport]);
        let (mut direct, mut carried) = tokio::join!(
            direct.finds(script, &client),
            carried.finds(script, &client)
        );
        ends_up(&carried, end);
        knows_the_ends(&mut carried);
        direct.remove("ends and their reasons").unwrap();
        are_alike(carried, direct);
    }
}

#[tokio::test]
async fn a_client_in_python() {
    for (transport, end) in [("polling", "polling"), ("default", "websocket")] {
        let [direct, carried] = Site::both(&[]).await;
        let find = async |site: &Site| {
            python_checklist("socket_io_client.py", &site.arguments(&[transport])).await
        };
        let (direct, carried) = tokio::join!(find(&direct), find(&carried));
        assert_eq!(carried["carried"], end);
        are_alike(carried, direct);
    }
}

/// The server words it otherwise where a poll ends, so its clients differ by how they get there.
fn knows_the_ends(carried: &mut Checks) {
    let end = |client: &str, server: &str| json!({ "client": client, "server": [server] });
    assert_eq!(
        carried.remove("ends and their reasons").unwrap(),
        json!({
            "by the client": end("io client disconnect", "client disconnect"),
            "by the client, without a word": end("forced close", "transport close"),
            "by the server": end("io server disconnect", "server disconnect"),
            "by the server, without a word": end("io server disconnect", "server disconnect"),
        })
    );
}
