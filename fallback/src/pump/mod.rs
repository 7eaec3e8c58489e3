//! One session's task: it owns the core and the WebSocket to the backend, takes the client's requests in, and answers
//! them. Everything happens in one `poll`, so nothing is locked and no wait hides another.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;

use self::waiting::Waiting;
use crate::admission::Place;
use crate::backend::{Report, Traffic};
use crate::dialect::towpath::polls::{Answer, Part, Polls};
use crate::dialect::towpath::write;
use crate::door::Door;
use crate::metrics::Metrics;
use crate::session::{Close, Ended, Frame, Session, ToBackend};
use crate::websocket::{Incoming, Socket};

pub(crate) use self::waiting::REQUESTS;

mod waiting;

/// Messages read before others have their turn.
const READS: usize = 256;

/// What a session is made of.
pub(crate) struct Parts<S> {
    pub(crate) stream: S,
    pub(crate) session: Session,
    pub(crate) polls: Polls,
    pub(crate) door: Arc<Door>,
    pub(crate) place: Place,
    pub(crate) max_message: usize,
    pub(crate) metrics: Metrics,
}

/// The state of the task.
pub(crate) struct Pump<S> {
    socket: Option<Socket<S>>,
    session: Session,
    polls: Polls,
    door: Arc<Door>,
    waiting: Waiting,
    place: Place,
    began: Instant,
    from_client: Traffic,
    from_backend: Traffic,
    requests: u64,
    close: Option<Close>,
    metrics: Metrics,
}

