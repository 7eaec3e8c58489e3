//! A client, as `PROTOCOL.md` says: one poll and one sending request, deadlines and back-off, streams that it gives up
//! when they do not come through.

use std::collections::BTreeMap;

use super::Time;
use super::inbound::Inbound;
use super::outbound::Outbound;
use super::random::Random;
use super::wire::{self, Ask, Head, Response};
use crate::session::{Close, Message};

/// How a client goes about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// How long its polls wait.
    pub(super) wait: Time,
    /// What it takes in one answer, in bytes.
    pub(super) budget: u64,
    /// The longest frame that it sends, in bytes.
    pub(super) fragment: usize,
    /// Makes one request at a time, and puts its frames into its polls.
    pub(super) single: bool,
    /// Asks for streams.
    pub(super) stream: bool,
    /// Listens to answers that it has given up.
    pub(super) listens_late: bool,
    /// How long it takes to read what an answer brought.
    pub(super) reading: Time,
}

/// What the proxy promised when the session was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promised {
    pub(super) resume: Time,
    pub(super) max_body: u64,
    pub(super) spacing: Time,
}

/// How it ended for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With a close frame.
    Close(Close),
    /// The proxy knows of no such session: 1006.
    Gone,
    /// No request succeeded for too long: 1006.
    Lost,
}

/// What the client does.
pub(super) enum Doing {
    Request { id: u64, body: Vec<u8> },
    GiveUp { id: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Poll,
    Send,
}

pub(super) struct Client {
    habits: Habits,
    promised: Promised,
    random: Random,
    pub(super) outbound: Outbound,
    pub(super) inbound: Inbound,
    serial: u64,
    requests: BTreeMap<Kind, Pending>,
    /// Given up, but listened to.
    late: BTreeMap<u64, Pending>,
    pauses: BTreeMap<Kind, Pause>,
    /// The longest round trip of a request that did not wait.
    round_trip: Time,
    succeeded: Time,
    stream: bool,
    acknowledged: u64,
    pub(super) end: Option<End>,
    /// Nothing more is to be done.
    pub(super) done: bool,
}

/// A request without an answer.
struct Pending {
    serial: u64,
    began: Time,
    wait: Time,
    deadline: Time,
    stream: bool,
    response: Response,
    /// The number of the next frame in the response.
    next: u64,
    /// The response has ended as it says itself.
    status: Option<u8>,
    /// What the client had got when it asked.
    ack: u64,
    sent: bool,
}

#[derive(Clone, Copy, Default)]
struct Pause {
    until: Time,
    failures: u32,
    /// How old the last request was when it was cut.
    cut_at: Time,
}

impl Client {
    pub(super) fn new(habits: Habits, promised: Promised, credit: u64, random: Random) -> Self {
        Self {
            habits,
            promised,
            random,
            outbound: Outbound::new(habits.fragment, credit),
            inbound: Inbound::default(),
            serial: 0,
            requests: BTreeMap::new(),
            late: BTreeMap::new(),
            pauses: BTreeMap::new(),
            round_trip: 0,
            succeeded: 0,
            stream: habits.stream,
            acknowledged: 0,
            end: None,
            done: false,
        }
    }

    pub(super) fn say(&mut self, message: &Message) {
        self.outbound.push(message);
    }

    pub(super) fn close(&mut self, close: &Close) {
        self.outbound.close(close);
    }

    /// From now on it reads without delay.
    pub(super) fn hurry(&mut self) {
        self.habits.reading = 0;
    }

    /// Whether all that it said has arrived.
    pub(super) fn is_done_saying(&self) -> bool {
        self.outbound.is_acknowledged()
    }

    /// When something is due though nothing happens.
    pub(super) fn wakes_at(&self, now: Time) -> Option<Time> {
        if self.done {
            return None;
        }
        let deadlines = self.requests.values().map(|pending| pending.deadline);
        let starts = [Kind::Poll, Kind::Send]
            .into_iter()
            .filter(|kind| !self.is_busy(*kind) && self.wants(*kind))
            .map(|kind| self.pause(kind).until.max(now + 1));
        let lost = self.succeeded + self.promised.resume;
        deadlines.chain(starts).chain([lost]).min()
    }

