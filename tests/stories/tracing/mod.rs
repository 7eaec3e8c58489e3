//! Traces: what the backend is told of them, and which spans reach a collector that reads the real protocol. The
//! witnesses are the backend and the collector: the one's parent is the other's span.

mod collectors;
mod reload;
mod requests;
mod sampling;
mod sessions;
mod switched_off;
mod websockets;

use std::net::SocketAddr;

use harness::{Collector, Head, Span, SpanKind};

/// A trace that a client has begun.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The client's own span in it.
const PARENT: &str = "00f067aa0ba902b7";

/// The two in a `traceparent`, which is sampled.
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The fields of a request that continues it.
const CONTINUED: [(&str, &str); 2] = [
    ("traceparent", TRACEPARENT),
    ("tracestate", "vendor=opaque, other=1"),
];

/// A configuration that exports to `collector` at once; `more` says more of `tracing`.
fn exporting(collector: SocketAddr, more: &str) -> String {
    format!(
        "admin: {{ address: 127.0.0.1:0 }}\n\
         tracing: {{ endpoint: 'http://{collector}', batch: {{ delay: 1ms }}, {more} }}\n"
    )
}

/// The same, with one route to `backend`.
fn before(backend: SocketAddr, collector: SocketAddr, more: &str) -> String {
    let exporting = exporting(collector, more);
    format!("{exporting}routes: [{{ name: chat, path: /, upstream: {backend} }}]\n")
}

/// What a backend was told: the trace, the parent, the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    trace: String,
    parent: String,
    flags: String,
}

impl Told {
    fn new(traceparent: &str) -> Self {
        let parts: Vec<_> = traceparent.split('-').collect();
        let [version, trace, parent, flags] = parts[..] else {
            panic!("not a traceparent: {traceparent:?}");
        };
        assert_eq!(
            (version, trace.len(), parent.len(), flags.len()),
            ("00", 32, 16, 2),
            "{traceparent:?}"
        );
        Self {
            trace: trace.to_owned(),
            parent: parent.to_owned(),
            flags: flags.to_owned(),
        }
    }

    /// By a request that a raw backend has read.
    fn by(request: &Head) -> Self {
        Self::new(request.value("traceparent").expect("a traceparent"))
    }

    /// By a request that a backend has mirrored.
    fn mirrored(seen: &str) -> Self {
        let lines: Vec<_> = field(seen, "traceparent").collect();
        assert_eq!(lines.len(), 1, "{seen}");
        Self::new(lines[0])
    }
}

/// The values of a field in a mirrored head.
fn field<'s>(seen: &'s str, name: &'s str) -> impl Iterator<Item = &'s str> {
    let lines = seen.lines().filter_map(|line| line.split_once(": "));
    lines
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// The spans of a trace, once there are so many.
async fn spans_of(collector: &Collector, count: usize) -> Vec<Span> {
    let spans = collector.all(count).await;
    assert_eq!(spans.len(), count, "{spans:#?}");
    spans
}

/// The only one of its kind.
fn only(spans: &[Span], kind: SpanKind) -> &Span {
    let found: Vec<_> = spans.iter().filter(|span| span.kind == kind).collect();
    assert_eq!(found.len(), 1, "{kind:?}: {spans:#?}");
    found[0]
}
