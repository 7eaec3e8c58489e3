//! The bodies of `io` requests and of their answers (§3).

use super::Frame;
use super::number::{put, take, take_byte};

const MAGIC: &[u8] = b"TP1";

/// A request, whether it makes sense or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// Bit 0 asks for a stream.
    pub flags: u8,
    /// The session's token.
    pub token: String,
    /// Rises with each request of a session.
    pub serial: u64,
    /// All frames of the other side up to this one were accepted.
    pub ack: u64,
    /// How many milliseconds the answer may be held.
    pub wait: u64,
    /// How many bytes of frames may come.
    pub budget: u64,
    /// The number of the first numbered frame.
    pub first: u64,
    /// What is sent.
    pub frames: Vec<Frame>,
}

impl Io {
    /// The body.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = [MAGIC, &[self.flags]].concat();
        put(self.token.len() as u64, &mut bytes);
        bytes.extend_from_slice(self.token.as_bytes());
        for number in [self.serial, self.ack, self.wait, self.budget, self.first] {
            put(number, &mut bytes);
        }
        for frame in &self.frames {
            frame.put(&mut bytes);
        }
        bytes
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the document's own words")]
pub enum Status {
    Ok,
    Superseded,
    Stale,
    Resend,
    Throttled,
    Closed,
    Gone,
    Protocol,
    TooLarge,
    Moved,
}

/// An answer to `io`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `Io`, and the document")]
pub struct Answer {
    pub status: Status,
    pub serial: u64,
    pub ack: u64,
    pub credit: u64,
    pub advice: u64,
    pub first: u64,
    pub frames: Vec<Frame>,
}

/// Why a body is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It does not begin as the proxy's answers do.
    Foreign,
    /// It ends too early.
    Short,
    /// The proxy may not say this.
    Wrong(String),
}

impl Unreadable {
    pub(super) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong(what.into())
    }
}

impl Answer {
    /// Reads a whole body.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        let answer = Self::so_far(body)?;
        match (answer.first, answer.frames.iter().any(Frame::is_numbered)) {
            // Cut between two frames.
            (1.., false) => Err(Unreadable::Short),
            _ => Ok(answer),
        }
    }

    /// Reads what has come of a stream, up to the end of a frame.
    pub(super) fn so_far(body: &[u8]) -> Result<Self, Unreadable> {
        let bytes = &mut body.strip_prefix(MAGIC).ok_or(Unreadable::Foreign)?;
        let status = status(take_byte(bytes)?)?;
        let [serial, ack, credit, advice, first] = [
            take(bytes)?,
            take(bytes)?,
            take(bytes)?,
            take(bytes)?,
            take(bytes)?,
        ];
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            frames.push(Frame::take(bytes)?);
        }
        if first == 0 && frames.iter().any(Frame::is_numbered) {
            return Err(Unreadable::wrong("numbered frames, but no number"));
        }
        Ok(Self {
            status,
            serial,
            ack,
            credit,
            advice,
            first,
            frames,
        })
    }
}

fn status(byte: u8) -> Result<Status, Unreadable> {
    const ALL: [Status; 10] = [
        Status::Ok,
        Status::Superseded,
        Status::Stale,
        Status::Resend,
        Status::Throttled,
        Status::Closed,
        Status::Gone,
        Status::Protocol,
        Status::TooLarge,
        Status::Moved,
    ];
    let unknown = || Unreadable::wrong(format!("no status is {byte}"));
    ALL.get(usize::from(byte)).copied().ok_or_else(unknown)
}
