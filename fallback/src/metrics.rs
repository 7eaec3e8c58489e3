//! What is counted, by Prometheus' conventions.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::admission::Busy;
use crate::backend::{Report, Traffic};
use crate::session::Ended;

/// The fallback's metrics.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Whose clients these count; all dialects share the counters.
    dialect: &'static str,
    opened: Family<Opened, Counter>,
    refused: Family<Refused, Counter>,
    ended: Family<Why, Counter>,
    answers: Family<Answered, Counter>,
    messages: Family<Way, Counter>,
    bytes: Family<Way, Counter>,
    /// Of this dialect: counted with each message, so they are not looked for.
    from_client: Passed,
    from_backend: Passed,
    sessions: Gauge,
    memory: Gauge,
}

/// What has passed one way.
#[derive(Clone, Debug, Default)]
struct Passed {
    messages: Counter,
    bytes: Counter,
}

impl Passed {
    fn add(&self, traffic: Traffic) {
        self.messages.inc_by(traffic.messages);
        self.bytes.inc_by(traffic.bytes);
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Opened {
    dialect: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refused {
    dialect: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Why {
    dialect: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    dialect: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Way {
    dialect: &'static str,
    direction: Direction,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Direction {
    #[allow(non_camel_case_types)] // The label's value.
    from_client,
    #[allow(non_camel_case_types)]
    from_backend,
}

impl Metrics {
    /// Adds them to a registry, under their own names.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "towpath_sessions_opened",
            "Fallback sessions opened, by dialect",
            self.opened.clone(),
        );
        registry.register(
            "towpath_session_opens_refused",
            "Fallback sessions not opened, by dialect and reason",
            self.refused.clone(),
        );
        registry.register(
            "towpath_sessions_ended",
            "Fallback sessions ended, by dialect and reason",
            self.ended.clone(),
        );
        registry.register(
            "towpath_session_requests",
            "Requests of fallback sessions, by dialect and by the status of the answer",
            self.answers.clone(),
        );
        registry.register(
            "towpath_session_messages",
            "Messages of fallback sessions, by dialect and direction",
            self.messages.clone(),
        );
        registry.register(
            "towpath_session_bytes",
            "Bytes of the messages of fallback sessions, by dialect and direction",
            self.bytes.clone(),
        );
        registry.register(
            "towpath_sessions",
            "Fallback sessions that there are",
            self.sessions.clone(),
        );
        registry.register(
            "towpath_session_memory_bytes",
            "Memory that the messages of all fallback sessions take",
            self.memory.clone(),
        );
    }

    /// The same counters, for one dialect.
    pub(crate) fn of(&self, dialect: &'static str) -> Self {
        let metrics = Self {
            dialect,
            ..self.clone()
        };
        // What has not happened is 0, not absent.
        let _ = metrics.opened.get_or_create(&Opened { dialect });
        let passed = |direction| {
            let way = Way { dialect, direction };
            Passed {
                messages: self.messages.get_or_create(&way).clone(),
                bytes: self.bytes.get_or_create(&way).clone(),
            }
        };
        Self {
            from_client: passed(Direction::from_client),
            from_backend: passed(Direction::from_backend),
            ..metrics
        }
    }

    pub(crate) fn opened(&self) {
        let dialect = self.dialect;
        self.opened.get_or_create(&Opened { dialect }).inc();
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        let dialect = self.dialect;
        self.refused
            .get_or_create(&Refused { dialect, reason })
            .inc();
    }

    pub(crate) fn busy(&self, busy: Busy) {
        self.refused(match busy {
            Busy::Sessions => "sessions",
            Busy::Address => "sessions_per_address",
            Busy::Rate => "opens_per_second",
            Busy::Memory => "session_memory",
        });
    }

    pub(crate) fn answered(&self, status: &'static str) {
        let dialect = self.dialect;
        self.answers
            .get_or_create(&Answered { dialect, status })
            .inc();
    }

    pub(crate) fn ended(&self, report: &Report) {
        let (dialect, reason) = (self.dialect, report.ended.name());
        self.ended.get_or_create(&Why { dialect, reason }).inc();
    }

    /// Messages have passed.
    pub(crate) fn passed(&self, from_client: Traffic, from_backend: Traffic) {
        self.from_client.add(from_client);
        self.from_backend.add(from_backend);
    }

    pub(crate) fn now(&self, sessions: usize, memory: usize) {
        self.sessions.set(sessions as i64);
        self.memory.set(memory as i64);
    }
}

impl Ended {
    /// In one word, for logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Backend => "backend",
            Self::Lost => "lost",
            Self::ClientFault(_) => "client_fault",
            Self::BackendFault(_) => "backend_fault",
            Self::Drain => "drain",
            Self::Operator => "operator",
            Self::Abandoned => "abandoned",
            Self::Stalled => "stalled",
            Self::Eager => "eager",
            Self::Lifetime => "max_lifetime",
        }
    }
}
