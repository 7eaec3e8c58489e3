//! One session's requests, told as stories. A story has a clock that it moves itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use bytes::{Bytes, BytesMut};

use super::*;
use crate::dialect::towpath::codec::write_frame;
use crate::session::{Frame, Limits, Message};

mod holding;
mod sending;
mod streams;

const HOLD: Duration = Duration::from_secs(25);
const SPACING: Duration = Duration::from_millis(100);

/// A session, its polls, and what the network does to streams.
struct Story {
    now: Instant,
    session: Session,
    polls: Polls,
    keys: Key,
    /// Whether streams have room.
    room: bool,
}

/// What one request was told.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    key: Key,
    part: Part,
    status: Status,
    /// The numbers of the frames.
    frames: Vec<u64>,
}

/// A request, in the words of `PROTOCOL.md`, §3.
#[derive(Clone)]
struct Ask {
    serial: u64,
    ack: u64,
    wait: u64,
    budget: u64,
    stream: bool,
    first: u64,
    frames: Vec<Frame>,
}

/// A poll.
fn poll(serial: u64, ack: u64) -> Ask {
    Ask {
        serial,
        ack,
        wait: 25_000,
        budget: 1 << 16,
        stream: false,
        first: 0,
        frames: Vec::new(),
    }
}

/// A poll that asks for a stream.
fn stream(serial: u64, ack: u64) -> Ask {
    Ask {
        stream: true,
        ..poll(serial, ack)
    }
}

/// A request that does not wait.
fn send(serial: u64, ack: u64) -> Ask {
    Ask {
        wait: 0,
        ..poll(serial, ack)
    }
}

impl Ask {
    fn with(self, first: u64, frames: &[Frame]) -> Self {
        let frames = frames.to_vec();
        Self {
            first,
            frames,
            ..self
        }
    }

    fn body(self) -> BytesMut {
        let mut body = BytesMut::from(&b"TP1"[..]);
        let mut numbers = vec![u64::from(self.stream), 0, self.serial, self.ack];
        numbers.extend([self.wait, self.budget, self.first]);
        for mut number in numbers {
            while number >= 0x80 {
                body.extend([number as u8 | 0x80]);
                number >>= 7;
            }
            body.extend([number as u8]);
        }
        self.frames
            .iter()
            .for_each(|frame| write_frame(&mut body, frame));
        body
    }
}

fn text(size: usize) -> Frame {
    Frame::Message(Message::text("x".repeat(size)))
}

impl Story {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let now = Instant::now();
        let settings = Settings {
            hold: HOLD,
            spacing: SPACING,
            stream: true,
        };
        let mut session = Session::new(limits, now);
        session.present(true, now);
        Self {
            now,
            session,
            polls: Polls::new(settings, now),
            keys: 0,
            room: true,
        }
    }

    fn ask(&mut self, ask: Ask) -> Key {
        self.ask_with(ask.body().freeze())
    }

    fn ask_with(&mut self, body: Bytes) -> Key {
        self.keys += 1;
        let request = Request::parse(body).unwrap();
        self.polls
            .request(&mut self.session, self.keys, request, self.now);
        self.keys
    }

    /// All answers that are due, in the order of their keys.
    fn answers(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        let room = self.room;
        while let Some(answer) = self.polls.answer(&mut self.session, self.now, |_| room) {
            told.push(self.told(&answer));
        }
        told.sort_by_key(|told| told.key);
        told
    }

    /// The answer to a request, which is the only one that is due.
    fn answer(&mut self, ask: Ask) -> (Status, Vec<u64>) {
        let key = self.ask(ask);
        let answers = self.answers();
        assert_eq!(answers.len(), 1, "{answers:?}");
        let told = answers.into_iter().next().unwrap();
        assert_eq!((told.key, told.part), (key, Part::Whole));
        (told.status, told.frames)
    }

    fn told(&self, answer: &Answer) -> Told {
        let frames: Vec<_> = self
            .session
            .to_client()
            .after(answer.after)
            .map(|(number, _)| number)
            .take_while(|number| *number <= answer.last)
            .collect();
        let first = frames.first().copied().unwrap_or_default();
        let is_numbered = matches!(answer.part, Part::Whole | Part::Begin);
        if is_numbered && !(frames.is_empty() && answer.part == Part::Begin) {
            assert_eq!(answer.head.first, first, "{answer:?}");
        }
        Told {
            key: answer.key,
            part: answer.part,
            status: answer.head.status,
            frames,
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// The backend says something of `size` bytes.
    fn hear(&mut self, size: usize) {
        let payload = Bytes::from("x".repeat(size));
        self.session.message(Message::text(payload), self.now);
    }

    /// What the backend has not taken yet.
    fn take_all(&mut self) -> usize {
        std::iter::from_fn(|| self.session.next_to_backend()).count()
    }
}

fn whole(key: Key, status: Status, frames: &[u64]) -> Told {
    part(key, Part::Whole, status, frames)
}

fn part(key: Key, part: Part, status: Status, frames: &[u64]) -> Told {
    Told {
        key,
        part,
        status,
        frames: frames.to_vec(),
    }
}
