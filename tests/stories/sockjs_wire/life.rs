//! How sessions begin, live and end, as their backend and their client see it.

use harness::{Frame, RawBackend, Signal, switching_protocols};

use super::{ask, open, request, service};

#[tokio::test]
async fn nothing_is_answered_before_the_backend_has_agreed() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let mut client = towpath.connect().await;
    let fields = "Cookie: a=1\r\nUser-Agent: x\r\n";
    client
        .send(request(
            "POST",
            "/echo/0/s/xhr?token=a%20b&t=17",
            fields,
            "",
        ))
        .await;
    let mut server = backend.accept().await;
    let asked = server.head().await;
    assert_eq!(asked.start, "GET /ws?token=a%20b HTTP/1.1");
    assert_eq!(asked.value("cookie"), Some("a=1"));
    assert_eq!(asked.value("user-agent"), Some("x"));
    client.is_silent();
    server
        .send(switching_protocols(&asked, "Set-Cookie: b=2\r\n"))
        .await;
    let (head, content) = client.response().await;
    assert_eq!(content, "o\n");
    assert_eq!(head.value("set-cookie"), Some("b=2"));
}

#[tokio::test]
async fn who_is_refused_is_told_how() {
    for (status, expected) in [
        ("404 Not Found", (404, "")),
        ("503 Service Unavailable", (503, "")),
        ("302 Found", (502, "")),
        (
            "401 Unauthorized",
            (200, "c[1008,\"backend refused: 401 Unauthorized\"]\n"),
        ),
        (
            "403 Forbidden",
            (200, "c[1008,\"backend refused: 403 Forbidden\"]\n"),
        ),
    ] {
        let backend = RawBackend::start().await;
        let towpath = service(backend.address(), "").await;
        let refuse = async {
            let mut server = backend.accept().await;
            server.head().await;
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            server.send(answer).await;
            server
        };
        let poll = request("POST", "/echo/0/s/xhr", "", "");
        let ((head, content), _server) = tokio::join!(ask(&towpath, poll), refuse);
        assert_eq!((head.status(), content.as_str()), expected, "{status}");
    }
    let gone = RawBackend::start().await.address();
    let towpath = service(gone, "").await;
    let (head, _) = ask(&towpath, request("POST", "/echo/0/s/xhr", "", "")).await;
    assert_eq!(head.status(), 502);
}

#[tokio::test]
async fn who_leaves_before_the_backend_has_agreed_leaves_nothing() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let mut client = towpath.connect().await;
    client.send(request("POST", "/echo/0/s/xhr", "", "")).await;
    let mut server = backend.accept().await;
    server.head().await;
    drop(client);
    server.ends().await;
}

#[tokio::test]
async fn a_poll_that_breaks_off_ends_the_session() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "disconnect_delay: 5m").await;
    let (mut server, _) = open(&towpath, &backend, "/echo/0/s").await;
    let mut client = towpath.connect().await;
    client.send(request("POST", "/echo/0/s/xhr", "", "")).await;
    // It is held: this comes after it.
    let send = request("POST", "/echo/0/s/xhr_send", "", "[\"a\"]");
    assert_eq!(ask(&towpath, send).await.0.status(), 204);
    drop(client);
    assert_eq!(super::text(&server.frame().await), "a");
    assert_eq!(server.frame().await.closing().0, 1001);
    server.send(Frame::close(1001, "").bytes()).await;
    drop(server);
    towpath.access("session", |_| true).await;
    let (_, told) = ask(&towpath, request("POST", "/echo/0/s/xhr", "", "")).await;
    assert_eq!(told, "c[1002,\"Connection interrupted\"]\n");
}

