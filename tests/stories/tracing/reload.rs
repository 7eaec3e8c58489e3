//! A reload changes where spans go, and whether there are any, for the next request; a tunnel's go where they go when it
//! ends.

use harness::{Collector, HttpBackend, RawBackend, SpanKind, Towpath, handshake};

use super::{CONTINUED, TRACEPARENT, Told, before, field};

#[tokio::test]
async fn spans_go_elsewhere_from_the_next_request_on() {
    let backend = HttpBackend::mirror().await;
    let (first, second) = (Collector::start().await, Collector::start().await);
    let off = format!("routes: [{{ upstream: {} }}]\n", backend.address());
    let to = |collector: &Collector| before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&off).await;
    let (_, seen) = towpath.get("/off", &CONTINUED).await;
    assert_eq!(
        field(&seen, "traceparent").collect::<Vec<_>>(),
        [TRACEPARENT]
    );

    towpath.reload(&to(&first)).await;
    towpath.get("/first", &CONTINUED).await;
    first.all(2).await;
    // The same again changes nothing.
    towpath.reload(&to(&first)).await;
    towpath.reload(&to(&second)).await;
    let (_, seen) = towpath.get("/second", &CONTINUED).await;
    let spans = second.all(2).await;
    let told = Told::mirrored(&seen);
    assert!(
        spans.iter().any(|span| span.id == told.parent),
        "{spans:#?}"
    );

    towpath.reload(&off).await;
    let (_, seen) = towpath.get("/off", &CONTINUED).await;
    assert_eq!(
        field(&seen, "traceparent").collect::<Vec<_>>(),
        [TRACEPARENT]
    );
    for (collector, path) in [(first, "/first"), (second, "/second")] {
        let spans = collector.spans();
        assert_eq!(spans.len(), 2, "{spans:#?}");
        assert!(spans.iter().any(|span| span.says("url.path") == Some(path)));
    }
}

#[tokio::test]
async fn what_waits_goes_where_it_was_to_go() {
    let backend = HttpBackend::named("served").await;
    let collector = Collector::start().await;
    let off = format!("routes: [{{ upstream: {} }}]\n", backend.address());
    let later = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&later.replace("delay: 1ms", "delay: 1m")).await;
    towpath.get("/", &CONTINUED).await;
    towpath.reload(&off).await;
    assert_eq!(collector.all(2).await.len(), 2);
}

#[tokio::test]
async fn a_tunnel_that_outlives_a_reload_is_told_where_spans_go_by_then() {
    let backend = RawBackend::start().await;
    let (first, second) = (Collector::start().await, Collector::start().await);
    let to = |collector: &Collector| before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&to(&first)).await;
    let mut client = towpath.connect().await;
    let fields = format!("traceparent: {TRACEPARENT}\r\n");
    client.send(handshake("/ws", &fields)).await;
    let (server, _) = backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);
    let opened = first.all(2).await;
    towpath.reload(&to(&second)).await;
    drop((client, server));
    let life = second.span("the tunnel", |_| true).await;
    assert_eq!(life.kind, SpanKind::Internal);
    assert!(
        opened.iter().any(|span| span.id == life.parent),
        "{opened:#?}"
    );
}
