//! The proxy: the session core and its polls as their task drives them, and the bounds that hold whenever it rests.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::Time;
use super::backend::{Backend, Said};
use crate::dialect::towpath::codec::{Head, Request, Status, write_head};
use crate::dialect::towpath::polls::{Answer, Key, Part, Polls, Settings};
use crate::dialect::towpath::write;
use crate::pump::REQUESTS;
use crate::session::{Close, Ended, FRAGMENT, Frame, Limits, Session, ToBackend};

/// One arrival of a request at the proxy.
pub(super) type Copy = u64;

/// Parts of a stream that wait to be written.
const PARTS: usize = 2;

pub(super) struct Proxy {
    epoch: Instant,
    limits: Limits,
    pub(super) session: Session,
    polls: Polls,
    pub(super) backend: Backend,
    connected: bool,
    calls: VecDeque<(Copy, Request)>,
    slots: [Option<Slot>; REQUESTS + 1],
    cuts: Vec<Copy>,
    /// Their connections are over, so that nothing more arrives.
    gone: HashSet<Copy>,
    present: Vec<Copy>,
    pressed: bool,
    out: Vec<Out>,
}

/// A request that is not answered, or not to the end.
struct Slot {
    copy: Copy,
    /// How many parts of a stream are under way; `None` if it is none.
    stream: Option<usize>,
}

/// A part of a response.
pub(super) struct Out {
    pub(super) copy: Copy,
    pub(super) part: Part,
    pub(super) bytes: Bytes,
}

impl Proxy {
    pub(super) fn new(limits: Limits, settings: Settings, backend: Backend) -> Self {
        let epoch = Instant::now();
        Self {
            epoch,
            limits,
            session: Session::new(limits, epoch),
            polls: Polls::new(settings, epoch),
            backend,
            connected: true,
            calls: VecDeque::new(),
            slots: Default::default(),
            cuts: Vec::new(),
            gone: HashSet::new(),
            present: Vec::new(),
            pressed: false,
            out: Vec::new(),
        }
    }

    /// A request arrives whole.
    pub(super) fn arrive(&mut self, copy: Copy, body: Vec<u8>) {
        if self.gone.contains(&copy) {
            return;
        }
        let request = Request::parse(body.into()).unwrap();
        let serial = request.serial;
        if self.is_over() {
            self.say(copy, Status::Gone, serial);
        } else if self.present.len() == REQUESTS {
            self.say(copy, Status::Throttled, serial);
        } else {
            self.present.push(copy);
            self.calls.push_back((copy, request));
        }
    }

    /// A part of a response has left. `last`: it was all.
    pub(super) fn left(&mut self, copy: Copy, last: bool) {
        if last {
            self.present.retain(|present| *present != copy);
        }
        let slot = self.slots.iter_mut().flatten();
        for slot in slot.filter(|slot| slot.copy == copy) {
            slot.stream = slot.stream.map(|parts| parts - 1);
        }
    }

    /// The client of a request is gone.
    pub(super) fn cut(&mut self, copy: Copy) {
        self.present.retain(|present| *present != copy);
        self.cuts.push(copy);
        self.gone.insert(copy);
    }

    pub(super) fn press(&mut self, pressed: bool) {
        self.pressed = pressed;
    }

    pub(super) fn drain(&mut self, now: Time) {
        let (client, backend) = (Close::new(1012, "restart"), Close::new(1001, ""));
        let now = self.at(now);
        self.session.end(client, backend, Ended::Drain, now);
    }

    /// Does all that can be done, and returns what is to be written.
    pub(super) fn pump(&mut self, time: Time) -> Vec<Out> {
        let now = self.at(time);
        if !self.is_over() {
            self.session.press(self.pressed, now);
            loop {
                self.take_calls(now);
                self.write_backend();
                self.read_backend(time, now);
                self.let_go(now);
                self.notice_absence(now);
                self.session.expire(now);
                self.answer(now);
                self.backend.step(time);
                let writes = self.session.has_for_backend() && self.backend.takes();
                let reads = self.session.reads_backend() && self.backend.has_said();
                if !self.connected || !(writes || reads) {
                    break;
                }
            }
            self.check();
        }
        if self.is_over() {
            for (copy, request) in std::mem::take(&mut self.calls) {
                self.say(copy, Status::Gone, request.serial);
            }
        }
        std::mem::take(&mut self.out)
    }

    /// When something is due though nothing happens.
    pub(super) fn wakes_at(&self) -> Option<Time> {
        let deadlines = [self.session.deadline(), self.polls.deadline()];
        let deadline = deadlines.into_iter().flatten().min()?;
        let after = deadline.saturating_duration_since(self.epoch);
        (!self.is_over()).then_some(after.as_nanos().div_ceil(1_000_000) as Time)
    }

