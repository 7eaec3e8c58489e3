//! A client's own WebSocket, where a session has one: what its dialect says goes out, what it says goes in.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::connection::BoxedConnection;
use crate::dialect::{FromLine, ToLine};
use crate::metrics::Counted;
use crate::session::Close;
use crate::slot::Taken;
use crate::websocket::{Incoming, Role, Socket};

/// How long the client's part of a closing handshake may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// The WebSocket, and how far its end has come.
pub(super) struct Line {
    socket: Socket<BoxedConnection>,
    /// It was told the end, or has told it; its connection must be over by then.
    until: Option<Instant>,
    /// Nothing more comes from it that counts.
    deaf: bool,
    /// Keeps others away while it is here.
    _claim: Option<Taken>,
    _counted: Counted,
}

impl Line {
    pub(super) fn new(
        connection: BoxedConnection,
        claim: Option<Taken>,
        counted: Counted,
        max_message: usize,
    ) -> Self {
        Self {
            socket: Socket::new(connection, Role::Server, max_message),
            until: None,
            deaf: false,
            _claim: claim,
            _counted: counted,
        }
    }

    /// Whether something may be said to it. `None`: it is lost.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Option<bool> {
        match self.socket.poll_ready(cx) {
            Poll::Ready(Ok(())) => Some(self.until.is_none()),
            Poll::Ready(Err(_)) => None,
            Poll::Pending => Some(false),
        }
    }

    pub(super) fn say(&mut self, what: ToLine, now: Instant) {
        match what {
            ToLine::Message(message) => self.socket.give(message),
            ToLine::Ping => self.socket.ping(),
            ToLine::Close(close) => {
                self.socket.close(&close);
                self.until.get_or_insert(now + FAREWELL);
            }
            ToLine::Cut => {
                // What it was told before still leaves.
                self.deaf = true;
                self.until.get_or_insert(now + FAREWELL);
            }
        }
    }

    /// Its session is over: it has so long to take what it was told, even if it could not be told all.
    pub(super) fn leave(&mut self, now: Instant) {
        self.until.get_or_insert(now + FAREWELL);
    }

    /// What it says next.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<FromLine> {
        loop {
            if self.socket.is_read_over() {
                return Poll::Pending;
            }
            let Poll::Ready(incoming) = self.socket.poll_read(cx) else {
                return Poll::Pending;
            };
            let said = match incoming {
                Incoming::Message(message) => FromLine::Message(message),
                Incoming::Control => FromLine::Alive,
                Incoming::Close(close) => {
                    self.until.get_or_insert(now + FAREWELL);
                    FromLine::Close(close)
                }
                Incoming::Fault(fault) => {
                    self.say(ToLine::Close(fault.close()), now);
                    FromLine::Fault(fault)
                }
                Incoming::Broken | Incoming::Over => FromLine::Lost,
            };
            if !std::mem::replace(&mut self.deaf, said.is_last()) {
                return Poll::Ready(said);
            }
        }
    }

    /// Lets what was said leave. `false`: it is lost, or its end has come.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let flushed = match self.socket.poll_flush(cx) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(_)) => return false,
            Poll::Pending => false,
        };
        let over = self.socket.is_read_over() || self.deaf;
        let late = self.until.is_some_and(|until| until <= now);
        !(late || (over && flushed))
    }

    /// Whether it has said its last.
    pub(super) fn has_ended(&self) -> bool {
        self.deaf
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    pub(super) fn bytes(&self) -> usize {
        self.socket.bytes()
    }
}

/// Closes a WebSocket that there is no place for.
pub(crate) async fn dismiss(connection: BoxedConnection) {
    let mut socket = Socket::new(connection, Role::Server, 0);
    socket.close(&Close::new(1000, ""));
    let told = std::future::poll_fn(|cx| socket.poll_flush(cx));
    // Whether it hears of it makes no difference.
    let _ = tokio::time::timeout(FAREWELL, told).await;
}
