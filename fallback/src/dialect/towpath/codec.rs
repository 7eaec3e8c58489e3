//! The bytes of `io` (`PROTOCOL.md`, §3): a request is checked whole before anything of it counts.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::session::{Close, FRAGMENT, Frame, Kind, MAX_REASON, Message};

/// What every body begins with.
pub const MAGIC: &[u8; 3] = b"TP1";

/// Numbers are below this.
const LIMIT: u64 = 1 << 53;

/// What the head of a request takes, roughly, in bytes.
const HEAD: usize = 256;

/// The flag that asks for a stream.
const STREAM: u8 = 1;

/// The flag of an abnormal close.
const ABNORMAL: u8 = 1;

mod kind {
    pub(super) const PADDING: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    pub(super) const BINARY: u8 = 2;
    pub(super) const TEXT_FRAGMENT: u8 = 3;
    pub(super) const BINARY_FRAGMENT: u8 = 4;
    pub(super) const LAST: u8 = 5;
    pub(super) const END: u8 = 6;
    pub(super) const CLOSE: u8 = 8;
}

/// A request's head and its frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whether the answer may be a stream.
    pub stream: bool,
    /// Which session.
    pub token: Bytes,
    /// Which request of the session.
    pub serial: u64,
    /// Up to which frame the client has everything.
    pub ack: u64,
    /// How long the answer may be held, in milliseconds.
    pub wait: u64,
    /// How many bytes of frames the client takes.
    pub budget: u64,
    /// The number of the first frame.
    pub first: u64,
    /// The frames.
    pub frames: Frames,
}

/// Checked frames, read where they lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    rest: Bytes,
    /// The payloads that are left, in bytes.
    payload: usize,
    /// The body that all payloads keep in memory, in bytes.
    body: usize,
}

/// What a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // The protocol's table says what they mean.
pub enum Status {
    Ok = 0,
    Superseded = 1,
    Stale = 2,
    Resend = 3,
    Throttled = 4,
    Closed = 5,
    Gone = 6,
    Protocol = 7,
    TooLarge = 8,
}

impl Status {
    /// In one word, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Superseded => "superseded",
            Self::Stale => "stale",
            Self::Resend => "resend",
            Self::Throttled => "throttled",
            Self::Closed => "closed",
            Self::Gone => "gone",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
        }
    }
}

/// A response's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How it went.
    pub status: Status,
    /// The request's serial.
    pub serial: u64,
    /// Up to which frame the proxy has everything.
    pub ack: u64,
    /// How many bytes of frames it takes beyond that.
    pub credit: u64,
    /// How long the client should wait before its next request, in milliseconds.
    pub advice: u64,
    /// The number of the first frame.
    pub first: u64,
}

impl Head {
    /// A status, and nothing else.
    #[must_use]
    pub fn bare(status: Status, serial: u64) -> Self {
        Self {
            status,
            serial,
            ack: 0,
            credit: 0,
            advice: 0,
            first: 0,
        }
    }
}

/// A body that is not what the protocol says.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Malformed(&'static str);

impl Request {
    /// Reads a body whole.
    ///
    /// # Errors
    /// It is not as the protocol says, in whatever part.
    pub fn parse(mut body: Bytes) -> Result<Self, Malformed> {
        let whole = body.len();
        let magic = body.split_to_checked(MAGIC.len())?;
        if magic != MAGIC[..] {
            return Err(Malformed("not the protocol's magic"));
        }
        let flags = u8_of(&mut body)?;
        if flags & !STREAM != 0 {
            return Err(Malformed("unknown flags"));
        }
        let length = length_of(&mut body)?;
        let token = body.split_to_checked(length)?;
        let [serial, ack, wait, budget, first] = numbers(&mut body)?;
        if serial == 0 {
            return Err(Malformed("serials begin with 1"));
        }
        let (numbered, payload) = check(body.clone())?;
        match (numbered, first) {
            (0, 0) => {}
            (0, _) => return Err(Malformed("a first number without frames")),
            (_, 0) => return Err(Malformed("frames without a first number")),
            (count, _) if first + count > LIMIT => return Err(Malformed("a number too large")),
            _ => {}
        }
        Ok(Self {
            stream: flags & STREAM != 0,
            token,
            serial,
            ack,
            wait,
            budget,
            first,
            frames: Frames {
                rest: body,
                payload,
                body: whole,
            },
        })
    }
}

impl Frames {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes they take.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether the payloads that are left would keep much more in memory than themselves.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.body > 2 * self.payload + HEAD
    }
}

impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        while self.rest.has_remaining() {
            // They were checked, so there is no error to hide here.
            if let Some(frame) = frame(&mut self.rest).ok()? {
                self.payload -= frame.size();
                return Some(frame);
            }
        }
        None
    }
}

/// Counts the numbered frames, all of which are well-formed, and their payloads' bytes.
fn check(mut body: Bytes) -> Result<(u64, usize), Malformed> {
    let (mut numbered, mut payload) = (0, 0);
    while body.has_remaining() {
        if let Some(frame) = frame(&mut body)? {
            numbered += 1;
            payload += frame.size();
        }
    }
    Ok((numbered, payload))
}

