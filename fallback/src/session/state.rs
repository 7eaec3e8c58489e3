//! A session's state: two sequences, the queue to the backend, and how far each of its two ends has come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::frame::{Close, FRAGMENT, Frame, Message};
use super::inbox::{Accepted, Fault, Inbox};
use super::outbox::{NeverSent, Outbox};
use super::stall::Stall;

/// How long the backend's part of a closing handshake may take (RFC 6455 §7.1.1 leaves it to us).
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a session whose client has closed waits for it to take the backend's answer: longer than a client waits for
/// a stream that is silent, or for a poll (`PROTOCOL.md`, §5 and §7), before it asks again.
const LINGER: Duration = Duration::from_secs(40);

/// A queue's capacity that is worth keeping while it is empty, in messages: none is allocated for each.
const KEPT_CAPACITY: usize = 4;

/// The bounds of a session.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes for the client that are not acknowledged, before the backend is no longer read.
    pub buffer: usize,
    /// Frames for the client that are not acknowledged, likewise.
    pub frames: usize,
    /// Bytes for the backend that it has not taken, before no more are accepted.
    pub credit: usize,
    /// The longest message either way, in bytes.
    pub max_message: usize,
    /// How long the session outlives its last answered request.
    pub resume: Duration,
    /// How long one lives whose client never came back after it was opened.
    pub unused: Duration,
    /// How long a client may take nothing while the buffer is full.
    pub stall: Duration,
    /// How long the session may live; `None`: for as long as it likes.
    pub lifetime: Option<Duration>,
    /// Longer messages for the client are cut into fragments, in bytes.
    pub fragment: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            buffer: 1 << 20,
            frames: 1000,
            credit: 256 << 10,
            max_message: 16 << 20,
            resume: Duration::from_secs(60),
            unused: Duration::from_secs(30),
            stall: Duration::from_secs(45),
            lifetime: None,
            fragment: FRAGMENT,
        }
    }
}

/// One conversation.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    began: Instant,
    from_client: Inbox,
    to_client: Outbox,
    to_backend: VecDeque<ToBackend>,
    /// What `to_backend` costs, in bytes.
    queued: usize,
    backend: Backend,
    gone: bool,
    presence: Presence,
    /// All sessions together hold too much.
    pressed: bool,
    /// The client takes nothing of a full buffer.
    stall: Option<Stall>,
    ended: Option<Ended>,
    /// The process is going down.
    draining: bool,
}

/// What the backend is to get next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToBackend {
    /// A message.
    Message(Message),
    /// The end; nothing follows.
    Close(Close),
}

/// How far the backend's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backend {
    Open,
    /// A Close is on its way to it or came from it; its connection must be over by then.
    Closing(Instant),
    Gone,
}

/// How far the client's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// It may ask and say more.
    Live,
    /// It knows of the end.
    Closed,
    /// It is given up.
    Gone,
}

/// Whether the client has requests under way.
#[derive(Clone, Copy, Debug)]
struct Presence {
    here: bool,
    /// Since when.
    since: Instant,
    /// Whether it ever came back.
    used: bool,
}

/// What became of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// It is accepted, now or before.
    Accepted,
    /// An earlier one is missing.
    Gap,
    /// There is no room for it now.
    Full,
    /// The conversation is over for the backend, so nothing more can be accepted.
    Over,
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client closed it.
    Client,
    /// The backend closed it.
    Backend,
    /// The backend's connection was lost, or it broke the WebSocket protocol.
    Lost,
    /// The client sent what cannot be accepted.
    ClientFault(Fault),
    /// The backend did.
    BackendFault(Fault),
    /// The proxy is going down.
    Drain,
    /// The proxy's operator wanted it to.
    Operator,
    /// The client did not come back.
    Abandoned,
    /// The client took nothing for too long.
    Stalled,
    /// The client asked too often.
    Eager,
    /// It has lived for as long as it may.
    Lifetime,
}

