//! One request on its way: who its client is, where it goes, and what has become of it so far.

use std::sync::Arc;
use std::time::Instant;

use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::host;
use crate::answer::Refusal;
use crate::attempts::Attempt;
use crate::classify::Kind;
use crate::forwarded::{Client, Ends};
use crate::gate::StreamPlace;
use crate::incoming::Incoming;
use crate::observe::access_log::{self, Answered};
use crate::observe::rejections::Reason;
use crate::shared::Shared;
use crate::snapshot::{Route, Snapshot};
use crate::traces::Trace;
use crate::tunnel::{Ended, Side};
use crate::upstream::{Lease, Tried};

/// One request on its way.
pub(crate) struct Exchange {
    pub(crate) started: Instant,
    pub(crate) client: Client,
    pub(crate) passage: Option<Passage>,
    /// A handshake whose client may ask what became of it.
    pub(crate) attempt: Option<Attempt>,
    /// Its part in a trace, where tracing is on.
    pub(crate) trace: Option<Box<Trace>>,
    /// It is one of a session's many, whose own line in the access log sums them up.
    pub(crate) summed_up: bool,
    /// What the client speaks whose open session it is of.
    pub(crate) dialect: Option<&'static str>,
    /// It goes to the same server as all of its client's.
    pub(crate) pinned: bool,
    /// The route that still wants to know who the client is.
    pub(super) guard: Option<Arc<Route>>,
    /// The content of a plain request.
    pub(super) content: Incoming,
    /// Why it was answered by us.
    pub(crate) refusal: Option<Refusal>,
    /// The session's connection is gone into a tunnel; pingora's session must not be asked anything.
    pub(crate) tunnelled: bool,
}

/// Where a request goes.
pub(crate) struct Passage {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) route: Arc<Route>,
    pub(super) tried: Tried,
    pub(crate) lease: Option<Lease>,
    /// What the last server that could not be reached failed with.
    pub(super) failure: Option<Refusal>,
}

impl Exchange {
    /// One of which nothing is known yet.
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            client: Client::unknown(),
            passage: None,
            attempt: None,
            trace: None,
            summed_up: false,
            dialect: None,
            pinned: false,
            guard: None,
            content: Incoming::default(),
            refusal: None,
            tunnelled: false,
        }
    }

    /// Finds out who the client is.
    pub(super) fn identify(&mut self, request: &RequestHeader, ends: Ends, snapshot: &Snapshot) {
        let trusted = &snapshot.config.trusted_proxies;
        self.client = Client::identify(ends.peer, &request.headers, trusted).over(ends);
    }

    /// Whether the request's connection has proven what the route demands.
    pub(crate) fn prove(&self, route: &Route, request: &RequestHeader) -> Result<(), Refusal> {
        if self.client.is_inner() {
            // It has been proven where the client is.
            return Ok(());
        }
        route.demand(self.client.tls.as_deref(), host(request))
    }

    /// Whether the request may take the route, as far as it shows by itself. Who its client is, is found out later.
    pub(super) fn admit(
        &mut self,
        route: &Arc<Route>,
        request: &RequestHeader,
        kind: Option<Kind>,
    ) -> Result<(), Refusal> {
        self.prove(route, request)?;
        if kind == Some(Kind::Upgrade) {
            let own = || self.client.own_origin(request);
            route.filters.check_origin(&request.headers, own)?;
        }
        self.guard = Some(route.clone());
        Ok(())
    }

    /// The next piece of content, if there is `more`, is not waited for for ever.
    pub(super) fn expect_content(&self, session: &mut Session, more: bool) {
        if let Some(passage) = &self.passage {
            let patience = self.content.patience(passage.route.read_timeout);
            session.set_read_timeout(Some(patience));
            if let Some(stream) = StreamPlace::of(session.req_header()) {
                stream.expect_content(more.then_some(patience));
            }
        }
    }

    /// Counts why it was answered by us, if it was.
    pub(crate) fn count(&self, shared: &Shared) {
        if let Some(refusal) = self.refusal {
            shared.rejections.count(Reason::Refused(refusal));
            if let Some(passage) = &self.passage {
                let upstream = passage.route.group.name();
                shared.upstreams.counts().failed(upstream, refusal);
            }
        }
    }

    /// Notes how it was answered.
    pub(crate) fn note(&self, request: &RequestHeader, answered: Answered, shared: &Shared) {
        self.end_trace(&answered);
        let (metrics, took) = (&shared.metrics, self.started.elapsed());
        if let Some(dialect) = self.dialect.filter(|_| self.summed_up) {
            metrics.session_answered(dialect, took);
        } else if let Some(passage) = &self.passage {
            metrics.answered(&passage.route.name, answered.status, took);
        }
        access_log::request(request, answered, self);
    }

    /// The client was gone before it had its 101.
    pub(crate) fn lost(&self) {
        if let Some(attempt) = &self.attempt {
            attempt.close(Ended::Reset(Side::Client), None);
        }
    }

    /// It is answered by us.
    pub(crate) fn refused(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
        if let Some(attempt) = self.attempt.take() {
            attempt.refuse(refusal.status());
        }
    }
}

impl Passage {
    pub(crate) fn new(snapshot: Arc<Snapshot>, route: Arc<Route>) -> Self {
        Self {
            snapshot,
            route,
            tried: Tried::default(),
            lease: None,
            failure: None,
        }
    }
}
