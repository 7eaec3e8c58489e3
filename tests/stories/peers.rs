//! Every third-party server, without Towpath, through it, and through its fallback: what a client sees must be the same.

use std::net::SocketAddr;

use harness::{Checks, Peer, Towpath, TungstenitePeer, WarpPeer, Way, checklist};
use serde_json::{Value, json};

/// What a server cannot do (`tests/peers/README.md`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Deflate,
    CloseReasons,
    OwnRefusal,
}

#[tokio::test]
async fn ws() {
    carries(Peer::node("ws.mjs").await.address(), &[]).await;
}

#[tokio::test]
async fn fastapi_on_uvicorn() {
    carries(Peer::python("fastapi_peer.py").await.address(), &[]).await;
}

#[tokio::test]
async fn django_channels_on_daphne() {
    let lacks = [Lacks::Deflate, Lacks::CloseReasons, Lacks::OwnRefusal];
    carries(Peer::python("channels_peer.py").await.address(), &lacks).await;
}

#[tokio::test]
async fn u_web_sockets() {
    carries(Peer::python("socketify_peer.py").await.address(), &[]).await;
}

#[tokio::test]
async fn gorilla() {
    carries(Peer::go("gorilla").await.address(), &[]).await;
}

#[tokio::test]
async fn nhooyr() {
    carries(Peer::go("nhooyr").await.address(), &[]).await;
}

#[tokio::test]
async fn tungstenite() {
    carries(TungstenitePeer::start().await.address(), &[Lacks::Deflate]).await;
}

#[tokio::test]
async fn warp() {
    carries(WarpPeer::start().await.address(), &[Lacks::Deflate]).await;
}

#[tokio::test]
async fn socket_io() {
    let server = Peer::node("socketio.mjs").await;
    let towpath = in_front_of(server.address()).await;
    let mut direct = checklist(
        "socketio-check.mjs",
        &[&format!("http://{}", server.address())],
    )
    .await;
    let mut carried = checklist(
        "socketio-check.mjs",
        &[&format!("http://{}", towpath.address())],
    )
    .await;
    assert_eq!(direct["refused by middleware"], "not for you");
    assert_eq!(direct["disconnected by the server"], "io server disconnect");
    let (from, to) = (server.address().to_string(), towpath.address().to_string());
    sees_the_same_headers(&mut direct, &mut carried, [&from, &to]);
    assert_eq!(carried, direct);

    let (server, towpath) = (server.address(), towpath.address());
    let direct = Way::WebSocket(server).socket_io().await;
    assert_eq!(direct["refused by middleware"]["message"], "not for you");
    assert_eq!(direct["farewell"], "41");
    for way in [Way::WebSocket(towpath), Way::Fallback(towpath)] {
        is_the_same(direct.clone(), way.socket_io().await, way);
    }
}

/// The whole checklist, and other clients' opinions.
async fn carries(server: SocketAddr, lacks: &[Lacks]) {
    let towpath = in_front_of(server).await;
    let mut direct = checklist("checklist.mjs", &[&format!("ws://{server}")]).await;
    let mut carried = checklist("checklist.mjs", &[&towpath.url("")]).await;
    does_what_it_can(&direct, lacks);
    let (from, to) = (server.to_string(), towpath.address().to_string());
    sees_the_same_headers(&mut direct, &mut carried, [&from, &to]);
    assert_eq!(carried, direct);
    Peer::python_client("echo_client.py", &towpath.url("/echo")).await;
    falls_back(server, &towpath).await;
    is_the_same_by_every_way(server, towpath.address()).await;
}

/// What a page sees, over HTTP requests alone.
async fn falls_back(server: SocketAddr, towpath: &Towpath) {
    const SCRIPT: &str = "page-checklist.mjs";
    let direct = checklist(SCRIPT, &[&format!("ws://{server}")]).await;
    let carried = checklist(SCRIPT, &[&towpath.url(""), "fallback"]).await;
    assert_eq!(direct["refusal"]["code"], 1006);
    assert_eq!(carried, direct);
}

/// What the harness' own clients see, and what the server is told of them.
async fn is_the_same_by_every_way(server: SocketAddr, towpath: SocketAddr) {
    let direct = Way::WebSocket(server).contract().await;
    assert_eq!(direct["subprotocol"], "chat.v1");
    assert_eq!(direct["refusal"], 403);
    for way in [Way::WebSocket(towpath), Way::Fallback(towpath)] {
        is_the_same(direct.clone(), way.contract().await, way);
    }
}

fn is_the_same(mut direct: Checks, mut carried: Checks, way: Way) {
    sees_the_same_headers(&mut direct, &mut carried, ["chat.test"; 2]);
    assert_eq!(carried, direct, "{way:?}");
}

/// A WebSocket brings all its fields; the fallback those that are usual, and `X-Custom` by this configuration.
async fn in_front_of(server: SocketAddr) -> Towpath {
    let fallback = "{ forward_headers: [X-Custom] }";
    let route = format!("{{ upstream: {server}, fallback: {fallback} }}");
    Towpath::start(&format!("routes: [{route}]")).await
}

/// Lest two failures that look alike pass for transparency.
fn does_what_it_can(direct: &Checks, lacks: &[Lacks]) {
    let reason = |reason| {
        if lacks.contains(&Lacks::CloseReasons) {
            ""
        } else {
            reason
        }
    };
    assert_eq!(
        direct["close from the server"],
        json!({ "code": 4001, "reason": reason("bye") })
    );
    assert_eq!(
        direct["close from the client"],
        json!({ "code": 4002, "reason": reason("so long") })
    );
    let deflates = direct["extensions"]
        .as_str()
        .is_some_and(|e| e.starts_with("permessage-deflate"));
    assert_eq!(deflates, !lacks.contains(&Lacks::Deflate));
    assert_eq!(direct["refusal"]["status"], 403);
    if !lacks.contains(&Lacks::OwnRefusal) {
        assert_eq!(direct["refusal"]["refused_by"], "peer");
        assert_eq!(direct["refusal"]["body"], "not for you\n");
    }
}

/// The backend sees what it sees without us (the key is random, the host perhaps another), and where it came from.
fn sees_the_same_headers(direct: &mut Checks, carried: &mut Checks, hosts: [&str; 2]) {
    let mut expected = direct.remove("headers").unwrap();
    let mut seen = carried.remove("headers").unwrap();
    let host = hosts[1];
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", host),
    ] {
        assert_eq!(take(&mut seen, name), value, "{name}");
    }
    // A host with a port is quoted (RFC 7239 §4).
    let forwarded = take(&mut seen, "forwarded")
        .to_string()
        .replace(['"', '\\'], "");
    assert_eq!(forwarded, format!("for=127.0.0.1;host={host};proto=http"));
    for (headers, host) in [&mut expected, &mut seen].into_iter().zip(hosts) {
        assert_eq!(take(headers, "host"), host);
        let key = take(headers, "sec-websocket-key");
        assert_eq!(key.as_str().map(str::len), Some(24));
    }
    assert_eq!(seen, expected);
}

fn take(headers: &mut Value, name: &str) -> Value {
    headers
        .as_object_mut()
        .unwrap()
        .remove(name)
        .unwrap_or_default()
}
