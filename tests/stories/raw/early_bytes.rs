//! Bytes around the 101: none may reach a side that still reads HTTP, and none may be lost.

use harness::{Frame, Opcode, RawBackend, Towpath, handshake, switching_protocols};

use super::in_front_of_raw;

const SMUGGLED: &str = "GET /admin HTTP/1.1\r\nHost: internal.test\r\n\r\n";

/// A2: what the client sends before the 101 waits for it, in the same segment or in a later one.
#[tokio::test]
async fn bytes_before_the_101_reach_the_backend_only_after_it() {
    let backend = RawBackend::start().await;
    let config = format!(
        "routes: [{{ host: chat.test, upstream: {} }}]",
        backend.address()
    );
    let towpath = Towpath::start(&config).await;
    let (first, second) = (
        Frame::text("first").masked(),
        Frame::text("second").masked(),
    );
    let mut client = towpath.connect().await;
    client
        .send([handshake("/ws", "").as_bytes(), &first.bytes()].concat())
        .await;
    let mut server = backend.accept().await;
    let request = server.head().await;
    client.send(second.bytes()).await;
    // While another client is served from beginning to end, not a byte more arrives.
    assert_eq!(towpath.get("/nowhere", &[("host", "h")]).await.0, 404);
    server.is_silent();

    server.send(switching_protocols(&request, "")).await;
    assert_eq!(server.frame().await, first);
    assert_eq!(server.frame().await, second);
    assert_eq!(client.head().await.status(), 101);
}

/// A1 (CVE-2026-2833, CVE-2024-23326): a handshake answered with anything but 101 opens nothing. The second
/// request is either a request of its own or never seen; here its host has no route, so nobody may see it.
#[tokio::test]
async fn a_200_to_a_handshake_opens_no_tunnel() {
    let backend = RawBackend::start().await;
    let config = format!(
        "routes: [{{ host: chat.test, upstream: {} }}]",
        backend.address()
    );
    let towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "") + SMUGGLED).await;
    let mut server = backend.accept().await;
    server.head().await;
    server
        .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
        .await;

    let (head, content) = client.response().await;
    assert_eq!((head.status(), content.as_str()), (200, "no"));
    client.half_close().await;
    let answered = String::from_utf8(client.rest().await).unwrap();
    assert!(
        answered.is_empty() || answered.starts_with("HTTP/1.1 404"),
        "{answered}"
    );
    server.ends().await;
    backend.saw_nobody();
}

/// Frames in the same segment as the 101 belong to the client.
#[tokio::test]
async fn bytes_right_behind_the_101_are_kept() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = backend.accept().await;
    let request = server.head().await;
    let greeting = Frame::text("welcome");
    server
        .send(
            [
                switching_protocols(&request, "").as_bytes(),
                &greeting.bytes(),
            ]
            .concat(),
        )
        .await;
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(client.frame().await, greeting);
}

/// A2: while the backend has not said yes, a flood waits in the kernel; after a no, nobody reads it.
#[tokio::test]
async fn a_flood_before_a_refusal_is_neither_kept_nor_read() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = backend.accept().await;
    server.head().await;
    let before = towpath.memory();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let flooding = tokio::spawn(async move {
        let segment = vec![7; 1 << 20];
        // It blocks soon: the other end does not read.
        let flood = async { while client.try_send(&segment).await {} };
        tokio::select! {
            () = flood => {}
            _ = stopped => {}
        }
        client
    });
    assert_eq!(towpath.get("/~towpath/1/nothing", &[]).await.0, 404);
    let grown = towpath.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more");
    server.is_silent();
    server
        .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        .await;
    drop(stop);
    let mut client = flooding.await.unwrap();
    assert_eq!(client.head().await.status(), 403);
    assert_eq!(server.rest().await, b"");
    backend.saw_nobody();
}

/// More than any buffer on the way holds.
#[tokio::test]
async fn a_flood_before_the_101_arrives_whole_after_it() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = backend.accept().await;
    let request = server.head().await;
    let flood = Frame::new(Opcode::Binary, vec![7; 16 << 20]).masked();
    let bytes = flood.bytes();
    let sending = tokio::spawn(async move {
        client.send(bytes).await;
        client
    });
    server.send(switching_protocols(&request, "")).await;
    assert_eq!(server.frame().await, flood);
    sending.await.unwrap();
}
