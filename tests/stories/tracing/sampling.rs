//! Which traces are sampled, and that nothing is kept of the others.

use harness::fallback::{FallbackClient, Opening, Pace};
use harness::{Collector, HttpBackend, RawBackend, Span, Towpath, handshake};

use super::{PARENT, TRACE, TRACEPARENT, Told, before, field};

/// The same trace, which is not sampled.
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// All that the collector has once the spans of a last, sampled request are there: it is the last that was given.
async fn spans_until_the_last(towpath: &Towpath, collector: &Collector) -> Vec<Span> {
    towpath.get("/last", &[("traceparent", TRACEPARENT)]).await;
    let is_last = |span: &Span| span.says("url.path") == Some("/last");
    collector.span("the last request", is_last).await;
    collector.spans()
}

#[tokio::test]
async fn what_a_client_does_not_sample_passes_as_it_is_and_is_not_exported() {
    let (collector, backend) = (Collector::start().await, HttpBackend::mirror().await);
    let config = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&config).await;
    let fields = [("traceparent", UNSAMPLED), ("tracestate", "a=1")];
    let (_, seen) = towpath.get("/", &fields).await;
    assert_eq!(field(&seen, "traceparent").collect::<Vec<_>>(), [UNSAMPLED]);
    assert_eq!(field(&seen, "tracestate").collect::<Vec<_>>(), ["a=1"]);
    let line = towpath.access("request", |_| true).await;
    assert_eq!(line["trace_id"], TRACE);
    let spans = spans_until_the_last(&towpath, &collector).await;
    assert_eq!(spans.len(), 2, "{spans:#?}");
}

#[tokio::test]
async fn what_is_not_sampled_here_is_told_to_the_backend_and_not_exported() {
    let (collector, backend) = (Collector::start().await, RawBackend::start().await);
    let ratio = "sampling: { ratio: 0 }";
    let config = before(backend.address(), collector.address(), ratio);
    let towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "tracestate: a=1\r\n")).await;
    let (server, request) = backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);
    let told = Told::by(&request);
    assert_eq!(
        (told.flags.as_str(), request.value("tracestate")),
        ("00", None)
    );
    drop((client, server));
    let line = towpath.access("tunnel", |_| true).await;
    assert_eq!(line["trace_id"], told.trace.as_str());

    let opening = Opening::new("/ws");
    let (session, (server, request)) = tokio::join!(
        FallbackClient::with(towpath.address(), opening, Pace::default()),
        backend.accept_websocket()
    );
    assert_eq!(Told::by(&request).flags, "00");
    drop(server);
    session.ended().await;
    towpath.access("session", |_| true).await;

    let plain = async {
        let mut server = backend.accept().await;
        server.head().await;
        server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        server
    };
    let (spans, _server) = tokio::join!(spans_until_the_last(&towpath, &collector), plain);
    assert_eq!(spans.len(), 2, "{spans:#?}");
}

#[tokio::test]
async fn a_client_that_is_not_believed_does_not_say_what_is_sampled() {
    let (collector, backend) = (Collector::start().await, HttpBackend::mirror().await);
    let decide = |ratio| format!("sampling: {{ ratio: {ratio}, parent: off }}");
    let config = |ratio| before(backend.address(), collector.address(), &decide(ratio));
    let towpath = Towpath::start(&config(0)).await;
    let (_, seen) = towpath.get("/", &[("traceparent", TRACEPARENT)]).await;
    let told = Told::mirrored(&seen);
    assert_eq!((told.trace.as_str(), told.flags.as_str()), (TRACE, "00"));
    assert_ne!(told.parent, PARENT);

    towpath.reload(&config(1)).await;
    let (_, seen) = towpath.get("/", &[("traceparent", UNSAMPLED)]).await;
    let told = Told::mirrored(&seen);
    assert_eq!((told.trace.as_str(), told.flags.as_str()), (TRACE, "01"));
    let spans = collector.all(2).await;
    assert_eq!(spans.len(), 2, "{spans:#?}");
    assert!(spans.iter().any(|span| span.parent == PARENT), "{spans:#?}");
}
