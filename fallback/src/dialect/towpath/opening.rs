//! A session's beginning and its life: the backend is asked, whoever wants the session is told, and its task is carried
//! to its end.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::timeout;

use super::endpoints::{MAX_BODY, Native, SPACING, Wish};
use super::open::{Answer, Open, Opened};
use super::polls::{self, Polls};
use super::registry::{Reachable, Remembered};
use crate::admission::Place;
use crate::backend::{Backend, DialError, Dialled, Handshake};
use crate::door::Door;
use crate::metrics::Metrics;
use crate::policy::Policy;
use crate::pump::{Parts, Pump};
use crate::session::Session;
use crate::token::{Id, random_id};

/// How long a failed `open` is remembered for those who did not hear of it.
const REMEMBERED: Duration = Duration::from_secs(10);

/// The client's own fields that a backend gets.
const FORWARDED: [HeaderName; 4] = [
    header::COOKIE,
    header::AUTHORIZATION,
    header::USER_AGENT,
    header::ACCEPT_LANGUAGE,
];

/// What came of an `open`.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) answer: Arc<Answer>,
    /// The backend's Set-Cookie fields.
    pub(super) cookies: Vec<HeaderValue>,
}

/// A session that is wanted, and all that its life needs.
pub(super) struct Birth {
    pub(super) native: Arc<Native>,
    pub(super) remembered: Remembered,
    pub(super) place: Place,
    pub(super) handshake: Handshake,
    pub(super) policy: Policy,
    /// The longest message that the client takes.
    pub(super) receive: usize,
    pub(super) stream: bool,
}

impl Birth {
    /// Lets it happen, in a task of its own.
    pub(super) fn spawn<B: Backend>(self, backend: B) {
        // In memory of its own, since it takes many times what the session needs for the rest of its life.
        let dialling = Box::pin(self.dial(backend));
        tokio::spawn(async move {
            if let Some(life) = dialling.await {
                life.live().await;
            }
        });
    }

    async fn dial<B: Backend>(mut self, mut backend: B) -> Option<Life<B>> {
        let handshake = std::mem::take(&mut self.handshake);
        let dialled = timeout(self.policy.open_timeout, backend.dial(handshake)).await;
        match dialled.unwrap_or(Err(DialError::Timeout)) {
            Ok(dialled) => self.begin(dialled, backend),
            Err(error) => {
                self.fail(error, backend.ending()).await;
                None
            }
        }
    }

    /// Says so, also to those who ask again. It keeps its place meanwhile: what is remembered must be bounded.
    async fn fail(self, error: DialError, ending: impl Future<Output = ()>) {
        self.native.metrics.refused(error.name());
        self.remembered.tell(error.into());
        // Nobody is kept waiting for that when the process goes down.
        let _ = timeout(REMEMBERED, ending).await;
    }

    /// The session is there, and can be reached from here on.
    fn begin<B: Backend>(self, dialled: Dialled<B::Stream>, backend: B) -> Option<Life<B>> {
        let id = random_id().ok()?;
        let door = Arc::<Door>::default();
        let reachable = self.native.registry.reach(id, door.clone());
        self.native.metrics.opened();
        self.remembered.tell(Outcome {
            answer: Arc::new(Answer::Ok(Box::new(self.opened(&id, &dialled)))),
            cookies: cookies(&dialled.headers),
        });
        let limits = self.policy.limits;
        let now = tokio::time::Instant::now().into_std();
        let polls = polls::Settings {
            hold: self.policy.hold,
            spacing: SPACING,
            stream: self.stream,
        };
        let pump = Pump::new(Parts {
            stream: dialled.stream,
            session: Session::new(limits, now),
            polls: Polls::new(polls, now),
            door,
            place: self.place,
            max_message: limits.max_message.min(self.receive),
            metrics: self.native.metrics.clone(),
        });
        Some(Life {
            pump: Box::new(pump),
            names: (reachable, self.remembered),
            metrics: self.native.metrics.clone(),
            backend,
        })
    }

    fn opened<S>(&self, id: &Id, dialled: &Dialled<S>) -> Opened {
        let Policy { hold, limits, .. } = &self.policy;
        Opened {
            token: self.native.mint.token(id, self.remembered.origin()),
            protocol: protocol(&dialled.headers),
            wait: *hold,
            resume: limits.resume,
            max_body: MAX_BODY,
            max_message: limits.max_message,
            buffer: limits.credit,
            spacing: SPACING,
            stream: self.stream,
        }
    }
}

/// A session that is there.
struct Life<B: Backend> {
    pump: Box<Pump<B::Stream>>,
    names: (Reachable, Remembered),
    metrics: Metrics,
    backend: B,
}

impl<B: Backend> Life<B> {
    /// Carries it to its end.
    async fn live(self) {
        let (report, place) = self.pump.run(self.backend.ending()).await;
        drop(self.names);
        self.metrics.ended(&report);
        self.backend.ended(report);
        // The last, since a drain waits for it.
        drop(place);
    }
}

/// What the backend is asked with.
pub(super) fn handshake(open: &Open, wish: &Wish<'_>) -> Handshake {
    let mut headers = HeaderMap::new();
    for name in FORWARDED.iter().chain(&wish.policy.forward_headers) {
        for value in wish.headers.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    if let (false, Ok(origin)) = (wish.origin.is_empty(), wish.origin.parse()) {
        headers.insert(header::ORIGIN, origin);
    }
    Handshake {
        headers,
        protocols: open.protocols.clone(),
    }
}

fn protocol(headers: &HeaderMap) -> String {
    headers
        .get(header::SEC_WEBSOCKET_PROTOCOL)
        .and_then(|protocol| protocol.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

fn cookies(headers: &HeaderMap) -> Vec<HeaderValue> {
    headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect()
}

impl From<DialError> for Outcome {
    fn from(error: DialError) -> Self {
        let (answer, cookies) = match error {
            DialError::Refused { status, headers } => (
                Answer::Refused {
                    http_status: status,
                },
                cookies(&headers),
            ),
            DialError::Unreachable => (Answer::Unreachable, Vec::new()),
            DialError::Timeout => (Answer::Timeout, Vec::new()),
        };
        Self {
            answer: Arc::new(answer),
            cookies,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;
    use crate::backend::Report;

    struct Way;

    impl Backend for Way {
        type Stream = DuplexStream;
        type Ending = std::future::Pending<()>;

        async fn dial(&mut self, _: Handshake) -> Result<Dialled<DuplexStream>, DialError> {
            Err(DialError::Unreachable)
        }

        fn ending(&self) -> Self::Ending {
            std::future::pending()
        }

        fn ended(self, _: Report) {}
    }

    /// There may be tens of thousands that wait for something to happen.
    #[test]
    fn a_session_that_waits_is_small() {
        let life: Option<Life<Way>> = None;
        let waiting = async {
            if let Some(life) = life {
                life.live().await;
            }
        };
        let size = size_of_val(&waiting) + size_of::<Pump<DuplexStream>>();
        assert!(size <= 2304, "{size} bytes");
    }
}
