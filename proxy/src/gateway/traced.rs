//! A request's part in a trace, where tracing is on; where it is off, all of this is a look at an empty field.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, StatusCode};
use pingora::http::RequestHeader;

use super::Exchange;
use crate::observe::access_log::Answered;
use crate::snapshot::{Route, Snapshot};
use crate::traces::{End, Life, Trace, Traces};
use crate::tunnel::opening::Opening;
use crate::upstream::Lease;

impl Exchange {
    /// Joins the request's trace, or begins one. A newer process that passes a request on has done so already.
    pub(crate) fn join_trace(
        &mut self,
        request: &RequestHeader,
        snapshot: &Snapshot,
        traces: &Arc<Traces>,
    ) {
        if let Some(conf) = &snapshot.config.tracing
            && self.trace.is_none()
            && !self.client.is_inner()
        {
            let trace = Trace::join(conf.sampling, traces, request, &self.client);
            self.trace = Some(Box::new(trace));
        }
    }

    /// The same, and lets all that is made of the request for backends say so.
    pub(super) fn join_and_tell(
        &mut self,
        request: &mut RequestHeader,
        snapshot: &Snapshot,
        traces: &Arc<Traces>,
    ) {
        self.join_trace(request, snapshot, traces);
        if let Some(trace) = &self.trace
            && let Err(error) = trace.write(request)
        {
            // What was made here are hexadecimal digits.
            tracing::debug!(%error, "a trace cannot be passed on");
        }
    }

    /// It is one of a session's many, which are no spans.
    pub(crate) fn leave_trace(&mut self) {
        self.trace = None;
    }

    /// Its path is a client's key to a session: another one is shown.
    pub(crate) fn shows_path(&mut self, path: &str) {
        if let Some(trace) = &mut self.trace {
            trace.shows_path(path);
        }
    }

    /// The backend is asked by this request.
    pub(crate) fn asks(&mut self, request: &RequestHeader) {
        if let Some(trace) = &mut self.trace {
            trace.asks(&request.method, request.uri.path());
        }
    }

    /// The backend is asked by this handshake.
    pub(crate) fn asks_to_upgrade(&mut self, opening: &Opening) {
        if let Some(trace) = &mut self.trace {
            trace.asks(&Method::GET, &opening.path());
        }
    }

    /// The backend has answered.
    pub(crate) fn is_answered(&mut self, server: SocketAddr, status: StatusCode) {
        if let Some(trace) = &mut self.trace {
            trace.answered(server, status);
        }
    }

    /// The tunnel or session that comes of it, over this route.
    pub(crate) fn life(&self, route: &Route) -> Option<Box<Life>> {
        let trace = self.trace.as_ref();
        trace.map(|trace| Box::new(trace.life(route)))
    }

    /// It is over.
    pub(crate) fn end_trace(&self, answered: &Answered) {
        let Some(trace) = &self.trace else {
            return;
        };
        let passage = self.passage.as_ref();
        trace.end(&End {
            took: self.started.elapsed(),
            status: answered.status,
            refusal: self.refusal,
            was_left: answered.failed && self.refusal.is_none(),
            route: passage.map(|passage| &*passage.route),
            server: passage.and_then(|it| it.lease.as_ref()).map(Lease::address),
        });
    }
}