impl Session {
    /// A session whose backend has just accepted.
    #[must_use]
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            began: now,
            from_client: Inbox::new(limits.max_message),
            to_client: Outbox::new(limits.fragment),
            to_backend: VecDeque::new(),
            queued: 0,
            backend: Backend::Open,
            gone: false,
            presence: Presence {
                here: false,
                since: now,
                used: false,
            },
            pressed: false,
            stall: None,
            ended: None,
            draining: false,
        }
    }

    /// Takes frame `number` of the client's.
    pub fn take(&mut self, number: u64, frame: Frame, now: Instant) -> Took {
        if number <= self.from_client.accepted() {
            return Took::Accepted;
        }
        if self.backend != Backend::Open || self.from_client.is_closed() {
            return Took::Over;
        }
        if number > self.from_client.accepted() + 1 {
            return Took::Gap;
        }
        if self.credit() == 0 && !matches!(frame, Frame::Close(_)) {
            return Took::Full;
        }
        match self.from_client.accept(number, frame) {
            Ok(Accepted::Gap) => return Took::Gap,
            Ok(Accepted::Known | Accepted::Part) => {}
            Ok(Accepted::Message(message)) => self.queue(message),
            Ok(Accepted::Close(close)) => {
                self.ended.get_or_insert(Ended::Client);
                self.close_backend(close, now);
            }
            Err(fault) => self.end(fault.close(), fault.close(), Ended::ClientFault(fault), now),
        }
        Took::Accepted
    }

    /// Takes a message that came without a number, as the next.
    pub fn say(&mut self, message: Message, now: Instant) -> Took {
        self.take(self.accepted() + 1, Frame::Message(message), now)
    }

    /// The highest number up to which the client's frames were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.from_client.accepted()
    }

    /// How many bytes of frames are accepted from the client now.
    #[must_use]
    pub fn credit(&self) -> usize {
        if self.pressed && self.queued > 0 {
            return 0;
        }
        self.limits.credit.saturating_sub(self.queued)
    }

    /// The client has everything up to frame `ack`. `Ok(true)`: that is news.
    ///
    /// # Errors
    /// There is no such frame yet.
    pub fn acknowledge(&mut self, ack: u64, now: Instant) -> Result<bool, NeverSent> {
        let progress = self.to_client.acknowledge(ack)?;
        if progress {
            self.stall = None;
            self.watch_stall(now);
        }
        Ok(progress)
    }

    /// The next frame for a client that gets it for certain, or is lost itself.
    pub fn next_to_client(&mut self, now: Instant) -> Option<Frame> {
        let frame = self.to_client.pop()?;
        self.stall = None;
        self.watch_stall(now);
        Some(frame)
    }

    /// What is on its way to the client.
    #[must_use]
    pub fn to_client(&self) -> &Outbox {
        &self.to_client
    }

    /// The backend sent a message, within the limit.
    pub fn message(&mut self, message: Message, now: Instant) {
        self.to_client.push(message);
        self.watch_stall(now);
    }

    /// The backend sent what cannot be a message.
    pub fn backend_fault(&mut self, fault: Fault, now: Instant) {
        self.end(
            fault.close(),
            fault.close(),
            Ended::BackendFault(fault),
            now,
        );
    }

    /// The backend sent its Close, or is lost: `close` is what the client gets.
    pub fn backend_closed(&mut self, close: Close, now: Instant) {
        let why = if close.abnormal {
            Ended::Lost
        } else {
            Ended::Backend
        };
        self.ended.get_or_insert(why);
        self.to_client.close(close);
        if self.backend == Backend::Open {
            self.backend = Backend::Closing(now + CLOSE_TIMEOUT);
        }
        self.drop_queue();
    }

    /// The backend's connection is over.
    pub fn backend_gone(&mut self, now: Instant) {
        if !self.to_client.is_closed() {
            self.backend_closed(Close::abnormal(), now);
        }
        self.backend = Backend::Gone;
        self.drop_queue();
    }

    /// Whether the backend may be read: what it sends has room, or does not matter any more.
    #[must_use]
    pub fn reads_backend(&self) -> bool {
        self.to_client.is_closed() || !self.is_full()
    }

    /// Whether the backend's connection is still of use.
    #[must_use]
    pub fn has_backend(&self) -> bool {
        self.backend != Backend::Gone
    }

    /// What the backend is to get next.
    pub fn next_to_backend(&mut self) -> Option<ToBackend> {
        let next = self.to_backend.pop_front()?;
        if let ToBackend::Message(message) = &next {
            self.queued -= cost(message);
        }
        if self.to_backend.is_empty() {
            self.to_backend.shrink_to(KEPT_CAPACITY);
        }
        Some(next)
    }

    /// Whether the backend is to get something.
    #[must_use]
    pub fn has_for_backend(&self) -> bool {
        !self.to_backend.is_empty()
    }

    /// Says whether requests of the client's are under way.
    pub fn present(&mut self, here: bool, now: Instant) {
        self.presence.used |= here;
        if self.presence.here != here {
            self.presence.here = here;
            self.presence.since = now;
        }
        self.watch_stall(now);
    }

    /// Says whether all sessions together hold as much as they may.
    pub fn press(&mut self, pressed: bool, now: Instant) {
        self.pressed = pressed;
        self.watch_stall(now);
    }

    /// The client is gone, and will not come back.
    pub fn abandon(&mut self, now: Instant) {
        self.give_up(Close::new(1001, "client gone"), Ended::Abandoned, now);
    }

    /// Ends the conversation from here: each side gets its close after what is queued for it.
    pub fn end(&mut self, client: Close, backend: Close, why: Ended, now: Instant) {
        self.ended.get_or_insert(why);
        self.draining |= why == Ended::Drain;
        self.to_client.close(client);
        self.close_backend(backend, now);
    }

    /// When something must be done though nothing happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let closing = match self.backend {
            Backend::Closing(until) => Some(until),
            Backend::Open | Backend::Gone => None,
        };
        let deadlines = [
            closing,
            self.stalled_at(),
            self.abandoned_at(),
            self.outlived_at(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Does what the deadlines that have passed demand.
    pub fn expire(&mut self, now: Instant) {
        if matches!(self.backend, Backend::Closing(until) if until <= now) {
            self.backend_gone(now);
        }
        if self.outlived_at().is_some_and(|at| at <= now) {
            let close = Close::new(1001, "max lifetime");
            self.end(close.clone(), close, Ended::Lifetime, now);
        }
        if self.stalled_at().is_some_and(|at| at <= now) {
            self.give_up(Close::new(1008, "client too slow"), Ended::Stalled, now);
        }
        if self.abandoned_at().is_some_and(|at| at <= now) {
            self.abandon(now);
        }
    }

    /// How far the client's end has come.
    #[must_use]
    pub fn client(&self) -> Client {
        if self.gone {
            Client::Gone
        } else if self.to_client.is_closed() && self.to_client.is_empty() {
            Client::Closed
        } else {
            Client::Live
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.backend == Backend::Gone && self.client() != Client::Live
    }

    /// Why it ended, once it has.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// The memory that messages take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.from_client.bytes() + self.queued + self.to_client.bytes()
    }

    fn queue(&mut self, message: Message) {
        self.queued += cost(&message);
        self.to_backend.push_back(ToBackend::Message(message));
    }

    fn close_backend(&mut self, close: Close, now: Instant) {
        if self.backend == Backend::Open {
            self.backend = Backend::Closing(now + CLOSE_TIMEOUT);
            self.from_client.abandon();
            self.to_backend.push_back(ToBackend::Close(close));
        }
    }

    /// Nobody is there who could take what is left.
    fn give_up(&mut self, backend: Close, why: Ended, now: Instant) {
        self.ended.get_or_insert(why);
        self.gone = true;
        self.stall = None;
        self.to_client.abandon();
        self.close_backend(backend, now);
    }

    fn drop_queue(&mut self) {
        self.from_client.abandon();
        self.to_backend = VecDeque::new();
        self.queued = 0;
    }

    fn is_full(&self) -> bool {
        self.to_client.bytes() >= self.limits.buffer
            || self.to_client.len() >= self.limits.frames
            || (self.pressed && !self.to_client.is_empty())
    }

    /// A client that is away has its time to come back; one that is there must take something now and then.
    fn watch_stall(&mut self, now: Instant) {
        let here = self.presence.here;
        if !self.is_full() {
            self.stall = None;
        } else if let Some(stall) = &mut self.stall {
            stall.present(here, now);
        } else if here {
            self.stall = Some(Stall::new(now, self.limits.resume));
        }
    }

    fn stalled_at(&self) -> Option<Instant> {
        let stall = self.stall.as_ref().filter(|_| !self.to_client.is_closed());
        stall?.ends(self.limits.stall)
    }

    fn outlived_at(&self) -> Option<Instant> {
        let lifetime = self.limits.lifetime.filter(|_| self.ended.is_none())?;
        self.began.checked_add(lifetime)
    }

    fn abandoned_at(&self) -> Option<Instant> {
        if self.presence.here || self.client() != Client::Live {
            return None;
        }
        let patience = if self.draining {
            // Whoever is not here now will hardly find this process again.
            CLOSE_TIMEOUT
        } else if !self.presence.used {
            self.limits.unused.min(self.limits.resume)
        } else if self.from_client.is_closed() {
            LINGER.min(self.limits.resume)
        } else {
            self.limits.resume
        };
        Some(self.presence.since + patience)
    }
}

/// A queued message costs its place too, so that empty ones are bounded.
fn cost(message: &Message) -> usize {
    message.payload.len() + size_of::<ToBackend>()
}

#[cfg(test)]
mod tests;
