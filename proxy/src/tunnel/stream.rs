//! The stream of an HTTP/2 connection that a WebSocket has become (RFC 8441 §5), as plain bytes both ways. Its flow
//! control is the backpressure: what is not read stays within the stream's window, what the other end does not take is
//! not written. An end of one direction is END_STREAM; what is dropped before is reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::SendStream;
use pingora::protocols::http::v2::server::HttpSession;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gate::StreamPlace;

/// Bytes that are handed to a stream at once, at most.
const PIECE: usize = 16 * 1024;

/// One direction of a stream.
pub(crate) trait Receive {
    /// The next piece; `None`: there are no more.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>>;
}

/// A stream after its CONNECT was answered.
pub(crate) struct Http2Stream<R> {
    from: R,
    to: SendStream<Bytes>,
    /// What was received and not read yet: a part of one DATA frame.
    received: Bytes,
}

/// A client's direction of one.
pub(crate) struct FromClient {
    session: HttpSession,
    /// The connection stays for as long as this does.
    _place: Arc<StreamPlace>,
}

impl Receive for FromClient {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        self.session.poll_read_body_bytes(cx)
    }
}

impl Http2Stream<FromClient> {
    /// The stream of a session that was answered with 200; `None`: it was not.
    pub(crate) fn of_client(mut session: HttpSession) -> Option<Self> {
        let place = StreamPlace::of(session.req_header())?.clone();
        let to = session.take_response_body_writer()?;
        let from = FromClient {
            session,
            _place: place,
        };
        Some(Self::new(from, to))
    }
}

impl<R> Http2Stream<R> {
    /// Both directions of a stream.
    pub(crate) fn new(from: R, to: SendStream<Bytes>) -> Self {
        Self {
            from,
            to,
            received: Bytes::new(),
        }
    }

    /// Waits for room in the stream's window and in what is kept for the other end, up to `wanted` bytes.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        self.to.reserve_capacity(wanted);
        loop {
            match self.to.capacity() {
                // Only what is new is news to `poll_capacity`.
                0 => match ready!(self.to.poll_capacity(cx)) {
                    Some(room) => drop(room.map_err(into_io)?),
                    None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                },
                room => return Poll::Ready(Ok(room.min(wanted))),
            }
        }
    }
}

impl<R: Receive + Unpin> AsyncRead for Http2Stream<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // An empty frame is no end.
        while this.received.is_empty() {
            match ready!(this.from.poll_receive(cx)) {
                Some(received) => this.received = received.map_err(into_io)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = this.received.len().min(buf.remaining());
        buf.put_slice(this.received.get(..len).unwrap_or_default());
        this.received.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<R: Unpin> AsyncWrite for Http2Stream<R> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(this.poll_room(cx, buf.len().min(PIECE)))?;
        let piece = Bytes::copy_from_slice(buf.get(..room).unwrap_or(buf));
        let len = piece.len();
        this.to.send_data(piece, false).map_err(into_io)?;
        Poll::Ready(Ok(len))
    }

    /// The connection's task writes as soon as it can.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Poll::Ready(this.to.send_data(Bytes::new(), true).map_err(into_io))
    }
}

fn into_io(error: h2::Error) -> io::Error {
    match error.is_io() {
        true => error
            .into_io()
            .unwrap_or(io::ErrorKind::ConnectionReset.into()),
        false => io::Error::new(io::ErrorKind::ConnectionReset, error),
    }
}
