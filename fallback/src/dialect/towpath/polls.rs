//! The discipline of polls, without sockets: which request is held, which takes its place, what each is answered
//! and when (`PROTOCOL.md`, §4 to §7).

use std::time::{Duration, Instant};

use super::codec::{Frames, Request, Status};
use super::eagerness::{Eagerness, Verdict};
use crate::session::{Client, Close, Ended, Session, Took};
use answer::{Reply, Wanted, head, is_last, over, reach};

pub use crate::dialect::{Key, Part};
pub use answer::Answer;

mod answer;

/// How long a poll's answer may be under way before its frames may be repeated to others.
const TRANSIT: Duration = Duration::from_secs(3);

/// How long frames wait for room.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most that one answer carries, a stream or not, in bytes of frames.
const MAX_BUDGET: usize = 1 << 20;

/// A stream ends after so long at the latest, and shows every so often that it lives.
const STREAM_LIFE: Duration = Duration::from_secs(60);
const STREAM_PADDING: Duration = Duration::from_secs(15);

/// Settings of polls.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The longest that a poll is held.
    pub hold: Duration,
    /// Requests that bring nothing new should be this far apart.
    pub spacing: Duration,
    /// Whether streams are given.
    pub stream: bool,
}

/// The requests of one session.
#[derive(Debug)]
pub struct Polls {
    settings: Settings,
    hold: Option<Hold>,
    parked: Option<Parked>,
    /// The highest serial of a poll.
    serial: u64,
    /// What a poll's answer carried lately.
    transit: Option<Transit>,
    /// The highest number of a frame that any answer carried.
    told: u64,
    eagerness: Eagerness,
    replies: Vec<Reply>,
}

/// The poll that waits for something to say.
#[derive(Debug)]
struct Hold {
    key: Key,
    serial: u64,
    /// Up to which frame its client has everything, or has been sent everything in this stream.
    after: u64,
    budget: usize,
    until: Instant,
    stream: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    begun: bool,
    /// What was written has not left.
    blocked: bool,
    sent: usize,
    padding: Instant,
}

/// A request whose frames wait for room.
#[derive(Debug)]
struct Parked {
    key: Key,
    serial: u64,
    ack: u64,
    /// Whether its client waits for frames too.
    is_poll: bool,
    budget: usize,
    next: u64,
    frames: Frames,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Transit {
    last: u64,
    until: Instant,
}

/// How far a request's frames got.
enum Applied {
    All,
    Gap,
    Full { next: u64, frames: Frames },
}

impl Polls {
    /// No request yet.
    #[must_use]
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self {
            settings,
            hold: None,
            parked: None,
            serial: 0,
            transit: None,
            told: 0,
            eagerness: Eagerness::new(settings.spacing, now),
            replies: Vec::new(),
        }
    }

    /// Takes a request in: its frames first, then what it acknowledges, then what it asks for.
    pub fn request(&mut self, session: &mut Session, key: Key, mut request: Request, now: Instant) {
        let serial = request.serial;
        if session.client() == Client::Gone {
            return self.say(key, serial, Status::Gone);
        }
        if request.ack > session.to_client().last() {
            return self.say(key, serial, Status::Protocol);
        }
        let before = session.accepted();
        let frames = std::mem::take(&mut request.frames);
        let applied = apply(session, request.first, frames, now);
        let progress = session.acknowledge(request.ack, now) == Ok(true);
        if let Some(status) = over(session) {
            return self.say(key, serial, status);
        }
        if progress || session.accepted() > before {
            self.eagerness.news();
        } else if !self.may_ask(session, key, serial, now) {
            return;
        }
        match applied {
            Applied::Gap => self.say(key, serial, Status::Resend),
            Applied::Full { next, frames } if self.parked.is_none() => {
                self.parked = Some(Parked {
                    key,
                    serial,
                    ack: request.ack,
                    is_poll: request.wait > 0,
                    budget: budget(&request),
                    next,
                    frames,
                    until: now + PATIENCE,
                });
            }
            Applied::All | Applied::Full { .. } if request.wait > 0 => {
                self.hold(self.poll(key, &request, now));
            }
            Applied::All => self.answer_at_once(key, serial, request.ack, budget(&request), now),
            // One is enough: whoever sends in parallel repeats himself.
            Applied::Full { .. } => self.throttle(key, serial, self.settings.spacing),
        }
    }

    /// The request's client is gone, or its answer was taken otherwise.
    pub fn forget(&mut self, key: Key) {
        self.hold.take_if(|hold| hold.key == key);
        self.parked.take_if(|parked| parked.key == key);
    }

