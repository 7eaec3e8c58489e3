//! What comes of a request that opens a tunnel or a session, as a span below it that ends when they do. It is no request,
//! so that who measures those by their spans is not misled by what lasts for hours.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use super::span::{self, Ended, Recorder};

/// The life of a tunnel or session.
#[derive(Debug)]
pub(crate) struct Life {
    trace: TraceId,
    /// With the span of the request that opened it; if it is sampled.
    recorded: Option<(Recorder, SpanId)>,
    route: Arc<str>,
}

/// How a tunnel or session has ended.
pub(crate) struct Ending<'e> {
    /// `websocket` or `session`.
    pub(crate) what: &'static str,
    pub(crate) took: Duration,
    /// Bytes and messages, of the client and of the backend.
    pub(crate) traffic: [(u64, u64); 2],
    pub(crate) close: Option<u16>,
    pub(crate) ended_by: &'static str,
    /// It was nobody's wish.
    pub(crate) failed: bool,
    /// Names of the configuration.
    pub(crate) route: &'e str,
    pub(crate) upstream: &'e str,
    pub(crate) dialect: Option<&'static str>,
}

impl Life {
    pub(super) fn new(
        trace: TraceId,
        recorded: Option<(Recorder, SpanId)>,
        route: Arc<str>,
    ) -> Self {
        Self {
            trace,
            recorded,
            route,
        }
    }

    /// Its trace's id.
    pub(crate) fn id(&self) -> TraceId {
        self.trace
    }

    /// It is over.
    pub(crate) fn end(&self, end: &Ending<'_>) {
        let Some((recorder, parent)) = &self.recorded else {
            return;
        };
        recorder.record(Ended {
            id: RandomIdGenerator::default().new_span_id(),
            parent: *parent,
            is_remote: false,
            kind: SpanKind::Internal,
            name: format!("{} {}", end.what, self.route).into(),
            took: end.took,
            attributes: self.attributes(end),
            failed: end.failed,
        });
    }

    fn attributes(&self, end: &Ending<'_>) -> Vec<KeyValue> {
        let [client, backend] = end.traffic;
        let mut attributes = vec![
            span::of("http.route", self.route.clone()),
            span::of("towpath.route", end.route.to_owned()),
            span::of("towpath.upstream", end.upstream.to_owned()),
            span::of("towpath.ended_by", end.ended_by),
            span::count("towpath.client.bytes", client.0),
            span::count("towpath.client.messages", client.1),
            span::count("towpath.backend.bytes", backend.0),
            span::count("towpath.backend.messages", backend.1),
        ];
        let close = end
            .close
            .map(|code| span::of("towpath.close_code", i64::from(code)));
        attributes.extend(close);
        attributes.extend(end.dialect.map(|it| span::of("towpath.dialect", it)));
        let fault = end.failed.then(|| span::of("error.type", end.ended_by));
        attributes.extend(fault);
        attributes
    }
}
