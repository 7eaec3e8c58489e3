//! WebSockets of a service: a session's own, the one without SockJS, and the route's beside them.

use harness::{Frame, RawBackend, handshake, switching_protocols};

use super::{ask, request, service, text, with};

#[tokio::test]
async fn a_session_is_answered_once_the_backend_has_agreed() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let mut client = towpath.connect().await;
    let fields = "Origin: http://page.test\r\nCookie: a=1\r\n";
    client
        .send(handshake("/echo/0/s/websocket?token=1&t=17", fields))
        .await;
    let mut server = backend.accept().await;
    let asked = server.head().await;
    assert_eq!(asked.start, "GET /ws?token=1 HTTP/1.1");
    assert_eq!(asked.value("origin"), Some("http://page.test"));
    assert_eq!(asked.value("cookie"), Some("a=1"));
    client.is_silent();
    server
        .send(switching_protocols(&asked, "Set-Cookie: b=2\r\n"))
        .await;
    let head = client.head().await;
    assert_eq!(head.status(), 101);
    assert_eq!(head.value("set-cookie"), Some("b=2"));
    assert_eq!(head.value("content-length"), None);
    assert_eq!(client.frame().await, Frame::text("o"));

    client.send(Frame::text("[\"a\"]").masked().bytes()).await;
    assert_eq!(text(&server.frame().await), "a");
    server.send(Frame::text("b").bytes()).await;
    assert_eq!(client.frame().await, Frame::text("a[\"b\"]"));
    server.send(Frame::close(3000, "Go away!").bytes()).await;
    assert_eq!(client.frame().await, Frame::text("c[3000,\"Go away!\"]"));
    assert_eq!(
        client.frame().await.closing(),
        (3000, "Go away!".to_owned())
    );
}

#[tokio::test]
async fn a_refusal_is_the_handshakes_answer() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let mut client = towpath.connect().await;
    client.send(handshake("/echo/0/s/websocket", "")).await;
    let mut server = backend.accept().await;
    server.head().await;
    server
        .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.response().await.0.status(), 403);
}

#[tokio::test]
async fn what_is_no_handshake_is_told_so() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let bare = "Upgrade: WebSocket\r\nConnection: close\r\n";
    for fields in ["", bare] {
        for path in ["/echo/0/0/websocket", "/echo/websocket"] {
            let (head, content) = ask(&towpath, request("GET", path, fields, "")).await;
            assert_eq!(head.status(), 400, "{path} {fields}");
            assert_eq!(content, "Can \"Upgrade\" only to \"WebSocket\".");
        }
    }
    backend.saw_nobody();
}

#[tokio::test]
async fn the_one_without_sockjs_goes_straight_into_the_tunnel() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let mut client = towpath.connect().await;
    client.send(handshake("/echo/websocket?a=1", "")).await;
    let (mut server, asked) = backend.accept_websocket().await;
    assert_eq!(asked.start, "GET /ws?a=1 HTTP/1.1");
    assert_eq!(client.head().await.status(), 101);
    let hello = Frame::text("Hello\u{ffff}");
    client.send(hello.clone().masked().bytes()).await;
    assert_eq!(server.frame().await, hello.masked());
}

#[tokio::test]
async fn where_websockets_are_off_there_are_none() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "websocket: off").await;
    for path in ["/echo/websocket", "/echo/0/s/websocket"] {
        let (head, _) = ask(&towpath, handshake(path, "")).await;
        assert_eq!(head.status(), 404, "{path}");
    }
    backend.saw_nobody();
}

#[tokio::test]
async fn the_routes_own_websocket_passes_beside_the_service() {
    let backend = RawBackend::start().await;
    let towpath = with(backend.address(), "on", "").await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let (_server, asked) = backend.accept_websocket().await;
    assert_eq!(asked.start, "GET /ws HTTP/1.1");
    assert_eq!(client.head().await.status(), 101);
    // So does the native fallback below it.
    let check = r#"{"towpath":1,"cid":"wYbTz1X0c4bO4mCq3xqg9Q"}"#;
    let (head, content) = ask(&towpath, request("POST", "/ws/~towpath/1/check", "", check)).await;
    assert_eq!(head.status(), 200);
    assert!(content.contains("\"status\":\"unseen\""), "{content}");
}
