//! Spans in the form in which they are exported, and what they say of HTTP.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode, Version};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::queue::Traces;
use crate::reading::in_ascii;

/// Bytes of a text that a client has chosen, at most: spans wait in memory.
const LONGEST: usize = 1024;

/// What all spans of a request share, and the way out for them.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    pub(super) traces: Arc<Traces>,
    pub(super) trace: TraceId,
    pub(super) flags: TraceFlags,
    pub(super) state: TraceState,
}

/// A span that has just ended.
pub(super) struct Ended {
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    /// Whether the parent is somebody else's.
    pub(super) is_remote: bool,
    pub(super) kind: SpanKind,
    pub(super) name: Cow<'static, str>,
    pub(super) took: Duration,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) failed: bool,
}

impl Recorder {
    /// Gives a span to whoever sends it.
    pub(super) fn record(&self, span: Ended) {
        let end_time = SystemTime::now();
        let own = SpanContext::new(self.trace, span.id, self.flags, false, self.state.clone());
        self.traces.record(SpanData {
            span_context: own,
            parent_span_id: span.parent,
            parent_span_is_remote: span.is_remote,
            span_kind: span.kind,
            name: span.name,
            start_time: end_time.checked_sub(span.took).unwrap_or(end_time),
            end_time,
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: match span.failed {
                true => Status::error(""),
                false => Status::Unset,
            },
            instrumentation_scope: self.traces.scope(),
        });
    }
}

/// An attribute.
pub(super) fn of(key: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(Key::from_static_str(key), value)
}

/// A text that a client has chosen: visible, and not too long.
pub(super) fn shown(text: &str) -> String {
    let text = in_ascii(text);
    text.get(..LONGEST).unwrap_or(&text).to_owned()
}

pub(super) fn status(status: StatusCode) -> KeyValue {
    of("http.response.status_code", i64::from(status.as_u16()))
}

/// The other end of what is asked.
pub(super) fn server(address: SocketAddr) -> [KeyValue; 2] {
    [
        of("server.address", address.ip().to_string()),
        of("server.port", i64::from(address.port())),
    ]
}

/// Counts that are whole numbers for people.
pub(super) fn count(key: &'static str, count: u64) -> KeyValue {
    of(key, i64::try_from(count).unwrap_or(i64::MAX))
}

/// Methods are of a closed list, so that no client can make more of them.
pub(super) fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let known = KNOWN.iter().find(|known| **known == method.as_str());
    known.copied().unwrap_or("_OTHER")
}

/// What a span of this method's is called, with the route if there is one.
pub(super) fn name(method: &'static str, route: Option<&str>) -> Cow<'static, str> {
    let method = match method {
        "_OTHER" => "HTTP",
        known => known,
    };
    match route {
        Some(route) => format!("{method} {route}").into(),
        None => method.into(),
    }
}

pub(super) fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn clients_choose_no_names() {
        let strange = method(&Method::from_bytes(b"FOO").unwrap());
        assert_eq!(strange, "_OTHER");
        assert_eq!(name(strange, None), "HTTP");
        assert_eq!(name("GET", Some("/ws/*")), "GET /ws/*");
    }

    #[test]
    fn what_clients_choose_is_short_and_visible() {
        assert_eq!(shown("/a\u{1b}b"), "/a%1Bb");
        assert_eq!(shown(&"x".repeat(5000)).len(), LONGEST);
    }
}
