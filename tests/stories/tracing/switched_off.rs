//! Without `tracing`, what clients say of their traces is theirs: it passes as it is, whatever it is.

use harness::fallback::{FallbackClient, Opening, Pace};
use harness::{HttpBackend, RawBackend, Towpath, handshake};

use super::field;

const ANYTHING: [(&str, &str); 2] = [("traceparent", "00-not-a-trace"), ("tracestate", "A=,,")];

#[tokio::test]
async fn of_plain_requests() {
    let backend = HttpBackend::mirror().await;
    let config = format!("routes: [{{ upstream: {} }}]", backend.address());
    let towpath = Towpath::start(&config).await;
    let (_, seen) = towpath.get("/", &ANYTHING).await;
    for (name, value) in ANYTHING {
        assert_eq!(field(&seen, name).collect::<Vec<_>>(), [value]);
    }
    let (_, seen) = towpath.get("/", &[]).await;
    assert_eq!(field(&seen, "traceparent").count(), 0, "{seen}");
    let line = towpath.access("request", |_| true).await;
    assert!(line["trace_id"].is_null(), "{line}");
}

#[tokio::test]
async fn of_upgrades_and_of_sessions() {
    let backend = RawBackend::start().await;
    let config = format!("routes: [{{ upstream: {} }}]", backend.address());
    let towpath = Towpath::start(&config).await;
    let fields = ANYTHING.map(|(name, value)| format!("{name}: {value}\r\n"));
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", &fields.concat())).await;
    let (_server, upgrade) = backend.accept_websocket().await;
    let opening = ANYTHING
        .iter()
        .fold(Opening::new("/ws"), |opening, (name, value)| {
            opening.field(name, value)
        });
    let (_client, (_server, open)) = tokio::join!(
        FallbackClient::with(towpath.address(), opening, Pace::default()),
        backend.accept_websocket()
    );
    for request in [upgrade, open] {
        for (name, value) in ANYTHING {
            assert_eq!(request.value(name), Some(value), "{request:?}");
        }
    }
}