    /// Does what is due.
    pub(super) fn act(&mut self, now: Time) -> Vec<Doing> {
        let mut doing = Vec::new();
        if self.done {
            return doing;
        }
        if now >= self.succeeded + self.promised.resume {
            self.finish(End::Lost);
            return doing;
        }
        for kind in [Kind::Poll, Kind::Send] {
            if self
                .requests
                .get(&kind)
                .is_some_and(|pending| pending.deadline <= now)
            {
                doing.extend(self.give_up(kind, now));
            }
            if !self.is_busy(kind) && self.wants(kind) && self.pause(kind).until <= now {
                doing.push(self.ask(kind, now));
            }
        }
        doing
    }

    /// A part of an answer. `last`: it is whole.
    pub(super) fn hear(&mut self, now: Time, id: u64, bytes: &[u8], last: bool) {
        if self.done {
            return;
        }
        if let Some(mut pending) = self.late.remove(&id) {
            self.read(&mut pending, bytes);
            self.late.insert(id, pending);
            return;
        }
        let Some(kind) = self.kind(id) else {
            return;
        };
        let Some(mut pending) = self.requests.remove(&kind) else {
            return;
        };
        self.read(&mut pending, bytes);
        if last {
            assert!(pending.response.is_read(), "a response that ends early");
            self.answered(kind, &mut pending, now);
        } else {
            // A stream: its beginning came, so that only silence is a reason to give it up.
            if pending.next > 0 {
                pending.deadline = now + 35_000;
                self.succeeded = now;
            }
            self.requests.insert(kind, pending);
        }
    }

    /// A request failed, in whatever way.
    pub(super) fn fail(&mut self, now: Time, id: u64) {
        self.late.remove(&id);
        if let (false, Some(kind)) = (self.done, self.kind(id)) {
            self.failed(kind, now);
        }
    }

    fn kind(&self, id: u64) -> Option<Kind> {
        let mut requests = self.requests.iter();
        requests.find_map(|(kind, pending)| (pending.serial == id).then_some(*kind))
    }

    fn pause(&self, kind: Kind) -> Pause {
        self.pauses.get(&kind).copied().unwrap_or_default()
    }

    fn is_busy(&self, kind: Kind) -> bool {
        self.requests.contains_key(&kind) || (self.habits.single && !self.requests.is_empty())
    }

    fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::Poll => self.end.is_none(),
            Kind::Send if self.end.is_some() => true,
            Kind::Send if self.habits.single => false,
            Kind::Send => !self.outbound.is_acknowledged() || self.owes_acknowledgement(),
        }
    }

    /// While a stream is open, nothing else acknowledges what it brings.
    fn owes_acknowledgement(&self) -> bool {
        let poll = self.requests.get(&Kind::Poll);
        poll.is_some_and(|poll| poll.stream && poll.next > 0)
            && self.inbound.received > self.acknowledged
    }

    fn ask(&mut self, kind: Kind, now: Time) -> Doing {
        self.serial += 1;
        let limit = if self.habits.single {
            1000
        } else {
            self.habits.wait
        };
        let wait = match kind {
            Kind::Poll => limit.min(self.habits.wait),
            Kind::Send => 0,
        };
        let carries = self.end.is_none() && (kind == Kind::Send || self.habits.single);
        let stream = kind == Kind::Poll && self.stream;
        let (first, frames) = match carries {
            true => self.outbound.batch(self.promised.max_body - 100),
            false => (0, &[][..]),
        };
        let body = Ask {
            stream,
            serial: self.serial,
            ack: self.inbound.received,
            wait,
            budget: self.habits.budget,
            first,
            frames,
        }
        .bytes();
        let patience = match stream {
            true => self.round_trip.saturating_mul(4).max(2000),
            false => wait + self.round_trip.saturating_mul(4).max(5000),
        };
        let pending = Pending {
            serial: self.serial,
            began: now,
            wait,
            deadline: now + patience,
            stream,
            response: Response::default(),
            next: 0,
            status: None,
            ack: self.inbound.received,
            sent: first > 0,
        };
        self.requests.insert(kind, pending);
        Doing::Request {
            id: self.serial,
            body,
        }
    }

    fn give_up(&mut self, kind: Kind, now: Time) -> Option<Doing> {
        let pending = self.requests.get(&kind)?;
        let id = pending.serial;
        if pending.stream {
            // What buffers whole responses says nothing: no stream is asked for again.
            self.stream = false;
        }
        let pending = self.failed(kind, now)?;
        if self.habits.listens_late {
            self.late.insert(id, pending);
            return None;
        }
        Some(Doing::GiveUp { id })
    }

    fn failed(&mut self, kind: Kind, now: Time) -> Option<Pending> {
        let pending = self.requests.remove(&kind)?;
        let age = now - pending.began;
        let mut pause = self.pause(kind);
        let backoff = (250 << pause.failures.min(5)).min(8000);
        pause.until = now + backoff / 2 + self.random.up_to(backoff);
        pause.failures += 1;
        if kind == Kind::Poll && age > 5000 && age < pending.wait {
            if age.abs_diff(pause.cut_at) < 500 {
                self.habits.wait = (age * 4 / 5).max(5000);
            }
            pause.cut_at = age;
        }
        self.pauses.insert(kind, pause);
        Some(pending)
    }

    /// Takes what an answer says, as far as it has come.
    fn read(&mut self, pending: &mut Pending, bytes: &[u8]) {
        pending.response.push(bytes);
        let Some(head) = pending.response.head() else {
            return;
        };
        assert_eq!(head.serial, pending.serial, "the answer repeats the serial");
        if pending.next == 0 {
            pending.next = head.first.max(1);
            self.heed(&head);
        }
        while let Some((kind, payload)) = pending.response.frame() {
            assert_eq!(head.status, wire::OK, "only OK carries frames");
            match kind {
                wire::PADDING => {}
                wire::END => pending.status = Some(payload[0]),
                _ => {
                    assert!(head.first > 0, "frames need a number");
                    self.inbound.accept(pending.next, kind, &payload);
                    pending.next += 1;
                }
            }
        }
        if let Some(close) = self.inbound.close.take() {
            self.end.get_or_insert(End::Close(close));
        }
    }

    fn heed(&mut self, head: &Head) {
        if head.status <= wire::CLOSED {
            self.outbound.acknowledge(head.ack, head.credit);
        }
    }

    /// An answer is whole.
    fn answered(&mut self, kind: Kind, pending: &mut Pending, now: Time) {
        let Some(head) = pending.response.head() else {
            return;
        };
        self.succeeded = now;
        if pending.wait == 0 {
            self.round_trip = self.round_trip.max(now - pending.began).min(3000);
        }
        if head.status != wire::THROTTLED {
            // That may mean that nothing of the request was looked at.
            self.acknowledged = self.acknowledged.max(pending.ack);
        }
        let mut rest = match pending.status.unwrap_or(head.status) {
            wire::OK if kind == Kind::Poll => self.habits.reading,
            // Unless it brought something.
            wire::OK if pending.sent => self.outbound.stuck_for(self.promised.spacing),
            wire::OK => 0,
            wire::SUPERSEDED | wire::STALE | wire::RESEND => self.promised.spacing,
            wire::THROTTLED => head.advice.max(self.promised.spacing),
            wire::CLOSED => {
                assert!(self.end.is_some(), "CLOSED, but there was no close");
                self.done = true;
                0
            }
            wire::GONE => {
                self.finish(End::Gone);
                0
            }
            status => panic!("status {status} for a client that makes no mistakes"),
        };
        if kind == Kind::Send && self.owes_acknowledgement() {
            rest = rest.max(1000);
        }
        let pause = Pause {
            until: now + rest,
            ..Pause::default()
        };
        self.pauses.insert(kind, pause);
    }

    fn finish(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.done = true;
    }
}
