//! The native dialect's endpoints: from requests to sessions and back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::sync::{oneshot, watch};

use super::codec::{Head, Request, Status, write_head};
use super::open::{Answer, Nonce, Open, Opened};
use super::polls::{self, Polls};
use crate::admission::{Admission, Place};
use crate::backend::{Backend, DialError, Handshake};
use crate::body::Body;
use crate::door::{Call, Door};
use crate::metrics::Metrics;
use crate::pump::{self, Parts, REQUESTS};
use crate::session::{Limits, Session};
use crate::token::{Id, Mint, random_id};

/// The largest body of a request, in bytes.
pub(crate) const MAX_BODY: usize = 256 << 10;

/// How long a failed `open` is remembered for those who did not hear of it.
const REMEMBERED: Duration = Duration::from_secs(10);

/// What a client that meets a limit is told to wait.
const BUSY: Duration = Duration::from_secs(1);

/// What requests that bring nothing new should be apart.
const SPACING: Duration = Duration::from_millis(100);

/// The client's own fields that a backend gets.
const FORWARDED: [HeaderName; 4] = [
    header::COOKIE,
    header::AUTHORIZATION,
    header::USER_AGENT,
    header::ACCEPT_LANGUAGE,
];

/// What a route says of its sessions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest that a poll is held.
    pub hold: Duration,
    /// How long the backend may take to accept.
    pub open_timeout: Duration,
    /// Whether streams are given.
    pub stream: bool,
    /// The bounds of each session.
    pub limits: Limits,
    /// Fields of `open` that the backend gets beside the usual.
    pub forward_headers: Vec<HeaderName>,
}

/// The sessions of the native dialect.
pub(crate) struct Native {
    mint: Mint,
    admission: Arc<Admission>,
    metrics: Metrics,
    doors: Mutex<HashMap<Id, Arc<Door>>>,
    opens: Mutex<HashMap<Wanted, Opening>>,
}

/// What one client wants, however often it says so. Nobody else can guess it, let alone from another Origin.
type Wanted = (Nonce, Arc<str>);

/// A session that is being opened, or was.
type Opening = watch::Receiver<Option<Outcome>>;

/// What came of an `open`.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) answer: Arc<Answer>,
    /// The backend's Set-Cookie fields.
    pub(super) cookies: Vec<HeaderValue>,
}

/// An `open` with all that it came with.
pub(crate) struct Wish<'a> {
    pub(crate) client: IpAddr,
    pub(crate) origin: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) settings: &'a Settings,
}

impl Native {
    pub(crate) fn new(
        admission: Arc<Admission>,
        metrics: Metrics,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            mint: Mint::new()?,
            admission,
            metrics,
            doors: Mutex::default(),
            opens: Mutex::default(),
        })
    }

    /// Opens a session, or finds the one that the same wish has opened before. Cancel-safe: a session that is being
    /// opened waits for whoever asks again.
    pub(crate) async fn open<B: Backend>(
        self: &Arc<Self>,
        body: &[u8],
        wish: Wish<'_>,
        backend: B,
    ) -> (Vec<u8>, Vec<HeaderValue>) {
        match self.opening(body, &wish, backend) {
            Ok(mut opening) => {
                let outcome = opening.wait_for(Option::is_some).await;
                match outcome.ok().and_then(|outcome| outcome.clone()) {
                    Some(outcome) => (outcome.answer.to_json(), outcome.cookies),
                    // Its task was cut off, which only the end of the process does.
                    None => (Answer::Unreachable.to_json(), Vec::new()),
                }
            }
            Err(answer) => {
                if !matches!(answer, Answer::Busy { .. }) {
                    self.metrics.refused("malformed");
                }
                (answer.to_json(), Vec::new())
            }
        }
    }

    fn opening<B: Backend>(
        self: &Arc<Self>,
        body: &[u8],
        wish: &Wish<'_>,
        backend: B,
    ) -> Result<Opening, Answer> {
        let (open, nonce) = Open::parse(body)?;
        let wanted: Wanted = (nonce, wish.origin.into());
        let mut opens = lock(&self.opens);
        if let Some(opening) = opens.get(&wanted) {
            return Ok(opening.clone());
        }
        let now = tokio::time::Instant::now().into_std();
        let place = self.admission.admit(wish.client, now).map_err(|busy| {
            self.metrics.busy(busy);
            let retry_after = BUSY.as_millis() as u64;
            Answer::Busy { retry_after }
        })?;
        let (outcome, opening) = watch::channel(None);
        opens.insert(wanted.clone(), opening.clone());
        drop(opens);
        let birth = Birth {
            native: self.clone(),
            entry: Entry {
                native: self.clone(),
                wanted,
                open: None,
            },
            handshake: handshake(&open, wish),
            settings: wish.settings.clone(),
            receive: open.receive.unwrap_or(usize::MAX),
            stream: open.stream && wish.settings.stream,
            place,
            outcome,
        };
        tokio::spawn(birth.live(backend));
        Ok(opening)
    }

    /// Carries a request to its session. Dropping the future is the client's leaving.
    pub(crate) async fn io(&self, body: Bytes, origin: &str) -> Body {
        let Ok(request) = Request::parse(body) else {
            return self.say(Status::Protocol, 0);
        };
        let serial = request.serial;
        let id = self.mint.id(&request.token, origin);
        let Some(door) = id.and_then(|id| lock(&self.doors).get(&id).cloned()) else {
            return self.say(Status::Gone, serial);
        };
        let Some(presence) = door.enter(REQUESTS) else {
            return self.throttle(serial);
        };
        let (answer, answered) = oneshot::channel();
        door.call(Call { request, answer });
        match answered.await {
            Ok(body) => body.with(presence),
            Err(_) => self.say(Status::Gone, serial),
        }
    }

    /// An answer without a session.
    pub(crate) fn say(&self, status: Status, serial: u64) -> Body {
        self.answer(status, serial, Duration::ZERO)
    }

    fn throttle(&self, serial: u64) -> Body {
        self.answer(Status::Throttled, serial, SPACING)
    }

    fn answer(&self, status: Status, serial: u64, advice: Duration) -> Body {
        self.metrics.answered(status);
        let mut to = BytesMut::with_capacity(32);
        let head = Head {
            status,
            serial,
            ack: 0,
            credit: 0,
            advice: advice.as_millis() as u64,
            first: 0,
        };
        write_head(&mut to, &head);
        Body::whole(to.freeze())
    }
}

