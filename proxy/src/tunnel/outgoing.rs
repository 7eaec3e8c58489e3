//! What is on its way to one side of a tunnel. Bytes go straight from the reader's buffer to the receiver; only what it
//! does not take is kept, and the memory is given back as soon as it is taken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::time::Instant;

/// Bytes for one receiver.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// What the receiver has not taken yet, from `written` on.
    pending: Vec<u8>,
    written: usize,
    /// Since when the receiver has taken nothing. What a stream buffers by itself counts as taken when it is flushed.
    blocked_since: Option<Instant>,
    unflushed: bool,
}

impl Outgoing {
    /// Since when the receiver has taken nothing of what is there for it.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// How many bytes the receiver has not taken.
    pub(super) fn bytes(&self) -> usize {
        self.pending.len() - self.written
    }

    /// Whether the receiver has everything.
    pub(super) fn is_done(&self) -> bool {
        self.pending.is_empty() && self.blocked_since.is_none()
    }

    /// Puts bytes behind all others.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Hands bytes to the receiver, or keeps what it does not take.
    pub(super) fn write<D: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut D,
        mut bytes: &[u8],
    ) {
        while self.pending.is_empty() && !bytes.is_empty() {
            match Pin::new(&mut *sink).poll_write(cx, bytes) {
                Poll::Ready(Ok(len)) if len > 0 => {
                    self.unflushed = true;
                    bytes = bytes.get(len..).unwrap_or_default();
                }
                // What is wrong shows when the rest is written.
                Poll::Ready(_) | Poll::Pending => break,
            }
        }
        self.put(bytes);
    }

    /// Writes what is pending, then flushes.
    pub(super) fn poll_flush<D: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut D,
        now: Instant,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .pending
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            let write = Pin::new(&mut *sink).poll_write(cx, rest);
            match ready!(self.watch(write, now))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                len => {
                    self.written += len;
                    self.unflushed = true;
                }
            }
        }
        if self.written > 0 {
            self.written = 0;
            self.pending = Vec::new();
        }
        if self.unflushed {
            let flush = Pin::new(sink).poll_flush(cx);
            ready!(self.watch(flush, now))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the stream toward the receiver. One that is gone already needs not be told.
    pub(super) fn poll_shutdown<D: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut D,
        now: Instant,
    ) -> Poll<()> {
        let shutdown = Pin::new(sink).poll_shutdown(cx);
        self.watch(shutdown, now).map(drop)
    }

    /// The receiver is gone: forgets what was for it.
    pub(super) fn abandon(&mut self) {
        *self = Self::default();
    }

    /// Notes whether the receiver is behind. A flush and a shutdown count like a write: TLS and other buffering
    /// streams take every byte, and show only there that nobody reads.
    fn watch<T>(&mut self, poll: Poll<T>, now: Instant) -> Poll<T> {
        match &poll {
            Poll::Ready(_) => self.blocked_since = None,
            Poll::Pending => {
                self.blocked_since.get_or_insert(now);
            }
        }
        poll
    }
}
