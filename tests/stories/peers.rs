//! Every third-party server, without Towpath, through it, and through its fallback: what a client sees must be the same.

use std::net::SocketAddr;

use harness::{Checks, Peer, Towpath, TungstenitePeer, WarpPeer, checklist};
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
    sees_the_same_headers(&mut direct, &mut carried, server.address(), &towpath);
    assert_eq!(carried, direct);
}

/// The whole checklist, and the second client's opinion.
async fn carries(server: SocketAddr, lacks: &[Lacks]) {
    let towpath = in_front_of(server).await;
    let mut direct = checklist("checklist.mjs", &[&format!("ws://{server}")]).await;
    let mut carried = checklist("checklist.mjs", &[&towpath.url("")]).await;
    does_what_it_can(&direct, lacks);
    sees_the_same_headers(&mut direct, &mut carried, server, &towpath);
    assert_eq!(carried, direct);
    Peer::python_client("echo_client.py", &towpath.url("/echo")).await;
    falls_back(server, &towpath).await;
}

/// What a page sees, over HTTP requests alone.
async fn falls_back(server: SocketAddr, towpath: &Towpath) {
    const SCRIPT: &str = "page-checklist.mjs";
    let direct = checklist(SCRIPT, &[&format!("ws://{server}")]).await;
    let carried = checklist(SCRIPT, &[&towpath.url(""), "fallback"]).await;
    assert_eq!(direct["refusal"]["code"], 1006);
    assert_eq!(carried, direct);
}

async fn in_front_of(server: SocketAddr) -> Towpath {
    Towpath::start(&format!("routes: [{{ upstream: {server} }}]")).await
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

/// The backend sees what it sees without us (the key is random, the port another), and where it came from.
fn sees_the_same_headers(
    direct: &mut Checks,
    carried: &mut Checks,
    server: SocketAddr,
    towpath: &Towpath,
) {
    let mut expected = direct.remove("headers").unwrap();
    let mut seen = carried.remove("headers").unwrap();
    let host = towpath.address().to_string();
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", host.as_str()),
    ] {
        assert_eq!(take(&mut seen, name), value, "{name}");
    }
    let forwarded = format!("for=127.0.0.1;host=\"{host}\";proto=http");
    assert_eq!(take(&mut seen, "forwarded"), forwarded);
    assert_eq!(take(&mut expected, "host"), server.to_string());
    assert_eq!(take(&mut seen, "host"), host);
    for headers in [&mut expected, &mut seen] {
        assert_eq!(
            take(headers, "sec-websocket-key").as_str().map(str::len),
            Some(24)
        );
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
