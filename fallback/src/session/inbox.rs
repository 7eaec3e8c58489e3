//! The receiving half of a direction: known frames are dropped, the next is accepted, after a gap there is nothing.
//! Fragments become messages again here, and text is proven to be UTF-8.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::frame::{Close, Frame, Kind, Message};

/// Accepts a direction's frames in order.
#[derive(Debug)]
pub struct Inbox {
    accepted: u64,
    partial: Option<Partial>,
    max_message: usize,
    closed: bool,
}

/// A message of which the last part is missing.
#[derive(Debug)]
struct Partial {
    kind: Kind,
    payload: BytesMut,
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It had been accepted before, or comes after the end.
    Known,
    /// An earlier one is missing, so it was not accepted.
    Gap,
    /// It was accepted, and more of its message is to come.
    Part,
    /// It completes a message.
    Message(Message),
    /// It is the end.
    Close(Close),
}

/// A frame that ends the conversation.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// A message exceeds the limit.
    #[error("a message exceeds the limit")]
    TooBig,
    /// A text message is not UTF-8.
    #[error("a text message is not UTF-8")]
    NotUtf8,
    /// A message is binary, and the other side has no words for that.
    #[error("a binary message cannot be passed on")]
    Binary,
    /// A message begins within another, or goes on without having begun.
    #[error("fragments out of order")]
    Order,
}

impl Fault {
    /// The close that tells both sides.
    #[must_use]
    pub fn close(self) -> Close {
        match self {
            Self::TooBig => Close::new(1009, "message too big"),
            Self::NotUtf8 => Close::new(1007, "text is not UTF-8"),
            Self::Binary => Close::new(1003, "binary is not supported"),
            Self::Order => Close::new(1002, "fragments out of order"),
        }
    }
}

impl Inbox {
    /// Accepts messages up to `max_message` bytes.
    #[must_use]
    pub fn new(max_message: usize) -> Self {
        Self {
            accepted: 0,
            partial: None,
            max_message,
            closed: false,
        }
    }

    /// Takes frame `number`, if it is the next.
    ///
    /// # Errors
    /// The frame was accepted, but ends the conversation.
    pub fn accept(&mut self, number: u64, frame: Frame) -> Result<Accepted, Fault> {
        if number <= self.accepted || self.closed {
            return Ok(Accepted::Known);
        }
        if number > self.accepted + 1 {
            return Ok(Accepted::Gap);
        }
        self.accepted = number;
        let result = self.assemble(frame);
        self.closed = matches!(result, Ok(Accepted::Close(_)) | Err(_));
        if self.closed {
            self.partial = None;
        }
        result
    }

    /// The highest number that was accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Whether the end was accepted.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The memory that an unfinished message takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.partial
            .as_ref()
            .map_or(0, |partial| partial.payload.len())
    }

    /// Forgets an unfinished message: its rest will not be taken.
    pub fn abandon(&mut self) {
        self.partial = None;
    }

    fn assemble(&mut self, frame: Frame) -> Result<Accepted, Fault> {
        match frame {
            Frame::Message(message) if self.partial.is_none() => self.whole(message),
            Frame::Fragment(part) => self.part(&part),
            Frame::Last(payload) => self.last(&payload),
            Frame::Close(close) => Ok(Accepted::Close(close)),
            Frame::Message(_) => Err(Fault::Order),
        }
    }

    fn whole(&self, message: Message) -> Result<Accepted, Fault> {
        if message.payload.len() > self.max_message {
            return Err(Fault::TooBig);
        }
        if message.kind == Kind::Text && std::str::from_utf8(&message.payload).is_err() {
            return Err(Fault::NotUtf8);
        }
        Ok(Accepted::Message(message))
    }

    fn part(&mut self, part: &Message) -> Result<Accepted, Fault> {
        let kind = part.kind;
        let partial = self.partial.get_or_insert_with(|| Partial {
            kind,
            payload: BytesMut::new(),
        });
        if partial.kind != kind {
            return Err(Fault::Order);
        }
        partial.extend(&part.payload, self.max_message)?;
        Ok(Accepted::Part)
    }

    fn last(&mut self, payload: &Bytes) -> Result<Accepted, Fault> {
        let mut partial = self.partial.take().ok_or(Fault::Order)?;
        partial.extend(payload, self.max_message)?;
        self.whole(Message {
            kind: partial.kind,
            payload: partial.payload.freeze(),
        })
    }
}

impl Partial {
    /// Adds a part; the limit is checked before the memory is taken.
    fn extend(&mut self, part: &[u8], max_message: usize) -> Result<(), Fault> {
        if self.payload.len() + part.len() > max_message {
            return Err(Fault::TooBig);
        }
        self.payload.extend_from_slice(part);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(payload: &'static str) -> Frame {
        Frame::Message(Message::text(payload))
    }

    fn part(payload: &'static [u8]) -> Frame {
        Frame::Fragment(Message::text(payload))
    }

    fn last(payload: &'static [u8]) -> Frame {
        Frame::Last(Bytes::from_static(payload))
    }

    #[test]
    fn each_frame_is_accepted_once_and_in_order() {
        let mut inbox = Inbox::new(10);
        assert_eq!(inbox.accept(2, text("b")), Ok(Accepted::Gap));
        assert_eq!(
            inbox.accept(1, text("a")),
            Ok(Accepted::Message(Message::text("a")))
        );
        assert_eq!(inbox.accept(1, text("a")), Ok(Accepted::Known));
        assert_eq!(inbox.accepted(), 1);
    }

    #[test]
    fn fragments_become_a_message_even_if_they_cut_a_character() {
        let mut inbox = Inbox::new(10);
        assert_eq!(inbox.accept(1, part(b"\xc3")), Ok(Accepted::Part));
        assert_eq!(inbox.accept(2, part(b"\xa4")), Ok(Accepted::Part));
        assert_eq!(
            inbox.accept(3, last(b"!")),
            Ok(Accepted::Message(Message::text("ä!")))
        );
        assert_eq!(inbox.bytes(), 0);
    }

    #[test]
    fn nothing_is_accepted_after_a_close() {
        let mut inbox = Inbox::new(10);
        let close = Close::new(1000, "");
        assert_eq!(
            inbox.accept(1, Frame::Close(close.clone())),
            Ok(Accepted::Close(close))
        );
        assert_eq!(inbox.accept(2, text("b")), Ok(Accepted::Known));
        assert_eq!(inbox.accepted(), 1);
    }

    #[test]
    fn what_cannot_be_a_message_ends_the_conversation() {
        for (frames, fault) in [
            (vec![text("longer than ten")], Fault::TooBig),
            (vec![part(b"six..."), last(b"six...")], Fault::TooBig),
            (
                vec![Frame::Message(Message::text(&b"\xff"[..]))],
                Fault::NotUtf8,
            ),
            (vec![part(b"\xc3"), last(b"")], Fault::NotUtf8),
            (vec![last(b"a")], Fault::Order),
            (vec![part(b"a"), text("b")], Fault::Order),
            (
                vec![part(b"a"), Frame::Fragment(Message::binary("b"))],
                Fault::Order,
            ),
        ] {
            let mut inbox = Inbox::new(10);
            let told = format!("{frames:?}");
            let outcomes: Vec<_> = (1..)
                .zip(frames)
                .map(|(number, frame)| inbox.accept(number, frame))
                .collect();
            assert_eq!(outcomes.last(), Some(&Err(fault)), "{told}");
            assert!(inbox.is_closed(), "{told}");
        }
    }
}
