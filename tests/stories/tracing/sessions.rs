//! Sessions of the fallback: their opening is a request like any other, their life a span below it, and of their polls
//! and sends there are none.

use harness::fallback::{FallbackClient, Opening, Pace};
use harness::{Collector, RawBackend, Span, SpanKind, Towpath, Wire};

use super::{PARENT, TRACE, TRACEPARENT, Told, exporting, only, spans_of};

/// Towpath before `backend`, with these settings of the route's fallback.
async fn start(collector: &Collector, backend: &RawBackend, fallback: &str) -> Towpath {
    let exporting = exporting(collector.address(), "");
    let upstream = backend.address();
    Towpath::start(&format!(
        "{exporting}routes: [{{ path: /ws, upstream: {upstream}, fallback: {{ {fallback} }} }}]"
    ))
    .await
}

/// What the three spans of a session have to do with each other and with what the backend was told.
fn are_one_session(spans: &[Span], told: &Told) {
    let (ours, to_backend) = (only(spans, SpanKind::Server), only(spans, SpanKind::Client));
    let life = only(spans, SpanKind::Internal);
    assert_eq!((ours.trace.as_str(), ours.parent.as_str()), (TRACE, PARENT));
    assert_eq!(to_backend.parent, ours.id, "{spans:#?}");
    assert_eq!(life.parent, ours.id, "{spans:#?}");
    let expected = (TRACE, to_backend.id.as_str(), "01");
    assert_eq!(
        (
            told.trace.as_str(),
            told.parent.as_str(),
            told.flags.as_str()
        ),
        expected
    );
    assert_eq!(to_backend.says("http.response.status_code"), Some("101"));
    assert_eq!(ours.says("http.response.status_code"), Some("200"));
    assert_eq!(ours.says("http.route"), Some("/ws/*"));
    assert_eq!(life.name, "session /ws/*");
    assert!(!format!("{spans:?}").contains("secret"), "{spans:#?}");
}

#[tokio::test]
async fn a_native_session_is_three_spans_however_often_it_polls() {
    let (collector, backend) = (Collector::start().await, RawBackend::start().await);
    let towpath = start(&collector, &backend, "").await;
    let opening = Opening::new("/ws?token=secret")
        .field("traceparent", TRACEPARENT)
        .field("tracestate", "a=1");
    let (client, (server, request)) = tokio::join!(
        FallbackClient::with(towpath.address(), opening, Pace::default()),
        backend.accept_websocket()
    );
    assert_eq!(request.value("tracestate"), Some("a=1"));
    let told = Told::by(&request);
    let opened = spans_of(&collector, 2).await;
    assert_eq!(only(&opened, SpanKind::Server).name, "POST /ws/*");

    let mut server = server;
    for text in ["one", "two", "three"] {
        client.send(text).await;
        assert_eq!(server.frame().await.payload, text.as_bytes());
    }
    end(&client, server).await;

    let line = towpath.access("session", |_| true).await;
    assert_eq!(line["trace_id"], TRACE);
    let spans = spans_of(&collector, 3).await;
    are_one_session(&spans, &told);
    let life = only(&spans, SpanKind::Internal);
    for (key, value) in [
        ("towpath.dialect", "towpath"),
        ("towpath.close_code", "4001"),
        ("towpath.ended_by", "client"),
        ("towpath.client.messages", "3"),
        ("towpath.client.bytes", "11"),
        ("towpath.backend.messages", "0"),
    ] {
        assert_eq!(life.says(key), Some(value), "{key}: {life:#?}");
    }
}

/// The client closes, and the backend answers.
async fn end(client: &FallbackClient, mut server: Wire) {
    client.close(4001, "bye");
    let close = server.frame().await;
    assert_eq!(close.closing(), (4001, "bye".to_owned()));
    server
        .send(
            harness::Frame {
                masked: false,
                ..close
            }
            .bytes(),
        )
        .await;
    drop(server);
    assert_eq!(client.ended().await.code, 4001);
}

/// Its first poll opens it, at the gate, and its path is the client's key.
#[tokio::test]
async fn a_session_of_a_sockjs_client_is_the_same_and_its_name_is_not_told() {
    let (collector, backend) = (Collector::start().await, RawBackend::start().await);
    let towpath = start(&collector, &backend, "sockjs: { path: /echo }").await;
    let post = |transport: &str, content: &str| {
        format!(
            "POST /echo/0/secret/{transport}?key=secret HTTP/1.1\r\nHost: chat.test\r\n\
             traceparent: {TRACEPARENT}\r\nContent-Length: {}\r\n\r\n{content}",
            content.len()
        )
    };
    let mut client = towpath.connect().await;
    client.send(post("xhr", "")).await;
    let (mut server, request) = backend.accept_websocket().await;
    assert_eq!(client.response().await.1, "o\n");
    client.send(post("xhr_send", r#"["hello"]"#)).await;
    assert_eq!(client.response().await.0.status(), 204);
    assert_eq!(server.frame().await.payload, b"hello");
    server.send(harness::Frame::close(1000, "").bytes()).await;
    client.send(post("xhr", "")).await;
    assert_eq!(client.response().await.1, "c[1000,\"\"]\n");
    drop(server);

    let line = towpath.access("session", |_| true).await;
    assert_eq!(line["trace_id"], TRACE);
    let spans = spans_of(&collector, 3).await;
    are_one_session(&spans, &Told::by(&request));
    let ours = only(&spans, SpanKind::Server);
    assert_eq!(ours.says("url.path"), Some("/ws"));
    let life = only(&spans, SpanKind::Internal);
    assert_eq!(life.says("towpath.dialect"), Some("sockjs"));
    assert_eq!(life.says("towpath.client.messages"), Some("1"));
}

#[tokio::test]
async fn a_refusal_of_the_backends_ends_what_is_no_session() {
    let (collector, backend) = (Collector::start().await, RawBackend::start().await);
    let towpath = start(&collector, &backend, "").await;
    let refuse = async {
        let mut server = backend.accept().await;
        let request = server.head().await;
        server
            .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            .await;
        request
    };
    let opening = Opening::new("/ws");
    let (answer, request) = tokio::join!(opening.ask(towpath.address()), refuse);
    assert_eq!(answer.1["status"], "refused", "{}", answer.1);
    let spans = spans_of(&collector, 2).await;
    let to_backend = only(&spans, SpanKind::Client);
    assert_eq!(to_backend.says("http.response.status_code"), Some("403"));
    assert!(to_backend.failed);
    assert_eq!(Told::by(&request).parent, to_backend.id);
    assert_eq!(to_backend.parent, only(&spans, SpanKind::Server).id);
}
