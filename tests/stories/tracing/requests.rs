//! Plain requests.

use harness::{Collector, HttpBackend, NOBODY, Span, SpanKind, Towpath, curl};
use serde_json::Value;

use super::{
    CONTINUED, PARENT, TRACE, TRACEPARENT, Told, before, exporting, field, only, spans_of,
};

#[tokio::test]
async fn a_trace_is_continued_and_the_backend_is_below_our_span() {
    let (collector, backend) = (Collector::start().await, HttpBackend::mirror().await);
    let config = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&config).await;
    let (status, seen) = towpath.get("/a?token=secret", &CONTINUED).await;
    assert_eq!(status, 200);
    let told = Told::mirrored(&seen);
    let state: Vec<_> = field(&seen, "tracestate").collect();
    assert_eq!(state, ["vendor=opaque, other=1"]);

    let spans = spans_of(&collector, 2).await;
    let (ours, to_backend) = (
        only(&spans, SpanKind::Server),
        only(&spans, SpanKind::Client),
    );
    assert_eq!((ours.trace.as_str(), ours.parent.as_str()), (TRACE, PARENT));
    assert_eq!(to_backend.parent, ours.id);
    assert_eq!(
        (told.trace, told.parent, told.flags.as_str()),
        (to_backend.trace.clone(), to_backend.id.clone(), "01")
    );
    assert_eq!(ours.state, "vendor=opaque,other=1");
    assert!(ours.took >= to_backend.took, "{spans:#?}");

    assert_eq!(ours.name, "GET /*");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/*"),
        ("http.response.status_code", "200"),
        ("url.path", "/a"),
        ("url.scheme", "http"),
        ("server.address", "chat.test"),
        ("client.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("towpath.route", "chat"),
    ] {
        assert_eq!(ours.says(key), Some(value), "{key}: {ours:#?}");
    }
    let (server, url) = (backend.address(), format!("http://{}/a", backend.address()));
    assert_eq!(to_backend.name, "GET");
    for (key, value) in [
        ("url.full", url.as_str()),
        ("server.address", &server.ip().to_string()),
        ("server.port", &server.port().to_string()),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(to_backend.says(key), Some(value), "{key}: {to_backend:#?}");
    }
    assert!(!ours.failed && !to_backend.failed);
    assert!(!format!("{spans:?}").contains("secret"), "{spans:#?}");

    let line = towpath.access("request", |_| true).await;
    assert_eq!(line["trace_id"], TRACE);
}

#[tokio::test]
async fn over_http_2_it_is_the_same() {
    let (collector, backend) = (Collector::start().await, HttpBackend::mirror().await);
    let config = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&config).await;
    let url = format!("http://{}/a", towpath.address());
    let traceparent = format!("traceparent: {TRACEPARENT}");
    let asked = ["--http2-prior-knowledge", "--header", &traceparent, &url];
    let told = Told::mirrored(&curl(&asked).await);
    let spans = spans_of(&collector, 2).await;
    let (ours, to_backend) = (
        only(&spans, SpanKind::Server),
        only(&spans, SpanKind::Client),
    );
    assert_eq!((ours.trace.as_str(), ours.parent.as_str()), (TRACE, PARENT));
    assert_eq!(
        (&told.parent, &to_backend.parent),
        (&to_backend.id, &ours.id)
    );
    assert_eq!(ours.says("network.protocol.version"), Some("2"));
    let port = towpath.address().port().to_string();
    assert_eq!(ours.says("server.address"), Some("127.0.0.1"));
    assert_eq!(ours.says("server.port"), Some(port.as_str()));
}

#[tokio::test]
async fn without_a_valid_context_a_trace_begins_here() {
    let (collector, backend) = (Collector::start().await, HttpBackend::mirror().await);
    let config = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&config).await;
    let malformed = format!("00-{TRACE}-{PARENT}-01-more");
    for (count, traceparent) in [(2, None), (4, Some(malformed.as_str()))] {
        let traceparent = traceparent.map(|value| ("traceparent", value));
        let fields: Vec<_> = traceparent
            .into_iter()
            .chain([("tracestate", "a=1")])
            .collect();
        let (_, seen) = towpath.get("/", &fields).await;
        let told = Told::mirrored(&seen);
        assert_ne!(told.trace, TRACE);
        assert_eq!(field(&seen, "tracestate").count(), 0, "{seen}");
        let spans = spans_of(&collector, count).await;
        let ours = only(&spans[count - 2..], SpanKind::Server);
        assert_eq!((&ours.trace, ours.parent.as_str()), (&told.trace, ""));
        let line = towpath
            .access("request", |line| line["trace_id"] == told.trace.as_str())
            .await;
        assert_eq!(line["status"], 200);
    }
}

#[tokio::test]
async fn a_state_that_breaks_the_rules_goes_no_further() {
    let (collector, backend) = (Collector::start().await, HttpBackend::mirror().await);
    let config = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&config).await;
    let fields = [CONTINUED[0], ("tracestate", "a=1,B=2")];
    let (_, seen) = towpath.get("/", &fields).await;
    assert_eq!(Told::mirrored(&seen).trace, TRACE);
    assert_eq!(field(&seen, "tracestate").count(), 0, "{seen}");
}

#[tokio::test]
async fn what_is_answered_here_has_a_span_that_says_why() {
    let collector = Collector::start().await;
    let config = format!(
        "{}routes: [{{ path: /gone, upstream: '{NOBODY}' }}]",
        exporting(collector.address(), "")
    );
    let towpath = Towpath::start(&config).await;
    assert_eq!(towpath.get("/elsewhere", &[]).await.0, 404);
    let missed = collector.span("a request without a route", |_| true).await;
    assert_eq!(
        (missed.name.as_str(), missed.kind),
        ("GET", SpanKind::Server)
    );
    assert_eq!(missed.says("http.response.status_code"), Some("404"));
    assert_eq!(
        missed.says("towpath.reason"),
        Some("no route for this host and path")
    );
    assert!(!missed.failed, "a client's mistake is no failure of ours");

    assert_eq!(towpath.get("/gone", &[]).await.0, 502);
    let spans = spans_of(&collector, 3).await;
    let (ours, to_backend) = (
        only(&spans[1..], SpanKind::Server),
        only(&spans, SpanKind::Client),
    );
    assert_eq!(ours.name, "GET /gone/*");
    assert_eq!(ours.says("error.type"), Some("502"));
    assert_eq!(to_backend.says("error.type"), Some("no_answer"));
    assert!(ours.failed && to_backend.failed);
}

#[tokio::test]
async fn who_is_asked_whether_a_request_may_pass_is_below_it_too() {
    let collector = Collector::start().await;
    let (authority, backend) = (HttpBackend::mirror().await, HttpBackend::mirror().await);
    let config = format!(
        "{}routes: [{{ upstream: {}, auth: {{ forward: {{ upstream: '{}', path: /verify }} }} }}]",
        exporting(collector.address(), ""),
        backend.address(),
        authority.address()
    );
    let towpath = Towpath::start(&config).await;
    let (status, seen) = towpath.get("/", &CONTINUED).await;
    assert_eq!(status, 200);
    let spans = spans_of(&collector, 3).await;
    let ours = only(&spans, SpanKind::Server);
    let asked = format!("http://{}/verify", authority.address());
    let is_question = |span: &&Span| span.says("url.full") == Some(asked.as_str());
    let question = spans.iter().find(is_question).unwrap();
    assert_eq!(
        (question.kind, &question.parent),
        (SpanKind::Client, &ours.id)
    );
    assert_ne!(Told::mirrored(&seen).parent, question.id);
}

#[tokio::test]
async fn whoever_asks_us_for_a_page_of_ours_is_told_the_trace_in_the_log_alone() {
    let (collector, backend) = (Collector::start().await, HttpBackend::mirror().await);
    let config = before(backend.address(), collector.address(), "");
    let towpath = Towpath::start(&config).await;
    assert_eq!(towpath.get("/.towpath/client.js", &CONTINUED).await.0, 200);
    let spans = spans_of(&collector, 1).await;
    assert_eq!(
        (spans[0].name.as_str(), spans[0].trace.as_str()),
        ("GET", TRACE)
    );
    let line = towpath.access("request", |_| true).await;
    assert_eq!(line["trace_id"], Value::from(TRACE));
}
