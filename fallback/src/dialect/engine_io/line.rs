//! A client's WebSocket: first it proves that it gets through, then it takes the place of the polls.

use std::time::{Duration, Instant};

use crate::dialect::{FromLine, ToLine};
use crate::session::{Client, Close, Ended, Kind, Message};

/// How long a client may take from its WebSocket's opening to the upgrade.
const UPGRADE: Duration = Duration::from_secs(10);

/// Where it stands.
#[derive(Debug)]
pub(super) struct Line {
    state: State,
    /// Its probe is here, and the answer is not out yet.
    owes_answer: bool,
    until: Instant,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    New,
    /// Its probe is here.
    Probed,
    Upgraded,
    /// It said what it may not, or took too long.
    Wrong,
    Over,
}

/// What follows from what it says.
pub(super) enum Step {
    None,
    Probed,
    Upgraded,
    Packet(Message),
    /// It ended before it had upgraded.
    GaveUp,
    /// It ended with a close.
    Closed(Close, Ended),
    /// It ended without.
    Lost,
}

impl Line {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::New,
            owes_answer: false,
            until: now + UPGRADE,
        }
    }

    /// Whether the client is about to upgrade.
    pub(super) fn is_probed(&self) -> bool {
        self.state == State::Probed
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let upgrades = matches!(self.state, State::New | State::Probed);
        upgrades.then_some(self.until)
    }

    /// Does what the deadline demands, once it has passed.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.deadline().is_some_and(|until| until <= now) {
            self.state = State::Wrong;
        }
    }

    pub(super) fn hear(&mut self, said: FromLine) -> Step {
        let upgraded = self.state == State::Upgraded;
        match said {
            FromLine::Alive => Step::None,
            FromLine::Message(packet) if upgraded => Step::Packet(packet),
            FromLine::Message(packet) => self.upgrade(&packet),
            FromLine::Close(_) | FromLine::Fault(_) | FromLine::Lost if !upgraded => Step::GaveUp,
            FromLine::Close(close) => {
                self.state = State::Over;
                Step::Closed(close, Ended::Client)
            }
            FromLine::Fault(fault) => {
                self.state = State::Over;
                Step::Closed(fault.close(), Ended::ClientFault(fault))
            }
            FromLine::Lost => {
                self.state = State::Over;
                Step::Lost
            }
        }
    }

    fn upgrade(&mut self, packet: &Message) -> Step {
        match (&self.state, packet.kind, &packet.payload[..]) {
            (State::New, Kind::Text, b"2probe") => {
                self.state = State::Probed;
                self.owes_answer = true;
                Step::Probed
            }
            (State::Probed, Kind::Text, b"5") => {
                self.state = State::Upgraded;
                Step::Upgraded
            }
            (State::Over, ..) => Step::None,
            _ => {
                self.state = State::Wrong;
                Step::None
            }
        }
    }

    /// What it is to be told of itself. `client`: how far that has come otherwise.
    pub(super) fn tell(&mut self, client: Client) -> Option<ToLine> {
        match (&self.state, client) {
            (State::Over, _) => None,
            (State::Wrong, _) | (State::New | State::Probed, Client::Closed | Client::Gone) => {
                Some(self.finish(Close::new(1000, "")))
            }
            (State::Upgraded, Client::Gone) => Some(self.finish(Close::abnormal())),
            _ if std::mem::take(&mut self.owes_answer) => {
                Some(ToLine::Message(Message::text("3probe")))
            }
            _ => None,
        }
    }

    /// It is told the end, and nothing more.
    pub(super) fn finish(&mut self, close: Close) -> ToLine {
        self.state = State::Over;
        match close.abnormal {
            true => ToLine::Cut,
            false => ToLine::Close(close),
        }
    }
}
