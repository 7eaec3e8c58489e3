//! Collectors of all kinds: those that are down, slow, or do not want what they get, and those behind TLS. Whatever they
//! do, requests are answered.

use harness::{Authority, Collector, HttpBackend, NOBODY, Signal, Towpath, within};

use super::{CONTINUED, before, exporting};

/// Spans of each request: of itself, and of the one to the backend.
const SPANS: usize = 2;

/// Towpath before a backend that answers `name`.
async fn start(backend: &HttpBackend, collector: &str, more: &str) -> Towpath {
    let collector = collector.parse().unwrap();
    Towpath::start(&before(backend.address(), collector, more)).await
}

/// Waits until so many spans have come to this end.
async fn counted(towpath: &Towpath, result: &str, count: usize) {
    let name = format!("towpath_trace_spans_total{{result=\"{result}\"}}");
    let count = count as f64;
    let counted = async { while towpath.metric(&name).await < count {} };
    within(format!("{count} of {name}"), counted).await;
    assert_eq!(towpath.metric(&name).await, count, "{name}");
}

#[tokio::test]
async fn one_that_is_down_is_told_of_once_and_its_spans_are_counted() {
    let backend = HttpBackend::named("served").await;
    let towpath = start(&backend, NOBODY, "").await;
    for count in 1..=2 {
        assert_eq!(
            towpath.get("/", &CONTINUED).await,
            (200, "served".to_owned())
        );
        counted(&towpath, "failed", count * SPANS).await;
    }
    let told = towpath.logged("the collector does not take spans");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0]["error"].as_str().unwrap().contains("refused"),
        "{told:?}"
    );
    counted(&towpath, "exported", 0).await;
}

#[tokio::test]
async fn one_that_does_not_want_them_is_not_asked_again() {
    let backend = HttpBackend::named("served").await;
    let collector = Collector::answering(|_| Some(500)).await;
    let towpath = start(&backend, &collector.address().to_string(), "").await;
    assert_eq!(towpath.get("/", &CONTINUED).await.0, 200);
    counted(&towpath, "failed", SPANS).await;
    let told = towpath.wait_log("the collector does not take spans").await;
    assert!(told["error"].as_str().unwrap().contains("500"), "{told}");
    // One batch, or one for each span.
    assert!(collector.requests() <= SPANS, "{}", collector.requests());
}

#[tokio::test]
async fn one_that_is_busy_is_asked_again() {
    let backend = HttpBackend::named("served").await;
    let collector = Collector::answering(|number| Some(if number == 0 { 503 } else { 200 })).await;
    let towpath = start(&backend, &collector.address().to_string(), "").await;
    assert_eq!(towpath.get("/", &CONTINUED).await.0, 200);
    assert_eq!(collector.all(SPANS).await.len(), SPANS);
    counted(&towpath, "exported", SPANS).await;
    counted(&towpath, "failed", 0).await;
}

#[tokio::test]
async fn one_that_never_answers_holds_nobody_up_and_what_does_not_fit_is_dropped() {
    const REQUESTS: usize = 20;
    let backend = HttpBackend::named("served").await;
    let collector = Collector::answering(|_| None).await;
    let tracing = format!(
        "tracing: {{ endpoint: 'http://{}', timeout: 1m, batch: {{ queue: 4, size: 1 }} }}",
        collector.address()
    );
    let towpath = Towpath::start(&format!(
        "admin: {{ address: 127.0.0.1:0 }}\n{tracing}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    for _ in 0..REQUESTS {
        assert_eq!(
            towpath.get("/", &CONTINUED).await,
            (200, "served".to_owned())
        );
    }
    // One is under way and four wait.
    counted(&towpath, "dropped", REQUESTS * SPANS - 5).await;
    let told = towpath.logged("spans are dropped: too many wait for the collector");
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn what_waits_is_sent_before_the_process_ends() {
    let backend = HttpBackend::named("served").await;
    let collector = Collector::start().await;
    let later = format!(
        "tracing: {{ endpoint: 'http://{}', batch: {{ delay: 1m }} }}\nroutes: [{{ upstream: {} }}]",
        collector.address(),
        backend.address()
    );
    let mut towpath = Towpath::start(&later).await;
    assert_eq!(towpath.get("/", &CONTINUED).await.0, 200);
    assert!(collector.spans().is_empty(), "its time has not come");
    towpath.signal(Signal::TERM);
    assert_eq!(towpath.exit_code().await, Some(0));
    assert_eq!(collector.spans().len(), SPANS);
}

#[tokio::test]
async fn a_process_does_not_wait_for_one_that_never_answers() {
    let backend = HttpBackend::named("served").await;
    let collector = Collector::answering(|_| None).await;
    let mut towpath = start(&backend, &collector.address().to_string(), "timeout: 1m").await;
    assert_eq!(towpath.get("/", &CONTINUED).await.0, 200);
    towpath.signal(Signal::TERM);
    assert_eq!(towpath.exit_code().await, Some(0));
    towpath
        .wait_log("spans are lost: the collector has not taken them in time")
        .await;
}

#[tokio::test]
async fn one_is_told_who_sends_and_what_the_operator_wants_told() {
    let backend = HttpBackend::named("served").await;
    let collector = Collector::taking(|_, request| {
        let key = request.headers().get("x-key").map(|it| it.as_bytes());
        Some(if key == Some(b"50%20off") { 200 } else { 401 })
    })
    .await;
    let more = "headers: { X-Key: 50%20off }, service_name: edge, resource: { zone: a }";
    let towpath = start(&backend, &collector.address().to_string(), more).await;
    assert_eq!(towpath.get("/", &CONTINUED).await.0, 200);
    let span = collector.span("the request", |_| true).await;
    let says = |key: &str| span.resource.get(key).map(String::as_str);
    assert_eq!(
        (says("service.name"), says("zone")),
        (Some("edge"), Some("a"))
    );
    let (_, config) = towpath.ask("GET", "/api/config", &[]).await;
    assert!(
        config.contains("X-Key") && !config.contains("50%20off"),
        "{config}"
    );
}

#[tokio::test]
async fn one_behind_tls_is_verified_by_whom_the_system_trusts() {
    let (collector, backend) = (Collector::start().await, HttpBackend::named("served").await);
    let (trusted, other) = (Authority::new(), Authority::new());
    let pair = trusted.server("collector", &["127.0.0.1"]);
    let entrance = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {} }} }}]\nroutes: [{{ upstream: {} }}]",
        pair.yaml(),
        collector.address()
    ))
    .await;
    let exporting = exporting(entrance.address(), "").replace("http://", "https://");
    let config = format!("{exporting}routes: [{{ upstream: {} }}]", backend.address());
    for (authority, result) in [(&other, "failed"), (&trusted, "exported")] {
        let file = authority.certificate().display().to_string();
        let environment = [("SSL_CERT_FILE", file.as_str())];
        let towpath = Towpath::start_within(&config, &environment).await;
        assert_eq!(towpath.get("/", &CONTINUED).await.0, 200);
        counted(&towpath, result, SPANS).await;
    }
    assert_eq!(collector.spans().len(), SPANS);
}
