//! The native dialect, `towpath/1`, as `PROTOCOL.md` says.

pub mod codec;
mod eagerness;
mod endpoints;
#[cfg(test)]
mod exactly_once;
mod open;
mod opening;
pub mod polls;
mod registry;

use bytes::{Bytes, BytesMut};

pub(crate) use endpoints::{MAX_BODY, Native, Wish};
pub(crate) use open::offered;

use crate::session::Session;
use codec::{write_end, write_frame, write_head, write_padding};
use polls::{Answer, Part};

/// What a stream begins with, so that whatever buffers a little lets it pass, in bytes.
const PREAMBLE: usize = 2048;

/// An answer's bytes.
pub(crate) fn write(session: &Session, answer: &Answer) -> Bytes {
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
