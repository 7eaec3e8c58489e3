//! What requests are answered. An answer is made of a reply only when it is taken: until then other requests may
//! acknowledge frames, and those that are left would go out under the numbers of those that are gone.

use std::time::Duration;

use super::super::codec::{Head, Status, size_of};
use crate::dialect::{Key, Part};
use crate::session::{Client, Session};

/// What one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which request.
    pub key: Key,
    /// What it is.
    pub part: Part,
    /// The head. In a stream only its beginning has one, and its end only the status.
    pub head: Head,
    /// Carries the frames after this number, ...
    pub after: u64,
    /// ... and up to this one.
    pub last: u64,
}

/// What a request is to be answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) key: Key,
    pub(super) serial: u64,
    pub(super) part: Part,
    pub(super) status: Status,
    pub(super) advice: Duration,
    pub(super) frames: Option<Wanted>,
}

/// Which frames an answer is to carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) after: u64,
    pub(super) budget: usize,
}

impl Reply {
    /// A whole response without frames.
    pub(super) fn bare(key: Key, serial: u64, status: Status) -> Self {
        Self {
            key,
            serial,
            part: Part::Whole,
            status,
            advice: Duration::ZERO,
            frames: None,
        }
    }

    /// As things are now.
    pub(super) fn answer(self, session: &Session) -> Answer {
        let (after, last) = self.frames.map_or((0, 0), |wanted| {
            let after = wanted.after.max(session.to_client().acknowledged());
            (after, reach(session, after, wanted.budget, 0).0)
        });
        let mut head = head(session, self.serial, self.status);
        head.advice = self.advice.as_millis() as u64;
        head.first = if last > after { after + 1 } else { 0 };
        Answer {
            key: self.key,
            part: self.part,
            head,
            after,
            last,
        }
    }
}

/// The last frame after `after` that fits into an answer of `budget` bytes that has `size` bytes already, and how many
/// that makes. One frame fits in any case.
pub(super) fn reach(session: &Session, after: u64, budget: usize, size: usize) -> (u64, usize) {
    let (mut last, mut size) = (after, size);
    for (number, frame) in session.to_client().after(after) {
        let more = size + size_of(frame);
        if more > budget && size > 0 {
            break;
        }
        (last, size) = (number, more);
    }
    (last, size)
}

/// What a client is told that has nothing more to ask.
pub(super) fn over(session: &Session) -> Option<Status> {
    match session.client() {
        Client::Live => None,
        Client::Closed => Some(Status::Closed),
        Client::Gone => Some(Status::Gone),
    }
}

/// Whether nothing will follow frame `last`.
pub(super) fn is_last(session: &Session, last: u64) -> bool {
    session.to_client().is_closed() && session.to_client().last() == last
}

pub(super) fn head(session: &Session, serial: u64, status: Status) -> Head {
    Head {
        status,
        serial,
        ack: session.accepted(),
        credit: session.credit() as u64,
        advice: 0,
        first: 0,
    }
}
