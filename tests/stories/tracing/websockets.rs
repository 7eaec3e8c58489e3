//! WebSockets: the handshake is a request like any other, and the tunnel's life a span below it.

use harness::{Collector, Frame, RawBackend, SpanKind, Towpath, handshake};

use super::{PARENT, TRACE, TRACEPARENT, Told, before, only, spans_of};

#[tokio::test]
async fn a_handshake_ends_with_its_101_and_a_tunnel_with_its_close() {
    let (collector, backend) = (Collector::start().await, RawBackend::start().await);
    let config = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    let fields = format!("traceparent: {TRACEPARENT}\r\ntracestate: a=1\r\n");
    client.send(handshake("/ws?token=secret", &fields)).await;
    let (mut server, request) = backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);
    let told = Told::by(&request);
    assert_eq!(request.value("tracestate"), Some("a=1"));

    // It is over while the tunnel lives.
    let spans = spans_of(&collector, 2).await;
    let (ours, to_backend) = (
        only(&spans, SpanKind::Server),
        only(&spans, SpanKind::Client),
    );
    assert_eq!((ours.trace.as_str(), ours.parent.as_str()), (TRACE, PARENT));
    assert_eq!(
        (&to_backend.parent, &told.parent),
        (&ours.id, &to_backend.id)
    );
    assert_eq!(told.trace, TRACE);
    assert_eq!(ours.name, "GET /*");
    for span in [ours, to_backend] {
        assert_eq!(
            span.says("http.response.status_code"),
            Some("101"),
            "{span:#?}"
        );
        assert!(!span.failed, "{span:#?}");
    }
    let server_address = backend.address().to_string();
    let url = format!("http://{server_address}/ws");
    assert_eq!(to_backend.says("url.full"), Some(url.as_str()));

    client.send(Frame::text("hello").masked().bytes()).await;
    assert_eq!(server.frame().await, Frame::text("hello").masked());
    server.send(Frame::close(4001, "bye").bytes()).await;
    assert_eq!(client.frame().await, Frame::close(4001, "bye"));
    client
        .send(Frame::close(4001, "bye").masked().bytes())
        .await;
    drop((client, server));

    let spans = spans_of(&collector, 3).await;
    let life = only(&spans, SpanKind::Internal);
    assert_eq!((life.trace.as_str(), &life.parent), (TRACE, &ours.id));
    assert_eq!(life.name, "websocket /*");
    for (key, value) in [
        ("towpath.close_code", "4001"),
        ("towpath.ended_by", "backend"),
        ("towpath.client.messages", "1"),
        ("towpath.backend.messages", "0"),
        ("towpath.route", "chat"),
    ] {
        assert_eq!(life.says(key), Some(value), "{key}: {life:#?}");
    }
    assert!(!life.failed);
    assert!(!format!("{spans:?}").contains("secret"), "{spans:#?}");
    let line = towpath.access("tunnel", |_| true).await;
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(
        life.says("towpath.client.bytes"),
        Some(line["client_bytes"].to_string().as_str())
    );
}

#[tokio::test]
async fn a_refusal_of_the_backends_is_the_answer_of_both_spans() {
    let (collector, backend) = (Collector::start().await, RawBackend::start().await);
    let config = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = backend.accept().await;
    let told = Told::by(&server.head().await);
    server
        .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 403);
    let spans = spans_of(&collector, 2).await;
    let (ours, to_backend) = (
        only(&spans, SpanKind::Server),
        only(&spans, SpanKind::Client),
    );
    for span in [ours, to_backend] {
        assert_eq!(
            span.says("http.response.status_code"),
            Some("403"),
            "{span:#?}"
        );
    }
    assert_eq!(
        (told.trace, told.parent),
        (ours.trace.clone(), to_backend.id.clone())
    );
    assert!(to_backend.failed && !ours.failed);
}

#[tokio::test]
async fn a_tunnel_that_a_side_breaks_is_a_failure() {
    let (collector, backend) = (Collector::start().await, RawBackend::start().await);
    let config = format!(
        "{}routes: [{{ path: /, upstream: {}, websocket: {{ framing: strict }} }}]",
        super::exporting(collector.address(), ""),
        backend.address()
    );
    let towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let (_server, _) = backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);
    // A client's frame that is not masked.
    client.send(Frame::text("bare").bytes()).await;
    let life = collector
        .span("the tunnel", |span| span.kind == SpanKind::Internal)
        .await;
    assert_eq!(life.says("towpath.close_code"), Some("1002"));
    assert_eq!(life.says("error.type"), Some("client_protocol_error"));
    assert!(life.failed);
}
