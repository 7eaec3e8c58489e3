//! One direction of a tunnel: reads from one side into a borrowed buffer, scans, writes to the other side.
//! It owns memory only while the other side does not take what is there (one buffer at most, and then nothing more
//! is read), or while a frame's header or an interesting control frame is incomplete (131 bytes at most).

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::Settings;
use super::control::{ControlFrame, PingPayload};
use super::frame::{MAX_CONTROL, Side};
use super::outgoing::Outgoing;
use super::scanner::{Scan, Scanner, Then};

/// Room in front of what is read, for what was held back.
const HEADROOM: usize = MAX_CONTROL;
const READ_SIZE: usize = 64 * 1024;
/// Reads of one direction before others get their turn, which may be many.
const MAX_READS: usize = 4;

thread_local! {
    /// Each thread lends one buffer to whichever tunnel runs on it.
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Runs `use_it` with this thread's buffer.
pub(super) fn with_scratch<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    let lent = SCRATCH.take();
    let mut scratch = lent.unwrap_or_else(|| vec![0; HEADROOM + READ_SIZE].into_boxed_slice());
    let result = use_it(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}

/// What becomes of the bytes that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// They pass.
    Relaying,
    /// They pass up to the next boundary; there a Close of ours is put.
    Closing(u16, &'static str),
    /// They are dropped: the receiver has had our Close. Only the sender's own Close is of interest.
    Discarding,
}

/// What happened during a poll, for the tunnel to draw its conclusions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Notices {
    /// Something was read: the sender lives.
    pub(super) read: bool,
    /// Something that was not an answer to us: the tunnel is in use.
    pub(super) used: bool,
    /// Our ping was answered.
    pub(super) pong: bool,
    /// A Close frame came.
    pub(super) close: Option<u16>,
    /// A message above the limit came; its receiver has been sent a Close.
    pub(super) too_big: bool,
    /// A fault came, and faults are not tolerated; the receiver has been sent a Close.
    pub(super) fault: bool,
    /// The sender has ended its stream.
    pub(super) ended: bool,
    /// The sender's connection broke.
    pub(super) source_reset: bool,
    /// The receiver's connection broke.
    pub(super) sink_reset: bool,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Direction {
    toward: Side,
    strict: bool,
    scanner: Scanner,
    flow: Flow,
    /// The incomplete end of what was read.
    held: Vec<u8>,
    outgoing: Outgoing,
    received: u64,
    /// A Close has gone toward the receiver, the sender's or ours.
    close_sent: bool,
    source_ended: bool,
    done: bool,
}

impl Direction {
    pub(super) fn new(from: Side, toward: Side, settings: &Settings) -> Self {
        Self {
            toward,
            strict: settings.strict,
            scanner: Scanner::new(from, settings.extensions, settings.max_message),
            flow: Flow::Relaying,
            held: Vec::new(),
            outgoing: Outgoing::default(),
            received: 0,
            close_sent: false,
            source_ended: false,
            done: false,
        }
    }

    /// Whether nothing will pass any more: the sender has ended, and the receiver knows.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether a Close has gone toward the receiver.
    pub(super) fn close_sent(&self) -> bool {
        self.close_sent
    }

    /// Whether the sender has ended its stream.
    pub(super) fn source_ended(&self) -> bool {
        self.source_ended
    }

    /// Whether a pong of the sender's would be heard, and known for ours. Nothing is read from it while
    /// the receiver is behind.
    pub(super) fn hears_pongs(&self) -> bool {
        !self.source_ended && self.scanner.is_on() && self.blocked_since().is_none()
    }

    /// Since when the receiver has taken nothing of what is there for it.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.outgoing.blocked_since()
    }

    /// Bytes that the receiver does not take now.
    pub(super) fn buffered(&self) -> usize {
        self.outgoing.bytes()
    }

    /// Bytes received from the sender.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Complete messages received from the sender.
    pub(super) fn messages(&self) -> u64 {
        self.scanner.messages()
    }

    /// Puts a ping behind what has passed. `false`: not now, since a frame is on its way, the receiver is behind,
    /// or this direction is closing.
    pub(super) fn ping(&mut self, payload: &PingPayload) -> bool {
        let possible = self.flow == Flow::Relaying
            && self.scanner.is_at_boundary()
            && self.outgoing.is_done()
            && !self.close_sent
            && !self.source_ended;
        if possible {
            self.outgoing
                .put(ControlFrame::ping(self.toward, payload).as_bytes());
        }
        possible
    }

    /// Closes toward the receiver, at the next boundary. Where there will be none, the stream is ended instead.
    pub(super) fn close(&mut self, code: u16, reason: &'static str) {
        if self.close_sent || self.source_ended || self.flow == Flow::Discarding {
            return;
        }
        if self.scanner.is_at_boundary() {
            self.put_close(code, reason);
        } else if self.scanner.is_on() {
            self.flow = Flow::Closing(code, reason);
        } else {
            self.source_ended = true;
        }
    }

    /// Whether a Close of ours still waits for a boundary.
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.flow, Flow::Closing(..))
    }

    /// Moves what can be moved. Ready once the direction is done.
    pub(super) fn poll<S, D>(
        &mut self,
        cx: &mut Context<'_>,
        (source, sink): (&mut S, &mut D),
        scratch: &mut [u8],
        ours: Option<&PingPayload>,
        now: Instant,
    ) -> (Notices, Poll<()>)
    where
        S: AsyncRead + Unpin,
        D: AsyncWrite + Unpin,
    {
        let mut notices = Notices::default();
        let poll = self.poll_noting(cx, source, sink, scratch, ours, now, &mut notices);
        (notices, poll)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the notices come back on every way out"
    )]
    fn poll_noting<S, D>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut S,
        sink: &mut D,
        scratch: &mut [u8],
        ours: Option<&PingPayload>,
        now: Instant,
        notices: &mut Notices,
    ) -> Poll<()>
    where
        S: AsyncRead + Unpin,
        D: AsyncWrite + Unpin,
    {
        for _ in 0..MAX_READS {
            if self.done {
                return Poll::Ready(());
            }
            if ready!(self.outgoing.poll_flush(cx, sink, now)).is_err() {
                self.lose_sink(notices);
                return Poll::Ready(());
            }
            if self.source_ended {
                ready!(self.outgoing.poll_shutdown(cx, sink, now));
                self.done = true;
                return Poll::Ready(());
            }
            let Some(len) = ready!(self.poll_source(cx, source, scratch, notices)) else {
                continue;
            };
            let begin = HEADROOM - self.held.len();
            let read = scratch.get(begin..HEADROOM + len).unwrap_or_default();
            self.held.clear();
            self.take(cx, sink, read, ours, notices);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads behind what was held. `None`: the sender has ended.
    fn poll_source<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut S,
        scratch: &mut [u8],
        notices: &mut Notices,
    ) -> Poll<Option<usize>> {
        let (head, space) = scratch.split_at_mut(HEADROOM.min(scratch.len()));
        let mut buf = ReadBuf::new(space);
        match ready!(Pin::new(source).poll_read(cx, &mut buf)) {
            Ok(()) if !buf.filled().is_empty() => {
                let len = buf.filled().len();
                if let Some(room) = head.get_mut(HEADROOM - self.held.len()..) {
                    room.copy_from_slice(&self.held);
                }
                self.received += len as u64;
                notices.read = true;
                Poll::Ready(Some(len))
            }
            result => {
                notices.ended = result.is_ok();
                notices.source_reset = result.is_err();
                self.source_ended = true;
                if self.flow != Flow::Discarding {
                    // The beginning of a frame that will never be whole: the receiver is the judge of that.
                    self.outgoing.put(&self.held);
                    self.held.clear();
                }
                Poll::Ready(None)
            }
        }
    }

    /// Scans what was read and lets pass what may.
    fn take<D: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut D,
        mut rest: &[u8],
        ours: Option<&PingPayload>,
        notices: &mut Notices,
    ) {
        loop {
            let Scan { pass, then } = self.scanner.scan(rest, ours, self.is_closing());
            let (passing, after) = rest.split_at(pass.min(rest.len()));
            self.pass(cx, sink, passing, notices);
            rest = after;
            match then {
                Then::More => {
                    self.held.extend_from_slice(rest);
                    return;
                }
                Then::OurPong(len) => {
                    notices.pong = true;
                    rest = rest.get(len..).unwrap_or_default();
                }
                Then::Close { len, code } => {
                    let (close, after) = rest.split_at(len.min(rest.len()));
                    self.pass(cx, sink, close, notices);
                    rest = after;
                    notices.close = notices.close.or(Some(code));
                    self.close_passed();
                }
                Then::Boundary => {
                    if let Flow::Closing(code, reason) = self.flow {
                        self.put_close(code, reason);
                    }
                }
                Then::TooBig => {
                    notices.too_big |= self.refuse(1009, "message too big");
                    self.scanner.lift_limit();
                }
                Then::Fault(_) => {
                    if self.strict {
                        notices.fault |= self.refuse(1002, "protocol error");
                    }
                    self.scanner.turn_off();
                }
            }
        }
    }

    /// Closes because of what the sender sent. `false`: it is discarded, so it hurts nobody, and the other
    /// direction may still have something to deliver.
    fn refuse(&mut self, code: u16, reason: &'static str) -> bool {
        let matters = self.flow != Flow::Discarding;
        if matters {
            self.close(code, reason);
        }
        matters
    }

    /// After a Close nothing is a frame any more, and no Close of ours may follow.
    fn close_passed(&mut self) {
        self.scanner.turn_off();
        if self.flow != Flow::Discarding {
            self.flow = Flow::Relaying;
            self.close_sent = true;
        }
    }

    /// Lets bytes pass, unless the receiver has had a Close of ours.
    fn pass<D: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut D,
        bytes: &[u8],
        notices: &mut Notices,
    ) {
        notices.used |= !bytes.is_empty();
        if self.flow != Flow::Discarding {
            self.outgoing.write(cx, sink, bytes);
        }
    }

    fn put_close(&mut self, code: u16, reason: &str) {
        self.outgoing
            .put(ControlFrame::close(self.toward, code, reason).as_bytes());
        self.close_sent = true;
        self.flow = Flow::Discarding;
    }

    /// The receiver is gone: nothing passes any more.
    fn lose_sink(&mut self, notices: &mut Notices) {
        notices.sink_reset = true;
        self.outgoing.abandon();
        self.source_ended = true;
        self.done = true;
    }
}
