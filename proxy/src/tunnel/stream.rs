//! The stream of an HTTP/2 connection that a WebSocket has become (RFC 8441 §5), as plain bytes both ways. Its flow
//! control is the backpressure: what is not read stays within the stream's window, what the client does not take is not
//! written. An end of one direction is END_STREAM; what is dropped before is reset.

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

/// A client's stream after the answer to its CONNECT.
pub(crate) struct Http2Stream {
    session: HttpSession,
    to_client: SendStream<Bytes>,
    /// What was received and not read yet: a part of one DATA frame.
    received: Bytes,
    /// The connection stays for as long as this does.
    _place: Arc<StreamPlace>,
}

impl Http2Stream {
    /// The stream of a session that was answered with 200; `None`: it was not.
    pub(crate) fn new(mut session: HttpSession) -> Option<Self> {
        let place = StreamPlace::of(session.req_header())?.clone();
        Some(Self {
            to_client: session.take_response_body_writer()?,
            session,
            received: Bytes::new(),
            _place: place,
        })
    }

    /// Waits for room in the stream's window and in what is kept for the client, up to `wanted` bytes.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        self.to_client.reserve_capacity(wanted);
        loop {
            match self.to_client.capacity() {
                // Only what is new is news to `poll_capacity`.
                0 => match ready!(self.to_client.poll_capacity(cx)) {
                    Some(room) => drop(room.map_err(into_io)?),
                    None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                },
                room => return Poll::Ready(Ok(room.min(wanted))),
            }
        }
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // An empty frame is no end.
        while this.received.is_empty() {
            match ready!(this.session.poll_read_body_bytes(cx)) {
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

impl AsyncWrite for Http2Stream {
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
        this.to_client.send_data(piece, false).map_err(into_io)?;
        Poll::Ready(Ok(len))
    }

    /// The connection's task writes as soon as it can.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Poll::Ready(
            this.to_client
                .send_data(Bytes::new(), true)
                .map_err(into_io),
        )
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
