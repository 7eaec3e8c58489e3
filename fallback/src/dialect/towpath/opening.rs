//! A session's beginning and its life: the backend is asked, whoever wants the session is told, and its task is carried
//! to its end.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use tokio::time::timeout;

use super::codec::Request;
use super::endpoints::{MAX_BODY, Native, SPACING, Wish};
use super::open::{Answer, Open, Opened};
use super::openings::Remembered;
use super::polls::{self, Polls};
use crate::admission::Place;
use crate::backend::{Backend, DialError, Dialled, Handshake, Report};
use crate::clock;
use crate::door::Door;
use crate::forwarding::{cookies, forwarded};
use crate::life::Life;
use crate::policy::Policy;
use crate::pump::Parts;
use crate::session::Session;
use crate::token::{Id, random_id};
use crate::websocket::{Role, Socket};

/// How long a failed `open` is remembered for those who did not hear of it.
const REMEMBERED: Duration = Duration::from_secs(10);

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

    async fn dial<B: Backend>(
        mut self,
        mut backend: B,
    ) -> Option<Life<B, Polls, impl FnOnce(&Report) + Send + 'static>> {
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
    async fn fail(self, error: DialError, ending: impl Future) {
        self.native.metrics.refused(error.name());
        self.remembered.tell(error.into());
        // Nobody is kept waiting for that when the process goes down.
        let _ = timeout(REMEMBERED, ending).await;
    }

    /// The session is there, and can be reached from here on.
    fn begin<B: Backend>(
        self,
        dialled: Dialled<B::Stream>,
        backend: B,
    ) -> Option<Life<B, Polls, impl FnOnce(&Report) + Send + 'static>> {
        let id = random_id().ok()?;
        let door = Arc::<Door<Request>>::default();
        let reachable = self.native.doors.reach(id, door.clone(), ());
        self.remembered.tell(Outcome {
            answer: Arc::new(Answer::Ok(Box::new(self.opened(&id, &dialled)))),
            cookies: cookies(&dialled.headers),
        });
        let limits = self.policy.limits;
        let now = clock::now();
        let polls = polls::Settings {
            hold: self.policy.hold,
            spacing: SPACING,
            stream: self.stream,
        };
        let max_message = limits.max_message.min(self.receive);
        let parts = Parts {
            socket: Socket::new(dialled.stream, Role::Client, max_message),
            session: Session::new(limits.of_one(), now),
            dialect: Polls::new(polls, now),
            door,
            place: self.place,
            max_message,
            metrics: self.native.metrics.clone(),
        };
        let names = (reachable, self.remembered);
        Some(Life::new(parts, backend, move |_: &Report| drop(names)))
    }

    fn opened<S>(&self, id: &Id, dialled: &Dialled<S>) -> Opened {
        let Policy { hold, limits, .. } = &self.policy;
        Opened {
            token: self.native.mint.token(id, &[self.remembered.origin()]),
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

/// What the backend is asked with.
pub(super) fn handshake(open: &Open, wish: &Wish<'_>) -> Handshake {
    Handshake {
        headers: forwarded(wish.headers, wish.origin, wish.policy),
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

impl From<DialError> for Outcome {
    fn from(error: DialError) -> Self {
        let (answer, cookies) = match error {
            DialError::Refused {
                status, headers, ..
            } => (
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
