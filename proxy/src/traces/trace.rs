//! A request's part in a trace, from its head to its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, TraceFlags, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use pingora::http::RequestHeader;
use towpath_conf::{Sampling, Scheme};

use super::context::{Context, TRACESTATE, state};
use super::decision::Decision;
use super::hop::{self, Hop};
use super::life::Life;
use super::queue::Traces;
use super::span::{self, Ended, Recorder};
use crate::answer::Refusal;
use crate::forwarded::Client;
use crate::gateway::host;
use crate::snapshot::Route;

const PATH: &str = "url.path";

/// A request's part in a trace.
#[derive(Debug)]
pub(crate) struct Trace {
    id: TraceId,
    flags: TraceFlags,
    /// What the client says of it is right for the backend.
    passes: bool,
    /// The client's `tracestate` is.
    keeps_state: bool,
    /// If it is sampled.
    recording: Option<Recording>,
}

/// What becomes spans.
#[derive(Debug)]
struct Recording {
    recorder: Recorder,
    id: SpanId,
    /// The client's span, if it has one.
    parent: Option<SpanId>,
    method: &'static str,
    attributes: Vec<KeyValue>,
    hop: Hop,
}

/// How a request has ended.
pub(crate) struct End<'e> {
    pub(crate) took: Duration,
    /// `None`: nothing was answered.
    pub(crate) status: Option<StatusCode>,
    /// Why it was answered by us.
    pub(crate) refusal: Option<Refusal>,
    /// The client has left first.
    pub(crate) was_left: bool,
    pub(crate) route: Option<&'e Route>,
    /// The server that was tried last.
    pub(crate) server: Option<SocketAddr>,
}

impl Trace {
    /// Joins the trace that a request of this client's comes with, or begins one.
    pub(crate) fn join(
        sampling: Sampling,
        traces: &Arc<Traces>,
        request: &RequestHeader,
        client: &Client,
    ) -> Self {
        let incoming = Context::of(&request.headers);
        let ids = RandomIdGenerator::default();
        let decision = Decision::new(sampling, incoming, &ids);
        let state = incoming
            .filter(|_| !decision.passes)
            .and_then(|_| state(&request.headers));
        let keeps_state = state.is_some();
        let recording = decision.is_sampled().then(|| {
            let id = ids.new_span_id();
            Recording {
                recorder: Recorder {
                    traces: traces.clone(),
                    trace: decision.trace,
                    flags: decision.flags,
                    state: state.unwrap_or_default(),
                },
                id,
                parent: incoming.map(|context| context.span),
                method: span::method(&request.method),
                attributes: attributes(request, client),
                hop: Hop::below(id),
            }
        });
        Self {
            id: decision.trace,
            flags: decision.flags,
            passes: decision.passes,
            keeps_state,
            recording,
        }
    }

    /// Its trace's id.
    pub(crate) fn id(&self) -> TraceId {
        self.id
    }

    /// Writes into a request, which has the client's fields, what its backend is told of the trace.
    pub(crate) fn write(&self, request: &mut RequestHeader) -> pingora::Result<()> {
        let recording = self.recording.as_ref();
        let own = recording.map(|it| it.hop.context(&it.recorder));
        self.write_as(own, request)
    }

    fn write_as(&self, own: Option<Context>, request: &mut RequestHeader) -> pingora::Result<()> {
        if self.passes {
            return Ok(());
        }
        if !self.keeps_state {
            request.remove_header(&TRACESTATE);
        }
        let nobody = || Context {
            trace: self.id,
            span: RandomIdGenerator::default().new_span_id(),
            flags: self.flags,
        };
        hop::write(own.unwrap_or_else(nobody), request)
    }

    /// Spans say this path and not the request's own, in which a client's key to its session stands.
    pub(crate) fn shows_path(&mut self, path: &str) {
        let attributes = self.recording.iter_mut().flat_map(|it| &mut it.attributes);
        for attribute in attributes.filter(|it| it.key.as_str() == PATH) {
            attribute.value = span::shown(path).into();
        }
    }