    pub(super) fn is_over(&self) -> bool {
        self.session.is_over() && self.slots.iter().all(Option::is_none)
    }

    /// Whether anything of the client's waits for the backend.
    pub(super) fn has_for_backend(&self) -> bool {
        self.session.has_for_backend()
    }

    fn at(&self, time: Time) -> Instant {
        self.epoch + Duration::from_millis(time)
    }

    fn take_calls(&mut self, now: Instant) {
        while let Some(key) = self.slots.iter().position(Option::is_none) {
            let Some((copy, request)) = self.calls.pop_front() else {
                return;
            };
            self.slots[key] = Some(Slot { copy, stream: None });
            self.session.present(true, now);
            self.polls.request(&mut self.session, key, request, now);
        }
    }

    fn write_backend(&mut self) {
        while self.connected && self.backend.takes() {
            let Some(next) = self.session.next_to_backend() else {
                return;
            };
            self.backend.hear(next);
        }
    }

    fn read_backend(&mut self, time: Time, now: Instant) {
        while self.connected && self.session.reads_backend() {
            match self.backend.listen() {
                Some(Said::Message(message)) => self.session.message(message, now),
                Some(Said::Close(close)) => self.session.backend_closed(close, now),
                None => break,
            }
            self.backend.step(time);
        }
    }

    fn let_go(&mut self, now: Instant) {
        let told = !self.session.has_for_backend();
        if self.connected
            && self.backend.is_read()
            && (told || !self.session.to_client().is_closed())
        {
            self.session.backend_gone(now);
        }
        if !self.session.has_backend() {
            self.connected = false;
        }
    }

    fn notice_absence(&mut self, now: Instant) {
        let cuts = std::mem::take(&mut self.cuts);
        self.calls.retain(|(copy, _)| !cuts.contains(copy));
        for key in 0..self.slots.len() {
            if self.slots[key]
                .take_if(|slot| cuts.contains(&slot.copy))
                .is_some()
            {
                self.polls.forget(key);
            }
        }
        self.session.present(!self.present.is_empty(), now);
    }

    fn answer(&mut self, now: Instant) {
        loop {
            let slots = &self.slots;
            let room = |key: Key| {
                let slot: Option<&Slot> = slots[key].as_ref();
                slot.and_then(|slot| slot.stream)
                    .is_some_and(|parts| parts < PARTS)
            };
            let Some(answer) = self.polls.answer(&mut self.session, now, room) else {
                return;
            };
            self.hand_over(&answer);
        }
    }

    /// Each request is answered once: whole, or with a stream that begins once and ends once.
    fn hand_over(&mut self, answer: &Answer) {
        let bytes = write(&self.session, answer);
        let Some(mut slot) = self.slots[answer.key].take() else {
            // It was cut off while it was being answered.
            return;
        };
        let copy = slot.copy;
        slot.stream = match (slot.stream, answer.part) {
            (None, Part::Whole) => None,
            (None, Part::Begin) => Some(1),
            (Some(parts), Part::More | Part::End) => Some(parts + 1),
            (stream, part) => panic!("{part:?} for a stream of {stream:?}"),
        };
        if matches!(answer.part, Part::Begin | Part::More) {
            self.slots[answer.key] = Some(slot);
        }
        let part = answer.part;
        self.out.push(Out { copy, part, bytes });
    }

    /// An answer that needs no session.
    fn say(&mut self, copy: Copy, status: Status, serial: u64) {
        let head = Head {
            status,
            serial,
            ack: 0,
            credit: 0,
            advice: if status == Status::Throttled { 100 } else { 0 },
            first: 0,
        };
        let mut to = BytesMut::new();
        write_head(&mut to, &head);
        let (part, bytes) = (Part::Whole, to.freeze());
        self.out.push(Out { copy, part, bytes });
    }

    /// What holds whenever the proxy rests.
    fn check(&self) {
        let Limits {
            buffer,
            frames,
            credit,
            max_message,
            ..
        } = self.limits;
        let to_client = self.session.to_client();
        let fragments = max_message.div_ceil(FRAGMENT).max(1);
        let most = frames + fragments;
        assert!(
            to_client.len() <= most,
            "{} frames for the client",
            to_client.len()
        );
        let most = buffer + max_message + (fragments + 2) * size_of::<Frame>() + 123;
        assert!(
            to_client.bytes() <= most,
            "{} bytes for the client",
            to_client.bytes()
        );
        let from_client = self.session.bytes() - to_client.bytes();
        let most = credit + max_message + 2 * size_of::<ToBackend>();
        assert!(from_client <= most, "{from_client} bytes from the client");
        let unanswered = self.slots.iter().flatten().count();
        assert!(
            unanswered <= 2,
            "{unanswered} requests wait: one is held, one has no room"
        );
        assert!(self.session.accepted() < 1 << 53);
    }
}
