//! The frames of `towpath/1` (§3).

use super::number::{put, take, take_byte, take_bytes};
use super::{Ended, Unreadable};

/// The longest payload.
pub(super) const LONGEST: usize = 65_536;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Of no meaning, without a number.
    Padding = 0,
    /// A whole text message.
    Text = 1,
    /// A whole binary message.
    Binary = 2,
    /// A part of a text message, not the last.
    TextPart = 3,
    /// A part of a binary message, not the last.
    BinaryPart = 4,
    /// The last part of the message under way.
    LastPart = 5,
    /// The end of a stream, without a number.
    End = 6,
    /// The end of the conversation.
    Close = 8,
}

/// One frame, whether it makes sense or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Any frame.
    pub fn new(kind: Kind, payload: impl Into<Vec<u8>>) -> Self {
        let payload = payload.into();
        Self { kind, payload }
    }

    /// A text message.
    pub fn text(text: &str) -> Self {
        Self::new(Kind::Text, text)
    }

    /// A close with a code (0 for none) and a reason.
    pub fn close(code: u16, reason: &str) -> Self {
        let code = code.to_be_bytes();
        Self::new(Kind::Close, [&[0], &code[..], reason.as_bytes()].concat())
    }

    /// Whether it takes a number.
    pub(super) fn is_numbered(&self) -> bool {
        !matches!(self.kind, Kind::Padding | Kind::End)
    }

    /// Its length on the wire.
    pub(super) fn length(&self) -> u64 {
        let mut bytes = Vec::new();
        put(self.payload.len() as u64, &mut bytes);
        (1 + bytes.len() + self.payload.len()) as u64
    }

    /// What a close says to a client.
    pub(super) fn closing(&self) -> Result<Ended, Unreadable> {
        let [flags @ 0..=1, high, low, reason @ ..] = self.payload.as_slice() else {
            return Err(Unreadable::wrong(format!("no close: {self:?}")));
        };
        let reason = std::str::from_utf8(reason);
        let reason = reason.map_err(|_| Unreadable::wrong("a reason that is no UTF-8"))?;
        if reason.len() > 123 {
            return Err(Unreadable::wrong(format!("a long reason: {reason}")));
        }
        let code = match u16::from_be_bytes([*high, *low]) {
            _ if *flags == 1 => 1006,
            0 => 1005,
            code => code,
        };
        Ok(Ended {
            code,
            reason: reason.to_owned(),
        })
    }

    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.kind as u8);
        put(self.payload.len() as u64, bytes);
        bytes.extend_from_slice(&self.payload);
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Result<Self, Unreadable> {
        let kind = kind(take_byte(bytes)?)?;
        let length = take(bytes)?;
        if length > LONGEST as u64 {
            return Err(Unreadable::wrong(format!("a frame of {length} bytes")));
        }
        Ok(Self::new(kind, take_bytes(bytes, length)?))
    }
}

fn kind(byte: u8) -> Result<Kind, Unreadable> {
    Ok(match byte {
        0 => Kind::Padding,
        1 => Kind::Text,
        2 => Kind::Binary,
        3 => Kind::TextPart,
        4 => Kind::BinaryPart,
        5 => Kind::LastPart,
        6 => Kind::End,
        8 => Kind::Close,
        other => return Err(Unreadable::wrong(format!("no frame has the type {other}"))),
    })
}
