//! The client's state without its sockets (§4, §6): what was sent and not acknowledged, what was accepted, and
//! what the next request says.

use std::collections::VecDeque;

use super::message::Assembly;
use super::{Answer, Ended, Frame, Io, Kind, Message, Opened, Status, Unreadable};

/// More than the bytes that precede a request's frames.
const PREFIX: u64 = 512;

/// One session.
#[derive(Debug)]
pub(super) struct Conversation {
    token: String,
    max_body: u64,
    budget: u64,
    batch: usize,
    serial: u64,
    /// The first has the number `acknowledged` + 1.
    outbox: VecDeque<Frame>,
    acknowledged: u64,
    /// The last that was in a request.
    tried: u64,
    credit: u64,
    accepted: u64,
    assembly: Assembly,
    /// Messages that the application has not taken yet.
    pub(super) inbox: VecDeque<Message>,
    /// What `recv` says after the last message.
    pub(super) ended: Option<Ended>,
    /// Nothing more is to be requested.
    pub(super) over: bool,
}

impl Conversation {
    pub(super) fn new(opened: &Opened, budget: u64, batch: usize) -> Self {
        Self {
            token: opened.token.clone(),
            max_body: opened.max_body,
            budget,
            batch,
            serial: 0,
            outbox: VecDeque::new(),
            acknowledged: 0,
            tried: 0,
            credit: opened.buffer,
            accepted: 0,
            assembly: Assembly::default(),
            inbox: VecDeque::new(),
            ended: None,
            over: false,
        }
    }

    pub(super) fn push(&mut self, frames: impl IntoIterator<Item = Frame>) {
        self.outbox.extend(frames);
    }

    /// How many frames are not acknowledged.
    pub(super) fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// A poll; without a hold if all there is to say is that the end was heard of (§9).
    pub(super) fn poll(&mut self, wait: u64) -> Io {
        let wait = if self.ended.is_some() { 0 } else { wait };
        self.request(wait, Vec::new())
    }

    /// A request with all that may be sent now, if there is anything.
    pub(super) fn sending(&mut self) -> Io {
        let frames = self.due();
        self.tried = self.tried.max(self.acknowledged + frames.len() as u64);
        self.request(0, frames)
    }

    /// One frame in any case, more as far as the credit goes (§6).
    fn due(&self) -> Vec<Frame> {
        let mut left = self.credit.min(self.max_body - PREFIX);
        let mut due = Vec::new();
        for frame in self.outbox.iter().take(self.batch) {
            if frame.length() > left && !due.is_empty() {
                break;
            }
            left = left.saturating_sub(frame.length());
            due.push(frame.clone());
        }
        due
    }

    fn request(&mut self, wait: u64, frames: Vec<Frame>) -> Io {
        self.serial += 1;
        Io {
            flags: 0,
            token: self.token.clone(),
            serial: self.serial,
            ack: self.accepted,
            wait,
            budget: self.budget,
            first: match frames.is_empty() {
                true => 0,
                false => self.acknowledged + 1,
            },
            frames,
        }
    }

    /// Takes the answer to `request`.
    pub(super) fn take(&mut self, request: &Io, answer: Answer) -> Result<(), Unreadable> {
        if answer.serial != request.serial && answer.status != Status::Protocol {
            let (asked, answered) = (request.serial, answer.serial);
            return Err(Unreadable::wrong(format!(
                "serial {answered} answers {asked}"
            )));
        }
        match answer.status {
            Status::Protocol | Status::TooLarge => {
                return Err(Unreadable::wrong(format!("{answer:?} to {request:?}")));
            }
            Status::Gone => self.end(1006, "gone"),
            Status::Moved => return Ok(()),
            Status::Closed => {
                self.over = true;
                self.acknowledge(&answer)?;
            }
            _ => self.acknowledge(&answer)?,
        }
        self.within_budget(request, &answer)?;
        let mut number = answer.first;
        for frame in answer.frames {
            if frame.is_numbered() {
                self.accept(number, frame)?;
                number += 1;
            }
        }
        if self.over && self.ended.is_none() {
            return Err(Unreadable::wrong("CLOSED before a close frame"));
        }
        Ok(())
    }

    /// The conversation is lost.
    pub(super) fn end(&mut self, code: u16, reason: &str) {
        let reason = reason.to_owned();
        self.ended.get_or_insert(Ended { code, reason });
        self.over = true;
    }

    fn acknowledge(&mut self, answer: &Answer) -> Result<(), Unreadable> {
        if answer.ack > self.tried {
            let (ack, tried) = (answer.ack, self.tried);
            return Err(Unreadable::wrong(format!(
                "acknowledged {ack}, sent up to {tried}"
            )));
        }
        // Not an answer that another has overtaken.
        if answer.ack >= self.acknowledged {
            self.outbox
                .drain(..(answer.ack - self.acknowledged) as usize);
            self.acknowledged = answer.ack;
            self.credit = answer.credit;
        }
        Ok(())
    }

    fn within_budget(&self, request: &Io, answer: &Answer) -> Result<(), Unreadable> {
        let bytes: u64 = answer.frames.iter().map(Frame::length).sum();
        if answer.frames.len() > 1 && bytes > request.budget {
            return Err(Unreadable::wrong(format!(
                "{bytes} bytes of frames for a budget of {}",
                request.budget
            )));
        }
        Ok(())
    }

    /// Neither a repetition nor what follows a gap is accepted (§4).
    fn accept(&mut self, number: u64, frame: Frame) -> Result<(), Unreadable> {
        if number != self.accepted + 1 {
            return Ok(());
        }
        if self.ended.is_some() {
            return Err(Unreadable::wrong(format!("{frame:?} after the end")));
        }
        self.accepted = number;
        if frame.kind == Kind::Close {
            self.ended = Some(frame.closing()?);
        } else if let Some(message) = self.assembly.take(frame)? {
            self.inbox.push_back(message);
        }
        Ok(())
    }
}
