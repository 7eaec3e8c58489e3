//! C7, E7: a side that breaks off with RST, at each stage of a tunnel's life. The other side is told, the
//! tunnel ends, and the process serves on.

use harness::{Frame, Opcode, RawBackend, Towpath, Wire, handshake};

use super::in_front_of_raw;

async fn open(towpath: &Towpath, backend: &RawBackend) -> (Wire, Wire) {
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let (server, _) = backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);
    (client, server)
}

/// A conversation from end to end, to show that nobody else was hurt.
async fn still_serves(towpath: &Towpath, backend: &RawBackend) {
    let (mut client, mut server) = open(towpath, backend).await;
    let hello = Frame::text("hello").masked();
    client.send(hello.bytes()).await;
    assert_eq!(server.frame().await, hello);
}

#[tokio::test]
async fn the_client_resets_within_its_header() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send("GET /ws HTTP/1.1\r\nHost: ch").await;
    client.reset();
    still_serves(&towpath, &backend).await;
}

#[tokio::test]
async fn the_client_resets_while_the_backend_decides() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = backend.accept().await;
    server.head().await;
    client.reset();
    server.ends().await;
    still_serves(&towpath, &backend).await;
}

#[tokio::test]
async fn the_client_resets_right_after_the_101() {
    let (backend, towpath) = in_front_of_raw().await;
    let (client, mut server) = open(&towpath, &backend).await;
    client.reset();
    server.ends().await;
    drop(server);
    towpath
        .access("tunnel", |line| line["ended_by"].as_str().is_some())
        .await;
    still_serves(&towpath, &backend).await;
}

#[tokio::test]
async fn the_client_resets_within_a_frame() {
    let (backend, towpath) = in_front_of_raw().await;
    let (mut client, mut server) = open(&towpath, &backend).await;
    let frame = Frame::new(Opcode::Binary, vec![1; 1000]).masked().bytes();
    client.send(&frame[..300]).await;
    assert_eq!(server.bytes(300).await, frame[..300]);
    client.reset();
    server.ends().await;
    drop(server);
    let line = towpath.access("tunnel", |_| true).await;
    assert_eq!(
        (line["client_bytes"].as_u64(), line["ended_by"].as_str()),
        (Some(300), Some("client_reset"))
    );
    still_serves(&towpath, &backend).await;
}

#[tokio::test]
async fn the_backend_resets_instead_of_an_answer() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = backend.accept().await;
    server.head().await;
    server.reset();
    assert_eq!(client.head().await.status(), 502);
    still_serves(&towpath, &backend).await;
}

#[tokio::test]
async fn the_backend_resets_within_a_frame() {
    let (backend, towpath) = in_front_of_raw().await;
    let (mut client, mut server) = open(&towpath, &backend).await;
    let frame = Frame::new(Opcode::Binary, vec![1; 1000]).bytes();
    server.send(&frame[..300]).await;
    assert_eq!(client.bytes(300).await, frame[..300]);
    server.reset();
    client.ends().await;
    drop(client);
    towpath
        .access("tunnel", |line| line["backend_bytes"] == 300)
        .await;
    still_serves(&towpath, &backend).await;
}