#[tokio::test]
async fn who_does_not_come_back_is_gone() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "disconnect_delay: 1s").await;
    let (mut server, _) = open(&towpath, &backend, "/echo/0/s").await;
    assert_eq!(server.frame().await.closing().0, 1001);
    server.send(Frame::close(1001, "").bytes()).await;
    drop(server);
    let record = towpath.access("session", |_| true).await;
    assert_eq!(record["ended_by"], "abandoned");
    // It was never more than open, so it may be opened again.
    open(&towpath, &backend, "/echo/0/s").await;
}

#[tokio::test]
async fn a_lost_backend_is_no_clean_end() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let (server, _) = open(&towpath, &backend, "/echo/0/s").await;
    let mut client = towpath.connect().await;
    let poll = request("POST", "/echo/0/s/xhr", "", "");
    client.send(&poll).await;
    let send = request("POST", "/echo/0/s/xhr_send", "", "[\"a\"]");
    ask(&towpath, send).await;
    drop(server);
    let (head, content) = client.response().await;
    assert!(matches!(head.status(), 404 | 502), "{}", head.status());
    assert_eq!(content, "");
    towpath.access("session", |_| true).await;
    assert_eq!(ask(&towpath, poll).await.0.status(), 404);
}

#[tokio::test]
async fn what_nobody_knows_is_opened_only_while_info_is_fresh() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let (_, info) = ask(&towpath, request("GET", "/echo/info", "", "")).await;
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let base = info["base_url"].as_str().unwrap();
    let path = base.strip_prefix("http://chat.test").unwrap();
    open(&towpath, &backend, &format!("{path}/0/s")).await;
    let forged = path.replace("/~A", "/~B");
    let poll = request("POST", &format!("{forged}/0/t/xhr"), "", "");
    let (head, _) = ask(&towpath, poll).await;
    assert_eq!(head.status(), 404);
    // A session that there is needs no such proof.
    let poll = request("POST", "/echo/0/s/xhr_send", "", "[]");
    assert_eq!(ask(&towpath, poll).await.0.status(), 204);
}

#[tokio::test]
async fn a_drain_closes_with_a_code() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let (mut server, _) = open(&towpath, &backend, "/echo/0/s").await;
    let mut client = towpath.connect().await;
    client.send(request("POST", "/echo/0/s/xhr", "", "")).await;
    let send = request("POST", "/echo/0/s/xhr_send", "", "[\"a\"]");
    ask(&towpath, send).await;
    towpath.signal(Signal::TERM);
    let (_, told) = client.response().await;
    assert_eq!(told, "c[1012,\"service restart\"]\n");
    assert_eq!(super::text(&server.frame().await), "a");
    assert_eq!(server.frame().await.closing().0, 1001);
}

#[tokio::test]
async fn a_reload_cuts_nobody() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let (mut server, _) = open(&towpath, &backend, "/echo/0/s").await;
    let address = backend.address();
    towpath
        .reload(&format!(
            "routes: [{{ path: /ws, upstream: '{address}', fallback: {{ sockjs: {{ path: /echo, heartbeat: 9s }} }} }}]"
        ))
        .await;
    server.send(Frame::text("still here").bytes()).await;
    let (_, told) = ask(&towpath, request("POST", "/echo/0/s/xhr", "", "")).await;
    assert_eq!(told, "a[\"still here\"]\n");
}

#[tokio::test]
async fn polls_are_summed_up_in_one_line() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let (mut server, _) = open(&towpath, &backend, "/echo/0/s").await;
    for _ in 0..3 {
        server.send(Frame::text("x").bytes()).await;
        let (_, told) = ask(&towpath, request("POST", "/echo/0/s/xhr", "", "")).await;
        assert_eq!(told, "a[\"x\"]\n");
    }
    server.send(Frame::close(1000, "").bytes()).await;
    ask(&towpath, request("POST", "/echo/0/s/xhr", "", "")).await;
    let record = towpath.access("session", |_| true).await;
    assert_eq!(record["path"], "/ws");
    assert_eq!(record["backend_messages"], 3);
    let written = towpath.written();
    assert!(!written.contains("/xhr"), "{written}");
}
