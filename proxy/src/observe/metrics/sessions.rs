//! Sessions of the fallback, by the route that they came over. What they carry, the fallback counts itself.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use towpath_fallback::session::Ended;

use super::labels::{DIALECTS, Latencies, Latency, Life, Lives, code, codes, observe};
use super::{Metrics, Now, whole};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDialect {
    dialect: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Whose {
    route: String,
    dialect: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closing {
    route: String,
    dialect: &'static str,
    ended_by: &'static str,
    code: &'static str,
}

/// What is counted of sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    opened: Family<Whose, Counter>,
    open: Family<Whose, Gauge>,
    closed: Family<Closing, Counter>,
    lives: Lives<ByDialect>,
    requests: Latencies<ByDialect>,
    /// Those of each dialect, which are not looked for by their labels with each request.
    answered: [(&'static str, Histogram); DIALECTS.len()],
    most: Gauge,
    most_memory: Gauge,
}

impl Default for Sessions {
    fn default() -> Self {
        let requests: Latencies<ByDialect> = Family::new_with_constructor(Latency);
        let answered = |dialect| {
            let histogram = requests.get_or_create(&ByDialect { dialect }).clone();
            (dialect, histogram)
        };
        Self {
            answered: DIALECTS.map(answered),
            opened: Family::default(),
            open: Family::default(),
            closed: Family::default(),
            lives: Family::new_with_constructor(Life),
            requests,
            most: Gauge::default(),
            most_memory: Gauge::default(),
        }
    }
}

impl Metrics {
    /// A session was opened, this long after its client had asked for it.
    pub(crate) fn session_opened(&self, route: &str, dialect: &'static str, took: Duration) {
        self.shook_hands(route, dialect, took);
        self.sessions.opened(route, dialect);
    }

    /// A session is over.
    pub(crate) fn session_closed(
        &self,
        route: &str,
        dialect: &'static str,
        report: &towpath_fallback::Report,
    ) {
        let close = report.close.as_ref().and_then(|close| close.code);
        let (sessions, lived) = (&self.sessions, report.duration);
        sessions.closed(route, dialect, report.ended, close, lived);
    }

    /// A request of a session was answered; a poll takes as long as it is held.
    pub(crate) fn session_answered(&self, dialect: &'static str, took: Duration) {
        let mut answered = self.sessions.answered.iter();
        if let Some((_, histogram)) = answered.find(|(known, _)| *known == dialect) {
            histogram.observe(took.as_secs_f64());
        }
    }

    pub(super) fn look_at_sessions(&self, now: &Now) {
        self.sessions.most.set(whole(now.most_sessions));
        let most_memory = whole(now.most_session_memory);
        self.sessions.most_memory.set(most_memory);
    }
}

impl Sessions {
    fn opened(&self, route: &str, dialect: &'static str) {
        let route = route.to_owned();
        let whose = Whose { route, dialect };
        self.opened.get_or_create(&whose).inc();
        self.open.get_or_create(&whose).inc();
    }

    fn closed(
        &self,
        route: &str,
        dialect: &'static str,
        ended: Ended,
        close: Option<u16>,
        lived: Duration,
    ) {
        let route = route.to_owned();
        let whose = Whose { route, dialect };
        self.open.get_or_create(&whose).dec();
        observe(&self.lives, &ByDialect { dialect }, lived);
        let closing = Closing {
            route: whose.route,
            dialect,
            ended_by: ended.name(),
            code: code(close),
        };
        self.closed.get_or_create(&closing).inc();
    }

    pub(super) fn pretend(&self) {
        for dialect in DIALECTS {
            self.opened("ROUTE", dialect);
            for ended in Ended::ALL {
                self.closed("ROUTE", dialect, ended, None, Duration::ZERO);
            }
            for close in codes() {
                self.closed("ROUTE", dialect, Ended::Drain, close, Duration::ZERO);
            }
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        to.register(
            "towpath_sessions_opened",
            "Fallback sessions opened",
            self.opened.clone(),
        );
        to.register(
            "towpath_sessions",
            "Fallback sessions that are open",
            self.open.clone(),
        );
        to.register(
            "towpath_sessions_limit",
            "How many there may be: limits.sessions",
            self.most.clone(),
        );
        to.register(
            "towpath_sessions_closed",
            "Fallback sessions that are over, by who or what ended them, and by the close code that the client was sent; none: it was not",
            self.closed.clone(),
        );
        to.register(
            "towpath_session_duration_seconds",
            "How long fallback sessions that are over have lived",
            self.lives.clone(),
        );
        to.register(
            "towpath_session_request_duration_seconds",
            "From the header of a request of an open session to the end of its answer; polls are held until there is something to say",
            self.requests.clone(),
        );
        to.register(
            "towpath_session_memory_limit_bytes",
            "How much the messages of all sessions may take before backends are no longer read: limits.session_memory",
            self.most_memory.clone(),
        );
    }
}
