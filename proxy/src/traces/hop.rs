//! The request to the backend that comes of a request here, as a span of its own: the backend's are below it.

use std::net::SocketAddr;
use std::time::Instant;

use http::{Method, StatusCode};
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use pingora::http::RequestHeader;

use super::context::{Context, TRACEPARENT};
use super::span::{self, Ended, Recorder};

/// A request to a backend, from the choice of its server on.
#[derive(Debug)]
pub(crate) struct Hop {
    id: SpanId,
    parent: SpanId,
    started: Option<Instant>,
    method: &'static str,
    path: String,
    server: Option<SocketAddr>,
    status: Option<StatusCode>,
}

impl Hop {
    /// Below the span `parent`.
    pub(super) fn below(parent: SpanId) -> Self {
        Self {
            id: RandomIdGenerator::default().new_span_id(),
            parent,
            started: None,
            method: span::method(&Method::GET),
            path: String::new(),
            server: None,
            status: None,
        }
    }

    /// What the backend is told of it.
    pub(super) fn context(&self, recorder: &Recorder) -> Context {
        Context {
            trace: recorder.trace,
            span: self.id,
            flags: recorder.flags,
        }
    }

    /// The request is on its way, in this form. Again, where it is tried again or has changed.
    pub(super) fn asks(&mut self, method: &Method, path: &str) {
        self.started.get_or_insert_with(Instant::now);
        self.method = span::method(method);
        self.path = span::shown(path);
    }

    /// A server has answered.
    pub(super) fn answered(&mut self, server: SocketAddr, status: StatusCode) {
        (self.server, self.status) = (Some(server), Some(status));
    }

    /// It is over; `server` was tried last, unless one has answered.
    pub(super) fn end(&self, recorder: &Recorder, server: Option<SocketAddr>, secure: bool) {
        let Some(started) = self.started else {
            return;
        };
        let mut attributes = vec![span::of("http.request.method", self.method)];
        if let Some(server) = self.server.or(server) {
            let scheme = if secure { "https" } else { "http" };
            let url = format!("{scheme}://{server}{}", self.path);
            attributes.push(span::of("url.full", url));
            attributes.extend(span::server(server));
        }
        let failed = self.status.is_none_or(is_failure);
        if failed {
            let what = self.status.map(|status| status.as_str().to_owned());
            let what = what.unwrap_or_else(|| "no_answer".to_owned());
            attributes.push(span::of("error.type", what));
        }
        attributes.extend(self.status.map(span::status));
        recorder.record(Ended {
            id: self.id,
            parent: self.parent,
            is_remote: false,
            kind: SpanKind::Client,
            name: span::name(self.method, None),
            took: started.elapsed(),
            attributes,
            failed,
        });
    }
}

/// To whoever asked, a 4xx is one as well.
fn is_failure(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Writes a context into a request for a backend.
pub(super) fn write(context: Context, request: &mut RequestHeader) -> pingora::Result<()> {
    match context.to_value() {
        Some(value) => request.insert_header(TRACEPARENT, value),
        None => Ok(()),
    }
}