/// Reads one frame; `None` is padding.
fn frame(body: &mut Bytes) -> Result<Option<Frame>, Malformed> {
    let kind = u8_of(body)?;
    let length = length_of(body)?;
    if length > FRAGMENT {
        return Err(Malformed("a payload too long for a frame"));
    }
    let payload = body.split_to_checked(length)?;
    let message = |kind, payload| Message { kind, payload };
    Ok(Some(match kind {
        kind::PADDING => return Ok(None),
        kind::TEXT => Frame::Message(message(Kind::Text, payload)),
        kind::BINARY => Frame::Message(message(Kind::Binary, payload)),
        kind::TEXT_FRAGMENT => Frame::Fragment(message(Kind::Text, payload)),
        kind::BINARY_FRAGMENT => Frame::Fragment(message(Kind::Binary, payload)),
        kind::LAST => Frame::Last(payload),
        kind::CLOSE => Frame::Close(close(payload)?),
        _ => return Err(Malformed("unknown frame type")),
    }))
}

/// A client's close: only codes that may stand in a Close of its own (RFC 6455 §7.4).
fn close(mut payload: Bytes) -> Result<Close, Malformed> {
    let flags = u8_of(&mut payload)?;
    if flags != 0 {
        return Err(Malformed("unknown flags of a close"));
    }
    let code = payload
        .try_get_u16()
        .map_err(|_| Malformed("a close without code"))?;
    let code = match code {
        0 => None,
        1000..=1003 | 1007..=1011 | 3000..=4999 => Some(code),
        _ => return Err(Malformed("a close code that nobody may send")),
    };
    if payload.len() > MAX_REASON || (code.is_none() && payload.has_remaining()) {
        return Err(Malformed("a reason too long, or without a code"));
    }
    let reason = std::str::from_utf8(&payload).map_err(|_| Malformed("a reason not in UTF-8"))?;
    Ok(Close {
        code,
        reason: reason.to_owned(),
        abnormal: false,
    })
}

/// Writes a response's head.
pub fn write_head(to: &mut BytesMut, head: &Head) {
    to.put_slice(MAGIC);
    to.put_u8(head.status as u8);
    for number in [head.serial, head.ack, head.credit, head.advice, head.first] {
        write_number(to, number);
    }
}

/// How many bytes a frame will take.
#[must_use]
pub fn size_of(frame: &Frame) -> usize {
    let size = frame.size()
        + matches!(frame, Frame::Close(_))
            .then_some(3)
            .unwrap_or_default();
    1 + width(size as u64) + size
}

/// Writes a frame.
pub fn write_frame(to: &mut BytesMut, frame: &Frame) {
    let (kind, payload) = match frame {
        Frame::Message(message) => match message.kind {
            Kind::Text => (kind::TEXT, &message.payload),
            Kind::Binary => (kind::BINARY, &message.payload),
        },
        Frame::Fragment(message) => match message.kind {
            Kind::Text => (kind::TEXT_FRAGMENT, &message.payload),
            Kind::Binary => (kind::BINARY_FRAGMENT, &message.payload),
        },
        Frame::Last(payload) => (kind::LAST, payload),
        Frame::Close(close) => return write_close(to, close),
    };
    to.put_u8(kind);
    write_number(to, payload.len() as u64);
    to.put_slice(payload);
}

/// Writes padding of `length` bytes.
pub fn write_padding(to: &mut BytesMut, length: usize) {
    to.put_u8(kind::PADDING);
    write_number(to, length as u64);
    to.put_bytes(0, length);
}

/// Writes a stream's end.
pub fn write_end(to: &mut BytesMut, status: Status) {
    to.put_slice(&[kind::END, 1, status as u8]);
}

fn write_close(to: &mut BytesMut, close: &Close) {
    to.put_u8(kind::CLOSE);
    write_number(to, 3 + close.reason.len() as u64);
    to.put_u8(if close.abnormal { ABNORMAL } else { 0 });
    to.put_u16(close.code.unwrap_or_default());
    to.put_slice(close.reason.as_bytes());
}

/// Unsigned LEB128.
fn write_number(to: &mut BytesMut, mut number: u64) {
    while number >= 0x80 {
        to.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    to.put_u8(number as u8);
}

fn width(number: u64) -> usize {
    (number.max(1).ilog2() / 7 + 1) as usize
}

fn numbers<const N: usize>(body: &mut Bytes) -> Result<[u64; N], Malformed> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = number_of(body)?;
    }
    Ok(numbers)
}

fn number_of(body: &mut Bytes) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = u8_of(body)?;
        number |= u64::from(byte & 0x7f) << shift;
        if number >= LIMIT || shift > 49 {
            return Err(Malformed("a number too large"));
        }
        if byte & 0x80 == 0 {
            let shortest = byte != 0 || shift == 0;
            return shortest
                .then_some(number)
                .ok_or(Malformed("a number longer than need be"));
        }
    }
    Err(Malformed("a number too large"))
}

fn length_of(body: &mut Bytes) -> Result<usize, Malformed> {
    usize::try_from(number_of(body)?).map_err(|_| Malformed("a length too large"))
}

fn u8_of(body: &mut Bytes) -> Result<u8, Malformed> {
    body.try_get_u8().map_err(|_| TRUNCATED)
}

const TRUNCATED: Malformed = Malformed("the body ends early");

/// Splitting that cannot panic.
trait SplitChecked: Sized {
    fn split_to_checked(&mut self, at: usize) -> Result<Self, Malformed>;
}

impl SplitChecked for Bytes {
    fn split_to_checked(&mut self, at: usize) -> Result<Self, Malformed> {
        if at > self.len() {
            return Err(TRUNCATED);
        }
        Ok(self.split_to(at))
    }
}

#[cfg(test)]
mod tests;
