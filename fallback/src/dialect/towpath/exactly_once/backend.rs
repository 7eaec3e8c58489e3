//! A backend and the connection to it: what it says when, how fast it reads, and how it ends.

use std::collections::VecDeque;

use super::Time;
use crate::session::{Close, Message, ToBackend};

/// How a backend goes about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// Says again what it hears, and hears nothing more while that is not taken.
    pub(super) echo: bool,
    /// What the connection holds in each direction, in bytes.
    pub(super) socket: usize,
    /// How long it takes to read a message.
    pub(super) reading: Time,
    /// Does not answer a Close.
    pub(super) mute: bool,
}

/// What comes from a backend.
#[derive(Debug)]
pub(super) enum Said {
    Message(Message),
    Close(Close),
}

pub(super) struct Backend {
    manners: Manners,
    /// What it is going to say, and when.
    script: VecDeque<(Time, Message)>,
    heard: VecDeque<ToBackend>,
    said: VecDeque<Said>,
    reads_at: Time,
    /// Nothing more comes from it.
    ended: bool,
    /// What it has read.
    pub(super) got: Vec<Message>,
    pub(super) got_close: Option<Close>,
    /// What it has said.
    pub(super) sent: Vec<Message>,
    pub(super) sent_close: Option<Close>,
}

impl Backend {
    pub(super) fn new(manners: Manners, script: VecDeque<(Time, Message)>) -> Self {
        Self {
            manners,
            script,
            heard: VecDeque::new(),
            said: VecDeque::new(),
            reads_at: 0,
            ended: false,
            got: Vec::new(),
            got_close: None,
            sent: Vec::new(),
            sent_close: None,
        }
    }

    /// Reads and says what is due.
    pub(super) fn step(&mut self, now: Time) {
        while self.speaks() && self.script.front().is_some_and(|(at, _)| *at <= now) {
            let message = self.script.pop_front().map(|(_, message)| message);
            message.into_iter().for_each(|message| self.say(message));
        }
        while self.reads() && self.reads_at <= now {
            match self.heard.pop_front() {
                Some(ToBackend::Message(message)) => {
                    self.got.push(message.clone());
                    if self.manners.echo && !self.ended {
                        self.say(message);
                    }
                    self.reads_at = now + self.manners.reading;
                }
                Some(ToBackend::Close(close)) => {
                    if !self.manners.mute {
                        self.close(close.clone());
                    }
                    self.got_close = Some(close);
                }
                None => break,
            }
        }
    }

    /// When it has something to do though nothing happens.
    pub(super) fn wakes_at(&self) -> Option<Time> {
        let script = self.script.front().filter(|_| self.speaks());
        let reads = self.reads() && !self.heard.is_empty();
        let reads = reads.then_some(self.reads_at);
        script.map(|(at, _)| *at).into_iter().chain(reads).min()
    }

    /// From now on it reads without delay.
    pub(super) fn hurry(&mut self) {
        self.manners.reading = 0;
        self.reads_at = 0;
    }

    pub(super) fn close(&mut self, close: Close) {
        if !self.ended {
            self.sent_close = Some(close.clone());
            self.said.push_back(Said::Close(close));
            self.ended = true;
        }
    }

    pub(super) fn die(&mut self) {
        self.ended = true;
        self.heard.clear();
    }

    /// Whether it has said and heard all that it is going to.
    pub(super) fn is_done(&self) -> bool {
        self.ended || (self.script.is_empty() && self.heard.is_empty() && self.said.is_empty())
    }

    /// Whether the connection takes more.
    pub(super) fn takes(&self) -> bool {
        let bytes: usize = self.heard.iter().map(size).sum();
        bytes < self.manners.socket
    }

    /// The proxy sends something.
    pub(super) fn hear(&mut self, what: ToBackend) {
        if self.got_close.is_none() && !(self.ended && self.sent_close.is_none()) {
            self.heard.push_back(what);
        }
    }

    /// The proxy reads something.
    pub(super) fn listen(&mut self) -> Option<Said> {
        self.said.pop_front()
    }

    /// Whether the proxy has something to read.
    pub(super) fn has_said(&self) -> bool {
        !self.said.is_empty()
    }

    /// Whether all that it said was read, and nothing will follow.
    pub(super) fn is_read(&self) -> bool {
        self.ended && self.said.is_empty()
    }

    fn say(&mut self, message: Message) {
        self.sent.push(message.clone());
        self.said.push_back(Said::Message(message));
    }

    fn speaks(&self) -> bool {
        let bytes: usize = self.said.iter().map(said_size).sum();
        !self.ended && bytes < self.manners.socket
    }

    fn reads(&self) -> bool {
        self.got_close.is_none() && (!self.manners.echo || self.ended || self.speaks())
    }
}

fn size(what: &ToBackend) -> usize {
    match what {
        ToBackend::Message(message) => message.payload.len() + 2,
        ToBackend::Close(_) => 2,
    }
}

fn said_size(said: &Said) -> usize {
    match said {
        Said::Message(message) => message.payload.len() + 2,
        Said::Close(_) => 2,
    }
}
