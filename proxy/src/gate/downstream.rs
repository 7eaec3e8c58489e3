//! The client's connection as pingora gets to see it: one request at a time.
//! It replays the head that the gate has checked, hands out as many bytes of content as that head announced,
//! and keeps whatever comes early (a pipelined request, frames sent before the 101) until it is its turn.
//! It also carries what is known of the connection, and lives exactly as long as that does: its place in the count.

use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::chunks::ChunkScanner;
use super::connection::Connection;
use super::head::{Framing, Head};
use super::wire::Wire;
use crate::forwarded::Ends;

/// Early bytes kept beyond the current request; what is more waits in the kernel.
const MAX_EARLY: usize = 64 * 1024;
/// A response's head waits for its content, so that both are sent at once: up to a packet's worth.
const MAX_UNSENT: usize = 1460;
/// One read while looking for a head or for early bytes; on the stack, so that waiting holds no buffer.
const READ_SIZE: usize = 4 * 1024;

/// What a reader may have now.
#[derive(Debug)]
enum Allowance {
    /// So many bytes, then nothing but the end of the stream.
    Bytes(u64),
    /// So many bytes of the head, then chunks, then nothing but the end of the stream.
    Chunks(u64, ChunkScanner),
    /// The head, and everything after it.
    All,
}

/// A client's connection.
pub(crate) struct Downstream {
    /// `None` once closed for good: it reads as ended and swallows writes.
    io: Option<Wire>,
    /// Bytes that have been read from `io` and not handed out.
    early: BytesMut,
    /// Bytes that have been written to it and not sent before the next flush.
    unsent: BytesMut,
    allowance: Allowance,
    ended: bool,
    connection: Option<Arc<Connection>>,
}

impl Downstream {
    /// Takes over a connection of which `early` was read; nothing can be read from it before [`Self::admit`].
    pub(crate) fn new(io: Wire, early: BytesMut, connection: Arc<Connection>) -> Self {
        Self {
            io: Some(io),
            early,
            unsent: BytesMut::new(),
            allowance: Allowance::Bytes(0),
            ended: false,
            connection: Some(connection),
        }
    }

    /// What pingora's session is left with when a tunnel has taken the connection out of it.
    pub(crate) fn closed() -> Self {
        Self {
            io: None,
            early: BytesMut::new(),
            unsent: BytesMut::new(),
            allowance: Allowance::All,
            ended: true,
            connection: None,
        }
    }

    /// What is known of the connection.
    pub(super) fn connection(&self) -> Option<&Arc<Connection>> {
        self.connection.as_ref()
    }

    /// Bytes read and not yet handed out.
    pub(crate) fn early(&self) -> &[u8] {
        &self.early
    }

    /// Forgets the first `len` early bytes.
    pub(crate) fn skip(&mut self, len: usize) {
        self.early.advance(len.min(self.early.len()));
    }

    /// Reads once into the early bytes. `false`: the client has sent all it will.
    ///
    /// Cancel-safe: what was read is kept.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|cx| self.poll_fill(cx))
            .await
            .map(|read| read > 0)
    }

    /// Lets the request whose head stands first in the early bytes be read.
    pub(crate) fn admit(&mut self, head: Head) {
        self.allowance = match head.framing {
            Framing::Length(len) => Allowance::Bytes((head.len as u64).saturating_add(len)),
            Framing::Chunked => Allowance::Chunks(head.len as u64, ChunkScanner::new()),
        };
    }

    /// Lets the content be read of the request whose head stands first in the early bytes; the head itself is skipped.
    pub(super) fn admit_content(&mut self, head: Head) {
        self.skip(head.len);
        self.admit(Head { len: 0, ..head });
    }

    /// How much content of a known length is still to be read.
    pub(super) fn content_left(&self) -> u64 {
        match &self.allowance {
            Allowance::Bytes(left) => *left,
            Allowance::Chunks(..) | Allowance::All => u64::MAX,
        }
    }

    /// All of the content, if it is here and no longer than `most`.
    pub(super) fn take_content(&mut self, most: usize) -> Option<Bytes> {
        let left = usize::try_from(self.content_left()).ok()?;
        if left > most || left > self.early.len() {
            return None;
        }
        self.allowance = Allowance::Bytes(0);
        let whole = self.early.split_to(left).freeze();
        if self.early.is_empty() {
            self.early = BytesMut::new();
        }
        Some(whole)
    }

    /// Waits until the client has ended the connection. What it sends meanwhile is kept, as far as there is room.
    ///
    /// Cancel-safe.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_end(cx)).await
    }

    /// What is known of whoever sends requests over it.
    pub(super) fn facts(&self) -> Option<Ends> {
        self.connection.as_ref()?.ends()
    }

    /// Whether all of the request has been read, so that what comes next is another one.
    pub(crate) fn is_between_requests(&self) -> bool {
        match &self.allowance {
            Allowance::Bytes(left) => *left == 0,
            Allowance::Chunks(_, chunks) => chunks.is_done(),
            Allowance::All => false,
        }
    }

    /// From here on the connection is a plain stream of bytes, the early ones first.
    pub(crate) fn release(&mut self) {
        self.allowance = Allowance::All;
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(io) = self.io.as_mut().filter(|_| !self.ended) else {
            return Poll::Ready(Ok(0));
        };
        let mut space = [MaybeUninit::uninit(); READ_SIZE];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(io).poll_read(cx, &mut buf))?;
        self.early.extend_from_slice(buf.filled());
        self.ended = buf.filled().is_empty();
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn hand_out_early(&mut self, buf: &mut ReadBuf<'_>, limit: u64) {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let len = self.early.len().min(buf.remaining()).min(limit);
        buf.put_slice(&self.early.split_to(len));
        if self.early.is_empty() {
            self.early = BytesMut::new();
        }
    }

    fn poll_read_limited(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        limit: u64,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            self.hand_out_early(buf, limit);
            return Poll::Ready(Ok(()));
        }
        let Some(io) = self.io.as_mut().filter(|_| !self.ended) else {
            return Poll::Ready(Ok(()));
        };
        let remaining = buf.remaining();
        let result = match usize::try_from(limit) {
            Ok(limit) if limit < remaining => {
                let mut part = buf.take(limit);
                let result = ready!(Pin::new(io).poll_read(cx, &mut part));
                let len = part.filled().len();
                buf.advance(len);
                result
            }
            _ => ready!(Pin::new(io).poll_read(cx, buf)),
        };
        self.ended = result.is_ok() && buf.remaining() == remaining && remaining > 0;
        Poll::Ready(result)
    }

    /// Reads chunks. What comes after the last of them is kept for later.
    fn poll_read_chunks(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        chunks: &mut ChunkScanner,
    ) -> Poll<io::Result<()>> {
        let invalid = |fault| io::Error::new(io::ErrorKind::InvalidData, fault);
        if !self.early.is_empty() {
            let len = self.early.len().min(buf.remaining());
            let next = self.early.get(..len).unwrap_or_default();
            let len = chunks.scan(next).map_err(invalid)?;
            self.hand_out_early(buf, len as u64);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(self.poll_read_limited(cx, buf, u64::MAX))?;
        let read = buf.filled().get(before..).unwrap_or_default();
        let len = chunks.scan(read).map_err(invalid)?;
        let rest = read.get(len..).unwrap_or_default();
        self.early.extend_from_slice(rest);
        buf.set_filled(before + len);
        Poll::Ready(Ok(()))
    }

    /// Nothing more belongs to the current request. What comes all the same is kept for later;
    /// only the end of the stream is news, since the client is then gone.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.early.len() < MAX_EARLY {
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }
}

