//! A collector of traces: takes OTLP over HTTP and reads the protobuf, or does not take it, as a story wants.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message;
use tokio::sync::watch;

use crate::{Body, HttpBackend, full, whole, within};

pub use otlp::span::SpanKind;

/// A span as it was exported.
#[derive(Clone, Debug)]
pub struct Span {
    /// What it is called.
    pub name: String,
    /// The trace's id, in hexadecimal digits.
    pub trace: String,
    /// Its own.
    pub id: String,
    /// Its parent's; empty if it has none.
    pub parent: String,
    /// The trace's state.
    pub state: String,
    /// What it is a span of.
    pub kind: SpanKind,
    /// Whether its status is an error.
    pub failed: bool,
    /// What it says, as text.
    pub attributes: BTreeMap<String, String>,
    /// What whoever has made it says of itself.
    pub resource: BTreeMap<String, String>,
    /// How long it took, in nanoseconds.
    pub took: u64,
}

impl Span {
    /// What it says under this name.
    pub fn says(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }
}

/// A running collector.
#[derive(Debug)]
pub struct Collector {
    backend: HttpBackend,
    spans: watch::Receiver<Vec<Span>>,
    requests: Arc<AtomicUsize>,
}

impl Collector {
    /// Takes everything.
    pub async fn start() -> Self {
        Self::answering(|_| Some(200)).await
    }

    /// Answers each request, which come with their numbers from 0, with a status; `None`: never.
    pub async fn answering(
        status: impl Fn(usize) -> Option<u16> + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::taking(move |number, _| status(number)).await
    }

    /// The same, by a look at the request's head.
    pub async fn taking(
        status: impl Fn(usize, &Request<Incoming>) -> Option<u16> + Clone + Send + Sync + 'static,
    ) -> Self {
        let (sender, spans) = watch::channel(Vec::new());
        let (sender, requests) = (Arc::new(sender), Arc::new(AtomicUsize::new(0)));
        let count = requests.clone();
        let backend = HttpBackend::start(move |request| {
            let (sender, number) = (sender.clone(), count.fetch_add(1, Ordering::Relaxed));
            let status = status.clone();
            async move {
                let Some(status) = status(number, &request) else {
                    return pending().await;
                };
                if status == 200 {
                    let spans = read(request).await;
                    sender.send_modify(|all| all.extend(spans));
                }
                let mut response = Response::<Body>::new(full(""));
                *response.status_mut() = status.try_into().unwrap();
                response
            }
        });
        Self {
            backend: backend.await,
            spans,
            requests,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.backend.address()
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// The first span that is `wanted`.
    pub async fn span(&self, what: &str, wanted: impl Fn(&Span) -> bool) -> Span {
        let mut spans = self.spans.clone();
        let all = spans.wait_for(|all| all.iter().any(&wanted));
        let all = within(format!("the span of {what}"), all).await.unwrap();
        all.iter().find(|span| wanted(span)).unwrap().clone()
    }

    /// Waits until there are so many spans; gives all.
    pub async fn all(&self, count: usize) -> Vec<Span> {
        let mut spans = self.spans.clone();
        let all = spans.wait_for(|all| all.len() >= count);
        let all = within(format!("{count} spans"), all).await;
        all.unwrap().clone()
    }
}

/// The spans of a request, which is one of OTLP's.
async fn read(request: Request<Incoming>) -> Vec<Span> {
    assert_eq!(
        (request.method().as_str(), request.uri().path()),
        ("POST", "/v1/traces")
    );
    let media_type = request.headers().get("content-type").unwrap();
    assert_eq!(media_type, "application/x-protobuf");
    let content = whole(request.into_body()).await;
    let batch = ExportTraceServiceRequest::decode(content).expect("a batch as protobuf");
    let mut spans = Vec::new();
    for group in batch.resource_spans {
        let resource = words(group.resource.unwrap_or_default().attributes);
        let all = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(all.map(|span| Span::new(span, resource.clone())));
    }
    spans
}

impl Span {
    fn new(span: otlp::Span, resource: BTreeMap<String, String>) -> Self {
        let status = span.status.clone().unwrap_or_default();
        Self {
            kind: span.kind(),
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            failed: status.code() == otlp::status::StatusCode::Error,
            took: span.end_time_unix_nano - span.start_time_unix_nano,
            name: span.name,
            state: span.trace_state,
            attributes: words(span.attributes),
            resource,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn words(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let word = |value: Option<AnyValue>| match value.and_then(|it| it.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("neither text nor a number: {other:?}"),
    };
    let pairs = attributes.into_iter();
    pairs.map(|pair| (pair.key, word(pair.value))).collect()
}