    /// The backend is asked by this request.
    pub(crate) fn asks(&mut self, method: &Method, path: &str) {
        if let Some(recording) = &mut self.recording {
            recording.hop.asks(method, path);
        }
    }

    /// The backend has answered.
    pub(crate) fn answered(&mut self, server: SocketAddr, status: StatusCode) {
        if let Some(recording) = &mut self.recording {
            recording.hop.answered(server, status);
        }
    }

    /// A request to a backend that is made beside this one, and may outlive it: it gets what its backend is told.
    pub(crate) fn detach(&self, request: &mut RequestHeader) -> pingora::Result<Option<Detached>> {
        let detached = self.recording.as_ref().map(|recording| Detached {
            recorder: recording.recorder.clone(),
            hop: Hop::below(recording.id),
        });
        let own = detached.as_ref().map(|it| it.hop.context(&it.recorder));
        self.write_as(own, request)?;
        Ok(detached)
    }

    /// What comes of a request that opens a tunnel or a session.
    pub(crate) fn life(&self, route: &Route) -> Life {
        let recording = self.recording.as_ref();
        let recorded = recording.map(|it| (it.recorder.clone(), it.id));
        Life::new(self.id, recorded, route.pattern.clone())
    }

    /// The request is answered.
    pub(crate) fn end(&self, end: &End<'_>) {
        let Some(recording) = &self.recording else {
            return;
        };
        let secure = end.route.is_some_and(|it| it.group.transport().is_secure());
        recording.hop.end(&recording.recorder, end.server, secure);
        let pattern = end.route.map(|route| &*route.pattern);
        let mut attributes = recording.attributes.clone();
        if let Some(route) = end.route {
            attributes.push(span::of("http.route", route.pattern.clone()));
            attributes.push(span::of("towpath.route", route.name.clone()));
            let upstream = route.group.name().to_owned();
            attributes.push(span::of("towpath.upstream", upstream));
        }
        attributes.extend(end.status.map(span::status));
        let reason = end.refusal.map(Refusal::reason);
        attributes.extend(reason.map(|reason| span::of("towpath.reason", reason)));
        if end.was_left {
            attributes.push(span::of("towpath.cut_by", "client"));
        }
        let fault = end.status.filter(StatusCode::is_server_error);
        attributes.extend(fault.map(|status| span::of("error.type", status.as_str().to_owned())));
        recording.recorder.record(Ended {
            id: recording.id,
            parent: recording.parent.unwrap_or(SpanId::INVALID),
            is_remote: recording.parent.is_some(),
            kind: SpanKind::Server,
            name: span::name(recording.method, pattern),
            took: end.took,
            attributes,
            failed: fault.is_some(),
        });
    }
}

/// A request to a backend that has a life of its own.
#[derive(Debug)]
pub(crate) struct Detached {
    recorder: Recorder,
    hop: Hop,
}

impl Detached {
    /// The backend is asked by this request.
    pub(crate) fn asks(&mut self, method: &Method, path: &str) {
        self.hop.asks(method, path);
    }

    /// It is over; `answer` is what the backend has said, if it has.
    pub(crate) fn end(mut self, answer: Option<(SocketAddr, StatusCode)>, secure: bool) {
        if let Some((server, status)) = answer {
            self.hop.answered(server, status);
        }
        self.hop.end(&self.recorder, None, secure);
    }
}

/// What a request says of itself, without what may be a secret: no query, no fields.
fn attributes(request: &RequestHeader, client: &Client) -> Vec<KeyValue> {
    let scheme = match client.scheme_of(request) {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let host = host(request);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, port.parse::<u16>().ok()),
        _ => (host, None),
    };
    // Some may follow at the end.
    let mut attributes = Vec::with_capacity(14);
    attributes.extend([
        span::of("http.request.method", span::method(&request.method)),
        span::of("url.scheme", scheme),
        span::of(PATH, span::shown(request.uri.path())),
        span::of("server.address", span::shown(name)),
        span::of("network.protocol.version", span::version(request.version)),
        span::of("client.address", client.address.to_string()),
        span::of("network.peer.address", client.peer.to_string()),
    ]);
    attributes.extend(port.map(|port| span::of("server.port", i64::from(port))));
    attributes
}