impl<S> Pump<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(crate) fn new(parts: Parts<S>) -> Self {
        Self {
            socket: Some(Socket::new(parts.stream, parts.max_message)),
            session: parts.session,
            polls: parts.polls,
            door: parts.door,
            waiting: Waiting::default(),
            place: parts.place,
            began: now(),
            from_client: Traffic::default(),
            from_backend: Traffic::default(),
            requests: 0,
            close: None,
            metrics: parts.metrics,
        }
    }

    /// Carries the session to its end, or to that which `ending` announces.
    ///
    /// Not cancel-safe: dropping the future cuts both sides.
    pub(crate) async fn run(
        mut self: Box<Self>,
        ending: impl Future<Output = ()>,
    ) -> (Report, Place) {
        let mut ending = std::pin::pin!(ending);
        let mut told = false;
        let mut timer = std::pin::pin!(tokio::time::sleep_until(self.began.into()));
        std::future::poll_fn(|cx| {
            if !told && ending.as_mut().poll(cx).is_ready() {
                told = true;
                self.drain();
            }
            self.poll(cx, timer.as_mut())
        })
        .await;
        (*self).report()
    }

    fn drain(&mut self) {
        let client = Close::new(1012, "service restart");
        let backend = Close::new(1001, "going away");
        self.session.end(client, backend, Ended::Drain, now());
    }

    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        // Before anything is looked at, so that no end of a request goes unnoticed.
        self.door.presence.waker.register(cx.waker());
        loop {
            let now = now();
            self.session.press(self.place.is_pressed(), now);
            let all_taken = self.take_calls(now);
            self.write_backend(cx, now);
            let more = self.read_backend(cx, now);
            self.flush_backend(cx, now);
            self.let_go(now);
            self.notice_absence(now);
            self.session.expire(now);
            self.answer(now);
            // Requests that have left or are answered have made room for others. Room that answers and writes have made
            // lets parked frames in, and those are to be written now.
            if !all_taken || (self.session.has_for_backend() && self.can_write(cx)) {
                continue;
            }
            self.place.holds(self.bytes());
            if self.session.is_over() && self.waiting.is_empty() {
                return Poll::Ready(());
            }
            if more {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let deadlines = [self.session.deadline(), self.polls.deadline()];
            let Some(deadline) = deadlines.into_iter().flatten().min() else {
                return Poll::Pending;
            };
            let deadline = deadline.into();
            // Deadlines mostly move away as requests come; the timer is moved only when it has fired or is too late.
            if timer.deadline() > deadline || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Takes requests in. `false`: there may be more, but no place for them yet, and nobody will wake us for them.
    fn take_calls(&mut self, now: Instant) -> bool {
        while let Some(key) = self.waiting.free() {
            let Some(call) = self.door.take() else {
                return true;
            };
            self.requests += 1;
            self.waiting.put(key, call.answer);
            self.session.present(true, now);
            self.polls
                .request(&mut self.session, key, call.request, now);
        }
        false
    }

    /// Gives the backend what is queued for it, as far as it takes it.
    fn write_backend(&mut self, cx: &mut Context<'_>, now: Instant) {
        while let Some(socket) = &mut self.socket {
            match socket.poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return self.lose_backend(now),
                Poll::Pending => return,
            }
            let Some(next) = self.session.next_to_backend() else {
                return;
            };
            if let ToBackend::Message(message) = &next {
                self.from_client.count(message);
            }
            socket.give(next);
        }
    }

    fn flush_backend(&mut self, cx: &mut Context<'_>, now: Instant) {
        let flushed = self.socket.as_mut().map(|socket| socket.poll_flush(cx));
        if matches!(flushed, Some(Poll::Ready(Err(_)))) {
            self.lose_backend(now);
        }
    }

    fn can_write(&mut self, cx: &mut Context<'_>) -> bool {
        let socket = self.socket.as_mut();
        socket.is_some_and(|socket| socket.poll_ready(cx).is_ready())
    }

    /// Takes what the backend has sent, as far as there is room. `true`: there may be more.
    fn read_backend(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        for _ in 0..READS {
            let Some(socket) = self.socket.as_mut().filter(|socket| !socket.is_read_over()) else {
                return false;
            };
            if !self.session.reads_backend() {
                return false;
            }
            let Poll::Ready(incoming) = socket.poll_read(cx) else {
                return false;
            };
            self.received(incoming, now);
        }
        true
    }

    fn received(&mut self, incoming: Incoming, now: Instant) {
        match incoming {
            Incoming::Message(message) => {
                self.from_backend.count(&message);
                self.session.message(message, now);
            }
            Incoming::Close(close) => self.session.backend_closed(close, now),
            Incoming::Fault(fault) => self.session.backend_fault(fault, now),
            Incoming::Broken => {
                let close = Close::new(1002, "protocol error");
                self.session.end(Close::abnormal(), close, Ended::Lost, now);
            }
            Incoming::Control | Incoming::Over => {}
        }
    }

    /// Closes the backend's connection when it is of no more use.
    fn let_go(&mut self, now: Instant) {
        let told = |socket: &Socket<S>| !self.session.has_for_backend() && socket.has_written();
        let closed = self.session.to_client().is_closed();
        if self
            .socket
            .as_ref()
            .is_some_and(|socket| socket.is_read_over() && (told(socket) || !closed))
        {
            self.lose_backend(now);
        }
        if !self.session.has_backend() {
            self.socket = None;
        }
    }

    fn lose_backend(&mut self, now: Instant) {
        self.socket = None;
        self.session.backend_gone(now);
    }

    /// Requests whose clients are gone.
    fn notice_absence(&mut self, now: Instant) {
        self.waiting.forget_abandoned(|key| self.polls.forget(key));
        self.session.present(self.door.presence.is_here(), now);
    }

    fn answer(&mut self, now: Instant) {
        loop {
            let room = |key| self.waiting.has_room(key);
            let Some(answer) = self.polls.answer(&mut self.session, now, room) else {
                return;
            };
            if matches!(answer.part, Part::Whole | Part::End) {
                self.metrics.answered(answer.head.status);
            }
            if self.close.is_none() {
                self.close = close_in(&self.session, &answer);
            }
            let content = write(&self.session, &answer);
            self.waiting.answer(answer.key, answer.part, content);
        }
    }

    /// The memory that messages take, in bytes.
    fn bytes(&self) -> usize {
        self.session.bytes() + self.socket.as_ref().map_or(0, Socket::bytes)
    }

    fn report(self) -> (Report, Place) {
        let report = Report {
            duration: now() - self.began,
            from_client: self.from_client,
            from_backend: self.from_backend,
            requests: self.requests,
            close: self.close,
            ended: self.session.ended().unwrap_or(Ended::Lost),
        };
        (report, self.place)
    }
}

/// The close that an answer carries.
fn close_in(session: &Session, answer: &Answer) -> Option<Close> {
    if !session.to_client().is_closed() {
        return None;
    }
    let (number, frame) = session.to_client().after(answer.after).last()?;
    match frame {
        Frame::Close(close) if number <= answer.last => Some(close.clone()),
        _ => None,
    }
}

/// tokio's clock, which tests may hold.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
