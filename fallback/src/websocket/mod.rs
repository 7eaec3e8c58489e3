//! A WebSocket (RFC 6455), in the session's own words: to its backend as the client, to its client as the server. While
//! nothing passes it holds no buffer, and what it holds besides can be asked for: a session may live for days after one
//! long message.

mod mask;
mod reader;
mod writer;

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::reader::{Item, Reader};
use self::writer::Writer;
use crate::session::{Close, Fault, Message};

/// Read at once, on the stack, in bytes.
const READ: usize = 8 << 10;

/// Which end we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// We mask, and the other end does not.
    Client,
    /// The other way round.
    Server,
}

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

/// What the other end has said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Message(Message),
    Close(Close),
    /// It said what cannot be a message.
    Fault(Fault),
    /// It broke the WebSocket protocol.
    Broken,
    /// A ping or a pong.
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
    pub(crate) fn new(io: S, role: Role, max_message: usize) -> Self {
        Self {
            io,
            reader: Reader::new(role, max_message),
            writer: Writer::new(role),
            unflushed: false,
            read_over: false,
        }
    }

    /// What it is over.
    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.io
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

    /// Gives it a message, once it is ready.
    pub(crate) fn give(&mut self, message: Message) {
        self.unflushed = true;
        self.writer.message(message);
    }

    /// Gives it the end, after which it takes nothing.
    pub(crate) fn close(&mut self, close: &Close) {
        self.unflushed = true;
        self.writer.close(close);
    }

    /// Asks the other end for a sign of life.
    pub(crate) fn ping(&mut self) {
        self.unflushed = true;
        self.writer.ping();
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
            let mut space = [MaybeUninit::uninit(); READ];
            let wanted = self.reader.wants().min(READ);
            let mut space = ReadBuf::uninit(space.get_mut(..wanted).unwrap_or_default());
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
