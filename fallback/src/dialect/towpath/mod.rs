//! The native dialect, `towpath/1`, as `PROTOCOL.md` says.

pub mod codec;
mod eagerness;
mod endpoints;
#[cfg(test)]
mod exactly_once;
mod open;
mod opening;
mod openings;
pub mod polls;

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::StatusCode;

pub(crate) use endpoints::{MAX_BODY, Native, Wish};
pub(crate) use open::offered;

use super::{Dialect, Key, Part};
use crate::session::{Close, Frame, Session};
use codec::{Request, write_end, write_frame, write_head, write_padding};
use polls::{Answer, Polls};

/// What a stream begins with, so that whatever buffers a little lets it pass, in bytes.
const PREAMBLE: usize = 2048;

/// An answer's bytes.
fn write(session: &Session, answer: &Answer) -> Bytes {
    let frames = || {
        session
            .to_client()
            .after(answer.after)
            .take_while(|(number, _)| *number <= answer.last)
            .map(|(_, frame)| frame)
    };
    let size: usize = frames().map(codec::size_of).sum();
    let mut to = BytesMut::with_capacity(size + 48);
    if matches!(answer.part, Part::Whole | Part::Begin) {
        write_head(&mut to, &answer.head);
    }
    if answer.part == Part::Begin {
        write_padding(&mut to, PREAMBLE);
    }
    frames().for_each(|frame| write_frame(&mut to, frame));
    match answer.part {
        Part::More if size == 0 => write_padding(&mut to, 0),
        Part::End => write_end(&mut to, answer.head.status),
        _ => {}
    }
    to.freeze()
}

impl Dialect for Polls {
    type Request = Request;

    fn request(&mut self, session: &mut Session, key: Key, request: Request, now: Instant) {
        Polls::request(self, session, key, request, now);
    }

    fn forget(&mut self, _: &mut Session, key: Key, _: Instant) {
        Polls::forget(self, key);
    }

    fn answer(
        &mut self,
        session: &mut Session,
        now: Instant,
        room: impl Fn(Key) -> bool,
    ) -> Option<super::Answer> {
        let answer = Polls::answer(self, session, now, room)?;
        Some(super::Answer {
            key: answer.key,
            part: answer.part,
            status: StatusCode::OK,
            content_type: None,
            content: write(session, &answer),
            outcome: answer.head.status.name(),
            close: close_in(session, &answer),
        })
    }

    fn deadline(&self) -> Option<Instant> {
        Polls::deadline(self)
    }
}

/// The close that an answer carries.
fn close_in(session: &Session, answer: &Answer) -> Option<Close> {
    if !session.to_client().is_closed() {
        return None;
    }
    let (number, frame) = session.to_client().after(answer.after).last()?;
    match frame {
        Frame::Close(close) if number <= answer.last => Some(close.clone()),
        _ => None,
    }
}