    /// The next answer that is due. `room` says whether a stream takes more just now.
    pub fn answer(
        &mut self,
        session: &mut Session,
        now: Instant,
        room: impl Fn(Key) -> bool,
    ) -> Option<Answer> {
        let reply = self.replies.pop().map(|reply| reply.answer(session));
        let answer = reply
            .or_else(|| self.unpark(session, now))
            .or_else(|| self.answer_hold(session, now, room))?;
        if answer.last > self.told {
            self.told = answer.last;
            self.eagerness.answered();
        }
        Some(answer)
    }

    /// When an answer is due though nothing happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let hold = self.hold.as_ref().and_then(|hold| match &hold.stream {
            // Time does not help it.
            Some(stream) if stream.blocked => None,
            Some(stream) => Some(stream.padding.min(hold.until)),
            None => Some(hold.until),
        });
        let parked = self.parked.as_ref().map(|parked| parked.until);
        hold.into_iter().chain(parked).min()
    }

    /// Whether a request that brings nothing new is served.
    fn may_ask(&mut self, session: &mut Session, key: Key, serial: u64, now: Instant) -> bool {
        match self.eagerness.nothing_new(now) {
            Verdict::Serve => return true,
            Verdict::Throttle => {}
            Verdict::End => {
                let close = Close::new(1008, "too many requests");
                session.end(close.clone(), close, Ended::Eager, now);
            }
        }
        let advice = self.eagerness.advice(now);
        self.throttle(key, serial, advice);
        false
    }

    /// The poll that a request asks for.
    fn poll(&self, key: Key, request: &Request, now: Instant) -> Hold {
        let wait = Duration::from_millis(request.wait).min(self.settings.hold);
        let stream = (request.stream && self.settings.stream).then_some(Stream {
            begun: false,
            blocked: false,
            sent: 0,
            padding: now + STREAM_PADDING,
        });
        let life = stream.as_ref().map_or(wait, |_| STREAM_LIFE);
        Hold {
            key,
            serial: request.serial,
            after: request.ack,
            budget: budget(request),
            until: now + life,
            stream,
        }
    }

    /// Holds a poll, in the place of the one that is held.
    fn hold(&mut self, hold: Hold) {
        if hold.serial < self.serial {
            return self.say(hold.key, hold.serial, Status::Stale);
        }
        self.serial = hold.serial;
        self.transit = None;
        if let Some(old) = self.hold.replace(hold) {
            self.replies.push(dismissal(&old, Status::Superseded));
        }
    }

    /// Goes on with the frames that waited for room.
    fn unpark(&mut self, session: &mut Session, now: Instant) -> Option<Answer> {
        let mut parked = self.parked.take()?;
        let frames = std::mem::take(&mut parked.frames);
        let applied = apply(session, parked.next, frames, now);
        let (key, serial) = (parked.key, parked.serial);
        if let Some(status) = over(session) {
            return Some(Reply::bare(key, serial, status).answer(session));
        }
        let after = if parked.is_poll {
            parked.ack
        } else {
            self.untold(parked.ack, now)
        };
        if self.hold.is_none() && session.to_client().last() > after {
            // The room may depend on it: a backend that cannot get rid of its own messages may take no others.
            let answer = told(key, serial, after, parked.budget).answer(session);
            if parked.is_poll {
                self.carried(answer.last, now);
            }
            return Some(answer);
        }
        match applied {
            Applied::Full { next, frames } if parked.until > now => {
                (parked.next, parked.frames) = (next, frames);
                self.parked = Some(parked);
                return None;
            }
            Applied::Full { .. } => self.throttle(key, serial, self.settings.spacing),
            Applied::Gap => self.say(key, serial, Status::Resend),
            Applied::All => self.answer_at_once(key, serial, parked.ack, parked.budget, now),
        }
        self.replies.pop().map(|reply| reply.answer(session))
    }

    /// Answers a request that does not wait.
    fn answer_at_once(&mut self, key: Key, serial: u64, ack: u64, budget: usize, now: Instant) {
        if self.hold.is_some() {
            return self.say(key, serial, Status::Ok);
        }
        let after = self.untold(ack, now);
        self.replies.push(told(key, serial, after, budget));
    }

    /// Up to which frame a client that acknowledges `ack` has everything, or has it on its way.
    fn untold(&self, ack: u64, now: Instant) -> u64 {
        let transit = self.transit.filter(|transit| transit.until > now);
        transit.map_or(ack, |transit| transit.last.max(ack))
    }

    fn answer_hold(
        &mut self,
        session: &Session,
        now: Instant,
        room: impl Fn(Key) -> bool,
    ) -> Option<Answer> {
        let mut hold = self.hold.take()?;
        if let Some(status) = over(session) {
            return Some(dismissal(&hold, status).answer(session));
        }
        let acknowledged = session.to_client().acknowledged();
        if hold.after < acknowledged && hold.has_begun() {
            // Its client got frames elsewhere. A stream's frames are counted from its first, so it can skip none.
            return Some(dismissal(&hold, Status::Ok).answer(session));
        }
        hold.after = hold.after.max(acknowledged);
        if hold.stream.is_some() {
            return self.stream(session, hold, now, room);
        }
        let has_frames = session.to_client().last() > hold.after;
        if !has_frames && hold.until > now {
            self.hold = Some(hold);
            return None;
        }
        let answer = told(hold.key, hold.serial, hold.after, hold.budget).answer(session);
        self.carried(answer.last, now);
        Some(answer)
    }

    /// The next part of a stream, if one is due.
    fn stream(
        &mut self,
        session: &Session,
        mut hold: Hold,
        now: Instant,
        room: impl Fn(Key) -> bool,
    ) -> Option<Answer> {
        let stream = hold.stream.as_mut()?;
        let (last, sent) = reach(session, hold.after, hold.budget, stream.sent);
        let spent = last < session.to_client().last() || (sent > 0 && sent >= hold.budget);
        let over = hold.until <= now || spent || is_last(session, last);
        let due = !stream.begun || over || last > hold.after || stream.padding <= now;
        stream.blocked = due && stream.begun && !room(hold.key);
        if !due || stream.blocked {
            self.hold = Some(hold);
            return None;
        }
        let part = match (stream.begun, over) {
            (false, _) => Part::Begin,
            (true, true) => Part::End,
            (true, false) => Part::More,
        };
        let mut head = head(session, hold.serial, Status::Ok);
        head.first = hold.after + 1;
        let answer = Answer {
            key: hold.key,
            part,
            head,
            after: hold.after,
            last,
        };
        stream.begun = true;
        stream.sent = sent;
        stream.padding = now + STREAM_PADDING;
        hold.after = last;
        if part == Part::End {
            self.carried(last, now);
        } else {
            self.hold = Some(hold);
        }
        Some(answer)
    }

    /// A poll's answer has carried the frames up to `last`.
    fn carried(&mut self, last: u64, now: Instant) {
        let until = now + TRANSIT;
        self.transit = Some(Transit { last, until });
    }

    fn say(&mut self, key: Key, serial: u64, status: Status) {
        self.replies.push(Reply::bare(key, serial, status));
    }

    fn throttle(&mut self, key: Key, serial: u64, advice: Duration) {
        self.replies.push(Reply {
            advice,
            ..Reply::bare(key, serial, Status::Throttled)
        });
    }
}

