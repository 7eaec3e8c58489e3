//! What clients speak. Each dialect is a codec, and a discipline for the requests of one session; the session itself,
//! its task and its bounds are the same for all.

pub mod engine_io;
pub mod sockjs;
pub mod towpath;

use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;

use crate::session::{Close, Fault, Message, Session};

/// Which request of a session an answer is for; given by the session's task.
pub type Key = usize;

/// One session's requests as a dialect sees them, without sockets.
pub(crate) trait Dialect: Send + 'static {
    /// What a client asks of a session that there is.
    type Request: Send + 'static;

    /// Takes a request in.
    fn request(&mut self, session: &mut Session, key: Key, request: Self::Request, now: Instant);

    /// The request's client is gone before it was answered to the end.
    fn forget(&mut self, session: &mut Session, key: Key, now: Instant);

    /// The next answer that is due. `room` says whether a stream takes more just now.
    fn answer(
        &mut self,
        session: &mut Session,
        now: Instant,
        room: impl Fn(Key) -> bool,
    ) -> Option<Answer>;

    /// When an answer is due though nothing happens.
    fn deadline(&self) -> Option<Instant>;

    /// Takes a message of the backend's.
    fn message(&mut self, session: &mut Session, message: Message, now: Instant) {
        session.message(message, now);
    }

    /// The client has a WebSocket of its own from now on.
    fn attach(&mut self, _: &mut Session, _: Instant) {}

    /// Whether that may be read.
    fn hears(&self, _: &Session) -> bool {
        false
    }

    /// Takes what it says.
    fn hear(&mut self, _: &mut Session, _: FromLine, _: Instant) {}

    /// What it is to be told next.
    fn tell(&mut self, _: &mut Session, _: Instant) -> Option<ToLine> {
        None
    }

    /// The memory that its requests take, in bytes.
    fn bytes(&self) -> usize {
        0
    }
}

/// What one request is answered, or a part of that.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Which request.
    pub(crate) key: Key,
    /// What it is.
    pub(crate) part: Part,
    /// The response's status; of a stream, its first part's.
    pub(crate) status: StatusCode,
    /// Its content's type, where the dialect's requests do not have each their own.
    pub(crate) content_type: Option<&'static str>,
    /// Its content.
    pub(crate) content: Bytes,
    /// For metrics, in one word.
    pub(crate) outcome: &'static str,
    /// The close that it tells the client of.
    pub(crate) close: Option<Close>,
}

/// What a client's own WebSocket says.
#[derive(Debug)]
pub(crate) enum FromLine {
    Message(Message),
    /// A ping or a pong.
    Alive,
    Close(Close),
    /// What cannot be a message; it is told so.
    Fault(Fault),
    /// It is gone without a Close.
    Lost,
}

impl FromLine {
    /// Whether nothing follows.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Close(_) | Self::Fault(_) | Self::Lost)
    }
}

/// What a client's own WebSocket is told.
#[derive(Debug)]
pub(crate) enum ToLine {
    Message(Message),
    Ping,
    Close(Close),
    /// It is to be cut off without ceremony.
    Cut,
}

/// Which part of a response an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// A stream's beginning.
    Begin,
    /// More of a stream.
    More,
    /// The last of a stream, perhaps nothing.
    End,
    /// There is none, or no more of it.
    Cut,
}
