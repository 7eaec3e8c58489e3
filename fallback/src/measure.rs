//! Doors for micro-benchmarks into what is nobody else's business. Nothing here is meant for programs.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use crate::dialect::sockjs::array as sockjs_array;
use crate::session::Message;
use crate::websocket::{Incoming, Role, Socket};

/// The longest message that is heard, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// A session's own WebSocket over memory.
#[derive(Debug)]
pub struct Wire(Socket<Memory>);

impl Wire {
    /// As the client of a backend.
    #[must_use]
    pub fn to_backend() -> Self {
        Self(Socket::new(Memory::default(), Role::Client, MAX_MESSAGE))
    }

    /// As the server of a client.
    #[must_use]
    pub fn to_client() -> Self {
        Self(Socket::new(Memory::default(), Role::Server, MAX_MESSAGE))
    }

    /// Lets it read whole frames; how many messages they were.
    pub fn hear(&mut self, frames: Bytes) -> usize {
        self.0.get_mut().incoming = frames;
        let mut cx = Context::from_waker(Waker::noop());
        let mut count = 0;
        while let Poll::Ready(Incoming::Message(_)) = self.0.poll_read(&mut cx) {
            count += 1;
        }
        count
    }

    /// Lets it write a message; how many bytes that was on the wire.
    pub fn say(&mut self, message: Message) -> usize {
        let before = self.0.get_mut().written;
        self.0.give(message);
        let mut cx = Context::from_waker(Waker::noop());
        let flushed = self.0.poll_flush(&mut cx);
        debug_assert!(matches!(flushed, Poll::Ready(Ok(()))), "memory takes all");
        self.0.get_mut().written - before
    }
}

/// Gives what it was given, then nothing for now; takes all, and keeps none of it.
#[derive(Debug, Default)]
struct Memory {
    incoming: Bytes,
    written: usize,
}

impl AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.incoming.is_empty() {
            return Poll::Pending;
        }
        let count = self.incoming.len().min(buf.remaining());
        let part = self.incoming.split_to(count);
        buf.put_slice(part.chunk());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.written += buf.len();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
