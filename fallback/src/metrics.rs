//! What is counted, by Prometheus' conventions.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::admission::Busy;
use crate::backend::Traffic;
use crate::session::{Ended, Fault};

/// The fallback's metrics.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Whose clients these count; all dialects share the counters.
    dialect: &'static str,
    refused: Family<Refused, Counter>,
    answers: Family<Answered, Counter>,
    messages: Family<Way, Counter>,
    bytes: Family<Way, Counter>,
    /// Of this dialect: counted with each request and message, so they are not looked for by their labels.
    answered: Arc<[(&'static str, Counter)]>,
    from_client: Passed,
    from_backend: Passed,
    websockets: Family<Dialect, Gauge>,
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
struct Dialect {
    dialect: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refused {
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
            "towpath_session_opens_refused",
            "Fallback sessions not opened: for a limit, by the route's policy, or because the backend refused or could not be reached",
            self.refused.clone(),
        );
        registry.register(
            "towpath_session_requests",
            "Requests of fallback sessions, by what they were answered",
            self.answers.clone(),
        );
        registry.register(
            "towpath_session_messages",
            "Messages of fallback sessions",
            self.messages.clone(),
        );
        registry.register(
            "towpath_session_bytes",
            "Bytes of the messages of fallback sessions",
            self.bytes.clone(),
        );
        registry.register(
            "towpath_session_websockets",
            "Fallback sessions whose client has come over to a WebSocket of its own, as those of Socket.IO do",
            self.websockets.clone(),
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
        let _ = metrics.websockets.get_or_create(&Dialect { dialect });
        for reason in REFUSALS {
            let refused = Refused { dialect, reason };
            let _ = metrics.refused.get_or_create(&refused);
        }
        let passed = |direction| {
            let way = Way { dialect, direction };
            Passed {
                messages: self.messages.get_or_create(&way).clone(),
                bytes: self.bytes.get_or_create(&way).clone(),
            }
        };
        let answered = |status| {
            let answered = Answered { dialect, status };
            (status, self.answers.get_or_create(&answered).clone())
        };
        Self {
            answered: ANSWERS.into_iter().map(answered).collect(),
            from_client: passed(Direction::from_client),
            from_backend: passed(Direction::from_backend),
            ..metrics
        }
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
        let known = self.answered.iter().find(|(known, _)| *known == status);
        match known {
            Some((_, counter)) => counter.inc(),
            // Not in the list, which is for the sake of speed and of the reference.
            None => self
                .answers
                .get_or_create(&Answered { dialect, status })
                .inc(),
        };
    }

    /// A client has come over to a WebSocket: it counts for as long as what is returned.
    pub(crate) fn websocket(&self) -> Counted {
        let dialect = self.dialect;
        let gauge = self.websockets.get_or_create(&Dialect { dialect }).clone();
        gauge.inc();
        Counted(gauge)
    }

    /// Messages have passed.
    pub(crate) fn passed(&self, from_client: Traffic, from_backend: Traffic) {
        self.from_client.add(from_client);
        self.from_backend.add(from_backend);
    }

    pub(crate) fn now(&self, memory: usize) {
        self.memory.set(memory as i64);
    }

    /// Lets each metric of each dialect have every value of its labels, for a list of what there is.
    pub fn pretend(&self) {
        for dialect in ["towpath", "sockjs", "engine_io"] {
            let _ = self.of(dialect);
        }
    }
}

/// Why a session may not be opened.
const REFUSALS: [&str; 9] = [
    "malformed",
    "opens_per_second",
    "policy",
    "refused",
    "session_memory",
    "sessions",
    "sessions_per_address",
    "timeout",
    "unreachable",
];

/// What a request may be answered, in the words of whichever dialect.
const ANSWERS: [&str; 10] = [
    "ok",
    "superseded",
    "stale",
    "resend",
    "throttled",
    "closed",
    "gone",
    "protocol",
    "too_large",
    "refused",
];

/// One that is counted.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Ended {
    /// One for each name that there is.
    pub const ALL: [Self; 11] = [
        Self::Client,
        Self::Backend,
        Self::Lost,
        Self::ClientFault(Fault::TooBig),
        Self::BackendFault(Fault::TooBig),
        Self::Drain,
        Self::Operator,
        Self::Abandoned,
        Self::Stalled,
        Self::Eager,
        Self::Lifetime,
    ];

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