/// A session's beginning, and all that its life needs.
struct Birth {
    native: Arc<Native>,
    entry: Entry,
    handshake: Handshake,
    settings: Settings,
    receive: usize,
    stream: bool,
    place: Place,
    outcome: watch::Sender<Option<Outcome>>,
}

/// What is known of a session; it is forgotten however its task ends.
struct Entry {
    native: Arc<Native>,
    wanted: Wanted,
    /// Once it is open.
    open: Option<(Id, Arc<Door>)>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some((id, door)) = &self.open {
            lock(&self.native.doors).remove(id);
            door.close();
        }
        lock(&self.native.opens).remove(&self.wanted);
    }
}

impl Birth {
    /// Dials, and carries the session until it ends.
    async fn live<B: Backend>(self, backend: B) {
        // Boxed, so that what opening takes is given back while the session lives.
        let Some((parts, backend, entry)) = Box::pin(self.open(backend)).await else {
            return;
        };
        let metrics = parts.metrics.clone();
        let (report, place) = pump::run(parts).await;
        drop(entry);
        metrics.ended(&report);
        backend.ended(report);
        // The last, since a drain waits for it.
        drop(place);
    }

    /// Dials, and tells whoever waits for the session; `None`: there is none.
    async fn open<B: Backend>(
        mut self,
        mut backend: B,
    ) -> Option<(Parts<B::Stream, B::Ending>, B, Entry)> {
        let dialled = backend.dial(self.handshake);
        let dialled = tokio::time::timeout(self.settings.open_timeout, dialled).await;
        let dialled = match dialled.unwrap_or(Err(DialError::Timeout)) {
            Ok(dialled) => dialled,
            Err(error) => {
                self.native.metrics.refused(error.name());
                self.outcome.send_replace(Some(error.into()));
                // Nobody is kept waiting for that when the process goes down.
                let _ = tokio::time::timeout(REMEMBERED, backend.ending()).await;
                return None;
            }
        };
        let id = random_id().ok()?;
        let now = tokio::time::Instant::now().into_std();
        let door = Arc::<Door>::default();
        lock(&self.native.doors).insert(id, door.clone());
        self.entry.open = Some((id, door.clone()));
        self.native.metrics.opened();
        let limits = self.settings.limits;
        let opened = Opened {
            token: self.native.mint.token(&id, &self.entry.wanted.1),
            protocol: protocol(&dialled.headers),
            wait: self.settings.hold,
            resume: limits.resume,
            max_body: MAX_BODY,
            max_message: limits.max_message,
            buffer: limits.credit,
            spacing: SPACING,
            stream: self.stream,
        };
        self.outcome.send_replace(Some(Outcome {
            answer: Arc::new(Answer::Ok(Box::new(opened))),
            cookies: cookies(&dialled.headers),
        }));
        let polls = polls::Settings {
            hold: self.settings.hold,
            spacing: SPACING,
            stream: self.stream,
        };
        let parts = Parts {
            stream: dialled.stream,
            session: Session::new(limits, now),
            polls: Polls::new(polls, now),
            door,
            place: self.place,
            ending: backend.ending(),
            max_message: limits.max_message.min(self.receive),
            metrics: self.native.metrics.clone(),
        };
        Some((parts, backend, self.entry))
    }
}

/// What the backend is asked with.
fn handshake(open: &Open, wish: &Wish<'_>) -> Handshake {
    let mut headers = HeaderMap::new();
    for name in FORWARDED.iter().chain(&wish.settings.forward_headers) {
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

/// No code here can panic while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