impl AsyncRead for Downstream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.allowance, Allowance::All) {
            return this.poll_read_limited(cx, buf, u64::MAX);
        }
        // Put back below; meanwhile nothing may be read.
        let mut allowance = std::mem::replace(&mut this.allowance, Allowance::Bytes(0));
        let polled = match &mut allowance {
            Allowance::All => this.poll_read_limited(cx, buf, u64::MAX),
            Allowance::Bytes(0) => this.poll_end(cx),
            Allowance::Chunks(0, chunks) if chunks.is_done() => this.poll_end(cx),
            Allowance::Chunks(0, chunks) => this.poll_read_chunks(cx, buf, chunks),
            Allowance::Bytes(left) | Allowance::Chunks(left, _) => {
                let before = buf.filled().len();
                let polled = this.poll_read_limited(cx, buf, *left);
                *left = left.saturating_sub((buf.filled().len() - before) as u64);
                polled
            }
        };
        this.allowance = allowance;
        polled
    }
}

impl Downstream {
    /// Whether so many more bytes wait for what comes behind them. In a tunnel none do.
    fn keeps(&self, len: usize) -> bool {
        !matches!(self.allowance, Allowance::All) && self.unsent.len() + len <= MAX_UNSENT
    }

    /// Sends what was kept.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(io) = self.io.as_mut() else {
            return Poll::Ready(Ok(()));
        };
        while !self.unsent.is_empty() {
            match ready!(Pin::new(&mut *io).poll_write(cx, &self.unsent))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                len => self.unsent.advance(len),
            }
        }
        // An idle connection holds no memory for it.
        self.unsent = BytesMut::new();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Downstream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.io.is_some() && this.keeps(buf.len()) {
            this.unsent.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(this.poll_send(cx))?;
        match this.io.as_mut() {
            Some(io) => Pin::new(io).poll_write(cx, buf),
            None => Poll::Ready(Ok(buf.len())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        match this.io.as_mut() {
            Some(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            None => Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.as_ref().is_none_or(Wire::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        match this.io.as_mut() {
            Some(io) => Pin::new(io).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        match this.io.as_mut() {
            Some(io) => Pin::new(io).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Drop for Downstream {
    /// What was written is to arrive, also where the rest of it will not come.
    fn drop(&mut self) {
        if !self.unsent.is_empty() {
            // A client that takes nothing just now hears no more.
            let _ = self.flush().now_or_never();
        }
    }
}

impl fmt::Debug for Downstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Downstream")
            .field("io", &self.io)
            .field("early", &self.early.len())
            .field("allowance", &self.allowance)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Shutdown for Downstream {
    async fn shutdown(&mut self) {
        if let Some(io) = self.io.as_mut() {
            // A client that is gone needs not be told.
            let _ = io.shutdown().await;
        }
    }
}

impl UniqueID for Downstream {
    fn id(&self) -> UniqueIDType {
        self.io.as_ref().map_or(-1, Wire::descriptor)
    }
}

impl Ssl for Downstream {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        match &self.io {
            Some(Wire::Other(io)) => io.get_ssl_digest(),
            Some(Wire::Tcp(_)) | None => None,
        }
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.io.as_ref().and_then(Wire::alpn)
    }
}

impl GetTimingDigest for Downstream {
    /// We take our own times.
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Downstream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Downstream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.connection.as_ref()?.socket_digest(self.id())
    }
}

impl Peek for Downstream {}

#[cfg(test)]
mod tests;
