//! The native dialect's endpoints: from requests to sessions and back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use tokio::sync::oneshot;

use super::codec::{Head, Request, Status, write_head};
use super::open::{Answer, Open};
use super::opening::{Birth, handshake};
use super::openings::{Opening, Openings};
use crate::admission::{Admission, Place};
use crate::backend::Backend;
use crate::body::Body;
use crate::clock;
use crate::door::Call;
use crate::doors::Doors;
use crate::metrics::Metrics;
use crate::policy::Policy;
use crate::pump::REQUESTS;
use crate::token::Mint;

/// The largest body of a request, in bytes.
pub(crate) const MAX_BODY: usize = 256 << 10;

/// What a client that meets a limit is told to wait.
const BUSY: Duration = Duration::from_secs(1);

/// What requests that bring nothing new should be apart.
pub(super) const SPACING: Duration = Duration::from_millis(100);

/// The sessions of the native dialect.
pub(crate) struct Native {
    pub(super) mint: Mint,
    pub(super) metrics: Metrics,
    pub(super) doors: Arc<Doors<Request>>,
    openings: Arc<Openings>,
    admission: Arc<Admission>,
}

/// An `open` with all that it came with.
pub(crate) struct Wish<'a> {
    pub(crate) client: IpAddr,
    pub(crate) origin: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) policy: &'a Policy,
}

impl Native {
    pub(crate) fn new(
        admission: Arc<Admission>,
        metrics: Metrics,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            mint: Mint::new()?,
            metrics,
            doors: Arc::default(),
            openings: Arc::default(),
            admission,
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
                    // Its task has ended without a word, by a fault of ours or with the process.
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
        let wanted = (nonce, wish.origin.into());
        let (opening, new) = self.openings.find(wanted, || self.admit(wish.client))?;
        if let Some((remembered, place)) = new {
            let birth = Birth {
                native: self.clone(),
                remembered,
                place,
                handshake: handshake(&open, wish),
                policy: wish.policy.clone(),
                receive: open.receive.unwrap_or(usize::MAX),
                stream: open.stream && wish.policy.stream,
            };
            birth.spawn(backend);
        }
        Ok(opening)
    }

    fn admit(&self, client: IpAddr) -> Result<Place, Answer> {
        let now = clock::now();
        self.admission.admit(client, now).map_err(|busy| {
            self.metrics.busy(busy);
            let retry_after = BUSY.as_millis() as u64;
            Answer::Busy { retry_after }
        })
    }

    /// Whether a request is of a session that there is here. What is none of this protocol's is nobody else's.
    pub(crate) fn knows(&self, body: &Bytes, origin: &str) -> bool {
        let Ok(request) = Request::parse(body.clone()) else {
            return true;
        };
        let id = self.mint.id(&request.token, &[origin]);
        id.is_some_and(|id| self.doors.find(&id).is_some())
    }

    /// Carries a request to its session. Dropping the future is the client's leaving.
    pub(crate) async fn io(&self, body: Bytes, origin: &str) -> Body {
        let Ok(request) = Request::parse(body) else {
            return self.say(Status::Protocol, 0);
        };
        let serial = request.serial;
        let id = self.mint.id(&request.token, &[origin]);
        let Some(door) = id.and_then(|id| self.doors.find(&id)) else {
            return self.say(Status::Gone, serial);
        };
        let Some(presence) = door.enter(REQUESTS) else {
            return self.throttle(serial);
        };
        let (answer, answered) = oneshot::channel();
        door.call(Call::Request { request, answer });
        match answered.await {
            Ok(reply) => reply.body.with(presence),
            Err(_) => self.say(Status::Gone, serial),
        }
    }

    /// An answer without a session.
    pub(crate) fn say(&self, status: Status, serial: u64) -> Body {
        self.answer(Head::bare(status, serial))
    }

    fn throttle(&self, serial: u64) -> Body {
        self.answer(Head {
            advice: SPACING.as_millis() as u64,
            ..Head::bare(Status::Throttled, serial)
        })
    }

    fn answer(&self, head: Head) -> Body {
        self.metrics.answered(head.status.name());
        let mut to = BytesMut::with_capacity(32);
        write_head(&mut to, &head);
        Body::whole(to.freeze())
    }
}