impl Hold {
    /// Whether it is a stream whose head is out.
    fn has_begun(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.begun)
    }
}

/// A whole response with the frames after `after`.
fn told(key: Key, serial: u64, after: u64, budget: usize) -> Reply {
    Reply {
        frames: Some(Wanted { after, budget }),
        ..Reply::bare(key, serial, Status::Ok)
    }
}

/// What a poll is told that is held no longer.
fn dismissal(hold: &Hold, status: Status) -> Reply {
    let part = if hold.has_begun() {
        Part::End
    } else {
        Part::Whole
    };
    Reply {
        part,
        ..Reply::bare(hold.key, hold.serial, status)
    }
}

fn budget(request: &Request) -> usize {
    usize::try_from(request.budget).map_or(MAX_BUDGET, |budget| budget.min(MAX_BUDGET))
}

/// Gives the session as many of the frames as it takes.
fn apply(session: &mut Session, first: u64, mut frames: Frames, now: Instant) -> Applied {
    let mut next = first;
    while next <= session.accepted() && frames.next().is_some() {
        next += 1;
    }
    // A message that waits for the backend must not keep a body in memory that is mostly padding, or known.
    let sparse = frames.is_sparse();
    loop {
        let rest = frames.clone();
        let Some(frame) = frames.next() else {
            return Applied::All;
        };
        let frame = if sparse { frame.detached() } else { frame };
        match session.take(next, frame, now) {
            Took::Accepted => next += 1,
            Took::Gap => return Applied::Gap,
            Took::Full => return Applied::Full { next, frames: rest },
            // The close that is on its way to the client says the rest.
            Took::Over => return Applied::All,
        }
    }
}

#[cfg(test)]
mod tests;
