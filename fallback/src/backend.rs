//! What the fallback needs of the proxy for each session: a WebSocket to the backend, the word that it is over, and
//! somebody to tell how it went.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::session::{Close, Ended, Message};

/// The proxy's side of one session.
pub trait Backend: Send + 'static {
    /// A connection on which the backend has agreed to speak WebSocket.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Resolves when the proxy wants the session to end.
    type Ending: Future<Output = Farewell> + Send + 'static;

    /// Asks the backend for a WebSocket.
    ///
    /// Not cancel-safe: dropping the future gives the attempt up.
    fn dial(
        &mut self,
        handshake: Handshake,
    ) -> impl Future<Output = Result<Dialled<Self::Stream>, DialError>> + Send;

    /// Resolves when the proxy wants the session to end.
    fn ending(&self) -> Self::Ending;

    /// The session is open: from now on it counts.
    fn opened(&mut self) {}

    /// What has passed by now; called after each turn of the session's in which something did.
    fn passed(&mut self, _from_client: Traffic, _from_backend: Traffic) {}

    /// The session is over.
    fn ended(self, report: Report);
}

/// Why the proxy wants a session to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// It goes away, and its client may come back at once.
    Restart,
    /// Its operator wants the session to end, with this code.
    Operator(u16),
}

impl<B: Backend> Backend for Box<B> {
    type Stream = B::Stream;
    type Ending = B::Ending;

    fn dial(
        &mut self,
        handshake: Handshake,
    ) -> impl Future<Output = Result<Dialled<Self::Stream>, DialError>> + Send {
        (**self).dial(handshake)
    }

    fn ending(&self) -> Self::Ending {
        (**self).ending()
    }

    fn opened(&mut self) {
        (**self).opened();
    }

    fn passed(&mut self, from_client: Traffic, from_backend: Traffic) {
        (**self).passed(from_client, from_backend);
    }

    fn ended(self, report: Report) {
        (*self).ended(report);
    }
}

/// What the backend is asked with, beside what the proxy adds to every request.
#[derive(Clone, Debug, Default)]
pub struct Handshake {
    /// The client's own fields.
    pub headers: HeaderMap,
    /// Subprotocols to offer.
    pub protocols: Vec<String>,
}

/// A backend that has accepted.
#[derive(Debug)]
pub struct Dialled<S> {
    /// Frames from here on.
    pub stream: S,
    /// The fields of its 101.
    pub headers: HeaderMap,
}

/// There is no WebSocket to the backend.
#[derive(Clone, Debug)]
pub enum DialError {
    /// It answered with something else than 101.
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its fields.
        headers: HeaderMap,
        /// What its content begins with.
        content: Bytes,
    },
    /// It cannot be reached, or does not speak WebSocket.
    Unreachable,
    /// It took too long.
    Timeout,
}

impl DialError {
    /// In one word, for metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
        }
    }
}

/// How a session went.
#[derive(Clone, Debug)]
pub struct Report {
    /// From the backend's 101 to the end.
    pub duration: Duration,
    /// What the client sent.
    pub from_client: Traffic,
    /// What the backend sent.
    pub from_backend: Traffic,
    /// Requests of the client's.
    pub requests: u64,
    /// The close that the client was sent, if it was.
    pub close: Option<Close>,
    /// Why it ended.
    pub ended: Ended,
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Whole messages.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

impl Traffic {
    pub(crate) fn count(&mut self, message: &Message) {
        self.messages += 1;
        self.bytes += message.payload.len() as u64;
    }

    /// What has come since it was `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            messages: self.messages - before.messages,
            bytes: self.bytes - before.bytes,
        }
    }
}
