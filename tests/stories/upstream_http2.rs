//! Servers that are reached by WebSockets over HTTP/2 (RFC 8441): hypercorn, and one that takes none.

use futures_util::{SinkExt, StreamExt};
use harness::fallback::FallbackClient;
use harness::{Peer, Towpath, WebSocket, echo, open, within};
use tokio_tungstenite::tungstenite::Message;

async fn before(server: std::net::SocketAddr) -> Towpath {
    Towpath::start(&format!(
        "routes: [{{ upstream: {server}, websocket: {{ upstream: h2 }} }}]"
    ))
    .await
}

async fn heard(socket: &mut WebSocket) -> Message {
    within("a message", socket.next()).await.unwrap().unwrap()
}

#[tokio::test]
async fn tunnels_and_sessions_share_a_connection() {
    let server = Peer::python("hypercorn_peer.py").await;
    let towpath = before(server.address()).await;
    let mut one = open(towpath.address(), "/over").await;
    let mut other = open(towpath.address(), "/over").await;
    let first = heard(&mut one).await.into_text().unwrap();
    assert!(first.starts_with("[\"2\","), "{first}");
    assert_eq!(heard(&mut other).await.into_text().unwrap(), first);
    let session = FallbackClient::open(towpath.address(), "/over").await;
    assert_eq!(session.text().await, first.as_str());
}

#[tokio::test]
async fn messages_and_closes_pass_both_ways() {
    let server = Peer::python("hypercorn_peer.py").await;
    let towpath = before(server.address()).await;
    let mut talk = open(towpath.address(), "/echo").await;
    assert_eq!(echo(&mut talk, "grüße 👋").await, "grüße 👋");
    let long = vec![7; 1 << 20];
    talk.send(Message::binary(long.clone())).await.unwrap();
    assert_eq!(heard(&mut talk).await.into_data(), long);
    // What one stream does not read holds no other up.
    let mut lazy = open(towpath.address(), "/echo").await;
    for _ in 0..4 {
        lazy.send(Message::binary(long.clone())).await.unwrap();
    }
    assert_eq!(echo(&mut talk, "still here").await, "still here");
    for _ in 0..4 {
        assert_eq!(heard(&mut lazy).await.into_data(), long);
    }
    talk.close(None).await.unwrap();
    let tunnel = towpath
        .access("tunnel", |line| line["path"] == "/echo")
        .await;
    assert_eq!(tunnel["ended_by"], "client");
}

/// hypercorn gives up a connection when a client answers its Close; the next WebSocket makes another.
#[tokio::test]
async fn a_close_of_the_servers_passes() {
    let server = Peer::python("hypercorn_peer.py").await;
    let towpath = before(server.address()).await;
    for _ in 0..3 {
        let bye = open(towpath.address(), "/close?code=4001&reason=bye").await;
        assert_eq!(harness::closed(bye).await, (4001, "bye".to_owned()));
    }
}

#[tokio::test]
async fn a_refusal_comes_back_whole() {
    let server = Peer::python("hypercorn_peer.py").await;
    let towpath = before(server.address()).await;
    let mut client = towpath.connect().await;
    client.send(harness::handshake("/refuse", "")).await;
    let (head, content) = client.response().await;
    assert_eq!((head.status(), &*content), (403, "not for you\n"));
    assert_eq!(head.value("x-refused-by"), Some("peer"));
}

#[tokio::test]
async fn a_server_that_announces_nothing_of_the_kind_is_502() {
    let server = Peer::node("secure.mjs").await;
    let towpath = before(server.address()).await;
    let mut client = towpath.connect().await;
    client.send(harness::handshake("/", "")).await;
    assert_eq!(client.response().await.0.status(), 502);
    let said = towpath.wait_log("server cannot be reached").await;
    let reason = said["reason"].as_str().unwrap();
    assert!(
        reason.contains("takes no WebSockets over HTTP/2"),
        "{reason}"
    );
    assert_eq!(said["level"], "WARN");
}

/// A connection that is gone is replaced by the next.
#[tokio::test]
async fn a_server_that_comes_back_is_reached_again() {
    let server = Peer::python("hypercorn_peer.py").await;
    let towpath = before(server.address()).await;
    let mut talk = open(towpath.address(), "/echo").await;
    assert_eq!(echo(&mut talk, "hello").await, "hello");
    drop(server);
    let end = within("the end", talk.next()).await;
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
    let server = Peer::python("hypercorn_peer.py").await;
    towpath
        .reload(&format!(
            "routes: [{{ upstream: {}, websocket: {{ upstream: h2 }} }}]",
            server.address()
        ))
        .await;
    let mut talk = open(towpath.address(), "/echo").await;
    assert_eq!(echo(&mut talk, "again").await, "again");
}
