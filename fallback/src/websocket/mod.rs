//! The WebSocket to a session's backend, as its client (RFC 6455), in the session's own words. While nothing passes it
//! holds no buffer, and what it holds besides can be asked for: a session may live for days after one long message.

mod reader;
mod writer;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::reader::{Item, Reader};
use self::writer::Writer;
use crate::session::{Close, Fault, Message, ToBackend};

/// Read at once, on the stack, in bytes.
const READ: usize = 8 << 10;

/// The WebSocket.
#[derive(Debug)]
pub(crate) struct Socket<S> {
    io: S,
    reader: Reader,
    writer: Writer,
    /// Something was written that may not have left.
    unflushed: bool,
    /// Nothing more comes.
    read_over: bool,
}

/// What the backend has said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Message(Message),
    Close(Close),
    /// It said what cannot be a message.
    Fault(Fault),
    /// It broke the WebSocket protocol.
    Broken,
    /// It said nothing that is for the client.
    Control,
    /// Nothing more comes from it.
    Over,
}

/// It takes nothing more.
#[derive(Debug)]
pub(crate) struct Lost;

impl<S> Socket<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Over a connection after its handshake.
    pub(crate) fn new(io: S, max_message: usize) -> Self {
        Self {
            io,
            reader: Reader::new(max_message),
            writer: Writer::default(),
            unflushed: false,
            read_over: false,
        }
    }

    /// Whether it takes something more: what it was given before has left, or nearly.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        loop {
            let more = self.writer.fill().map_err(|_| Lost)?;
            if !self.writer.is_full() {
                return Poll::Ready(Ok(()));
            }
            self.unflushed = true;
            ready!(self.poll_write(cx))?;
            if !more {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Gives it something, once it is ready.
    pub(crate) fn give(&mut self, next: ToBackend) {
        self.unflushed = true;
        match next {
            ToBackend::Message(message) => self.writer.message(message),
            ToBackend::Close(close) => self.writer.close(&close),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        while self.unflushed {
            let more = self.writer.fill().map_err(|_| Lost)?;
            ready!(self.poll_write(cx))?;
            if !more {
                ready!(Pin::new(&mut self.io).poll_flush(cx)).map_err(|_| Lost)?;
                self.unflushed = false;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether all that it was given has left.
    pub(crate) fn has_written(&self) -> bool {
        !self.unflushed
    }

    /// Whether nothing more comes.
    pub(crate) fn is_read_over(&self) -> bool {
        self.read_over
    }

    /// What comes next.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            if let Some(item) = self.reader.next() {
                return Poll::Ready(self.received(item));
            }
            let mut space = [0; READ];
            let wanted = self.reader.wants().min(READ);
            let mut space = ReadBuf::new(space.get_mut(..wanted).unwrap_or_default());
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut space));
            if read.is_err() || space.filled().is_empty() {
                self.read_over = true;
                return Poll::Ready(Incoming::Over);
            }
            self.reader.take(space.filled());
        }
    }

    /// The memory that messages take that are on their way, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.reader.bytes() + self.writer.bytes()
    }

    fn received(&mut self, item: Item) -> Incoming {
        match item {
            Item::Message(message) => Incoming::Message(message),
            Item::Ping(payload) => {
                self.unflushed = true;
                self.writer.pong(payload);
                Incoming::Control
            }
            Item::Pong => Incoming::Control,
            Item::Close(close) => {
                // RFC 6455 §5.5.1: it is answered, and nothing else may follow.
                self.unflushed = true;
                self.writer.close(&close);
                Incoming::Close(close)
            }
            Item::Fault(fault) => {
                self.read_over = true;
                Incoming::Fault(fault)
            }
            Item::Broken => {
                self.read_over = true;
                Incoming::Broken
            }
        }
    }

    /// Writes all that the writer has ready.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        while !self.writer.ready().is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, self.writer.ready()));
            match written {
                Ok(1..) => self.writer.wrote(written.unwrap_or_default()),
                _ => return Poll::Ready(Err(Lost)),
            }
        }
        Poll::Ready(Ok(()))
    }
}
