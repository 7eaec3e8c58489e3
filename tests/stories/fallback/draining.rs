//! A drain: who has a session comes in until the end was heard of, and nobody else does any more.

use harness::fallback::{Frame, Opening, Session, Status};
use harness::{
    Frame as WebSocketFrame, HttpBackend, HttpClient, RawBackend, Signal, Towpath, Wire, full,
    handshake, whole,
};
use http::Request;

const ABOUT_TO_END: &str = "503 Service Unavailable: this server is about to end\n";

/// A process before a backend of WebSockets and one of plain HTTP.
async fn start(drain: &str, backend: &RawBackend, plain: &HttpBackend) -> Towpath {
    Towpath::start(&format!(
        "admin: {{ address: 127.0.0.1:0 }}\n\
         drain: {{ {drain} }}\n\
         routes:\n\
         \x20 - {{ upstream: {plain} }}\n\
         \x20 - {{ path: /chat, upstream: {server}, fallback: {{ sockjs: /sockjs }} }}\n\
         \x20 - {{ path: /socket.io, upstream: {server}, \
                   fallback: {{ engine_io: {{ mode: translate }} }} }}",
        plain = plain.address(),
        server = backend.address()
    ))
    .await
}

async fn open(towpath: &Towpath, backend: &RawBackend) -> (Session, Wire) {
    let opening = Session::open(towpath.address(), "/chat");
    let (session, (server, _)) = tokio::join!(opening, backend.accept_websocket());
    (session, server)
}

/// A request on a connection of its own: its status, its content, and whether its connection was to be closed.
async fn ask(towpath: &Towpath, method: &str, path: &str, content: &str) -> (u16, String, bool) {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(full(content.to_owned())).unwrap();
    let mut client = HttpClient::connect(towpath.address()).await;
    let response = client.send(request).await;
    let status = response.status().as_u16();
    let closes = response.headers().get("connection");
    let closes = closes.is_some_and(|connection| connection == "close");
    let content = whole(response.into_body()).await;
    let content = String::from_utf8(content.to_vec()).unwrap();
    (status, content, closes)
}

/// Begins a drain, and returns once it has begun: idle connections are closed then.
async fn drain(towpath: &Towpath) {
    let mut idle = towpath.connect().await;
    idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    idle.response().await;
    towpath.signal(Signal::TERM);
    idle.ends().await;
}

#[tokio::test]
async fn between_two_polls_a_client_comes_in_to_hear_of_the_end() {
    let (backend, plain) = (RawBackend::start().await, HttpBackend::named("plain").await);
    let mut towpath = start("spread: 0s, timeout: 1h", &backend, &plain).await;
    let (session, mut server) = open(&towpath, &backend).await;
    server.send(WebSocketFrame::text("one").bytes()).await;

    towpath.signal(Signal::TERM);
    assert_eq!(server.frame().await.closing().0, 1001);
    server.send(WebSocketFrame::close(1001, "").bytes()).await;
    drop(server);
    let mut session = session.again(&[]);
    let told = session.poll(0).await;
    let end = Frame::close(1012, "service restart");
    assert_eq!(told.frames, [Frame::text("one"), end]);
    assert_eq!(session.poll(2).await.status, Status::Closed);
    assert_eq!(towpath.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_session_goes_on_until_its_moment_and_nobody_else_is_let_in() {
    let (backend, plain) = (RawBackend::start().await, HttpBackend::named("plain").await);
    let mut towpath = start("spread: 1h, timeout: 2h", &backend, &plain).await;
    let (session, mut server) = open(&towpath, &backend).await;
    drain(&towpath).await;

    let about_to_end = (503, ABOUT_TO_END.to_owned(), true);
    assert_eq!(ask(&towpath, "GET", "/", "").await, about_to_end);
    let opening = Opening::new("/chat");
    let (path, body) = (opening.endpoint("open"), opening.body().to_string());
    assert_eq!(ask(&towpath, "POST", &path, &body).await, about_to_end);
    let mut client = towpath.connect().await;
    client.send(handshake("/chat", "")).await;
    assert_eq!(client.head().await.status(), 503);
    towpath.rejected("draining", 3).await;

    for number in 1..=2 {
        let mut session = session.again(&[]);
        let sent = session.send(number, vec![Frame::text("hello")]).await;
        assert_eq!((sent.status, sent.ack), (Status::Ok, number));
        assert_eq!(server.frame().await.payload, b"hello".as_slice());
        server.send(WebSocketFrame::text("and back").bytes()).await;
        let polled = session.poll(number - 1).await;
        assert_eq!(polled.frames, [Frame::text("and back")]);
    }
    towpath.signal(Signal::TERM);
    assert_eq!(towpath.exit_code().await, Some(2));
}

#[tokio::test]
async fn so_it_is_for_clients_of_sockjs_and_engine_io() {
    let (backend, plain) = (RawBackend::start().await, HttpBackend::named("plain").await);
    let mut towpath = start("spread: 1h, timeout: 2h", &backend, &plain).await;
    let opening = ask(&towpath, "POST", "/sockjs/000/s/xhr", "");
    let (opened, (mut sockjs, _)) = tokio::join!(opening, backend.accept_websocket());
    assert_eq!(opened.1, "o\n");
    let polling = "/socket.io/?EIO=4&transport=polling";
    let accept = async {
        let (mut server, _) = backend.accept_websocket().await;
        let open = r#"0{"sid":"s","upgrades":[],"pingInterval":600000,"pingTimeout":600000}"#;
        server.send(WebSocketFrame::text(open).bytes()).await;
        server
    };
    let opening = ask(&towpath, "GET", polling, "");
    let (opened, mut engine_io) = tokio::join!(opening, accept);
    let opened: serde_json::Value =
        serde_json::from_str(opened.1.strip_prefix('0').unwrap()).unwrap();
    let session = format!("{polling}&sid={}", opened["sid"].as_str().unwrap());
    drain(&towpath).await;

    for (path, method) in [("/sockjs/000/another/xhr", "POST"), (polling, "GET")] {
        let answer = ask(&towpath, method, path, "").await;
        assert_eq!(answer, (503, ABOUT_TO_END.to_owned(), true), "{path}");
    }
    let sent = ask(&towpath, "POST", "/sockjs/000/s/xhr_send", "[\"hello\"]").await;
    assert_eq!(sent, (204, String::new(), true));
    assert_eq!(sockjs.frame().await.payload, b"hello".as_slice());
    sockjs.send(WebSocketFrame::text("back").bytes()).await;
    let polled = ask(&towpath, "POST", "/sockjs/000/s/xhr", "").await;
    assert_eq!(polled, (200, "a[\"back\"]\n".to_owned(), true));

    let sent = ask(&towpath, "POST", &session, "4hello").await;
    assert_eq!(sent, (200, "ok".to_owned(), true));
    assert_eq!(engine_io.frame().await.payload, b"4hello".as_slice());
    engine_io.send(WebSocketFrame::text("4back").bytes()).await;
    let polled = ask(&towpath, "GET", &session, "").await;
    assert_eq!(polled, (200, "4back".to_owned(), true));
    towpath.signal(Signal::TERM);
    assert_eq!(towpath.exit_code().await, Some(2));
}
