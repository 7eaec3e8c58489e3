//! What Towpath answers when it cannot carry a request, and what the operator reads of it.

use harness::{HttpBackend, NOBODY, RawBackend, Towpath};

#[tokio::test]
async fn no_route_is_404() {
    let towpath = Towpath::start(&format!("routes: [{{ path: /app, upstream: {NOBODY} }}]")).await;
    let (status, text) = towpath.get("/elsewhere", &[]).await;
    assert_eq!(
        (status, text.as_str()),
        (404, "404 Not Found: no route for this host and path\n")
    );
    let line = towpath
        .access("request", |line| line["status"] == 404)
        .await;
    assert_eq!(line["path"], "/elsewhere");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["client"], "127.0.0.1");
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_502() {
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {NOBODY} }}]")).await;
    assert_eq!(towpath.get("/", &[]).await.0, 502);
    let event = towpath.wait_log("server cannot be reached").await;
    assert_eq!(event["server"], NOBODY);
    let event = towpath.wait_log("request failed").await;
    assert_eq!(
        (&event["level"], &event["upstream"]),
        (&"WARN".into(), &NOBODY.into())
    );
    assert_eq!(event["reason"], "the backend cannot be reached");
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_502() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut server = backend.accept().await;
    server.head().await;
    server.send("220 mail.test ESMTP\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 502);
}

#[tokio::test]
async fn no_healthy_server_is_503() {
    let towpath = Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [\"{NOBODY}\"], health: {{ interval: 50ms, unhealthy: 1 }} }} }}\n\
         routes: [{{ upstream: app }}]"
    ))
    .await;
    towpath.wait_log("server is unhealthy").await;
    let (status, _) = towpath.get("/", &[]).await;
    assert_eq!(status, 503);
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_504() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!(
        "routes: [{{ upstream: {}, timeouts: {{ response: 100ms }} }}]",
        backend.address()
    ))
    .await;
    assert_eq!(towpath.get("/", &[]).await.0, 504);
}

#[tokio::test]
async fn a_route_for_websockets_alone_answers_plain_http_with_426() {
    let towpath = Towpath::start(&format!(
        "routes: [{{ upstream: {NOBODY}, websocket: {{ upgrade: require }} }}]"
    ))
    .await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (head, _) = client.response().await;
    assert_eq!(
        (head.status(), head.value("upgrade")),
        (426, Some("websocket"))
    );
}

#[tokio::test]
async fn a_route_without_websockets_answers_an_upgrade_with_403() {
    let backend = HttpBackend::named("plain").await;
    let towpath = Towpath::start(&format!(
        "routes: [{{ upstream: {}, websocket: off }}]",
        backend.address()
    ))
    .await;
    let mut client = towpath.connect().await;
    client.send(harness::handshake("/", "")).await;
    assert_eq!(client.response().await.0.status(), 403);
    assert_eq!(towpath.get("/", &[]).await.1, "plain");
}

#[tokio::test]
async fn the_access_log_tells_of_a_request() {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!(
        "routes: [{{ name: app, upstream: {} }}]",
        backend.address()
    ))
    .await;
    towpath
        .get("/page?token=secret", &[("host", "chat.test")])
        .await;
    let line = towpath.access("request", |_| true).await;
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], "/page", "a query may carry a token");
    assert_eq!(line["host"], "chat.test");
    assert_eq!(line["status"], 200);
    assert_eq!(line["bytes_sent"], 5);
    assert_eq!(line["route"], "app");
    assert_eq!(line["server"], backend.address().to_string());
    assert!(line["duration_ms"].as_f64().is_some(), "{line}");
}
