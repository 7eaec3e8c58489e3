//! One session's task: it owns the core and the WebSocket to the backend, takes the client's requests in, and answers
//! them as its dialect says. Everything happens in one `poll`, so nothing is locked and no wait hides another.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;

use self::line::Line;
use self::waiting::Waiting;
use crate::admission::Place;
use crate::backend::{Farewell, Report, Traffic};
use crate::clock::now;
use crate::cohort::Cohort;
use crate::connection::BoxedConnection;
use crate::dialect::{Dialect, FromLine, Part, ToLine};
use crate::door::{Call, Door};
use crate::metrics::Metrics;
use crate::session::{Client, Close, Ended, Session, ToBackend};
use crate::slot::Taken;
use crate::websocket::{Incoming, Socket};

pub(crate) use self::line::dismiss;
pub(crate) use self::waiting::REQUESTS;

mod line;
mod waiting;

/// Messages read before others have their turn.
const READS: usize = 256;

/// What a session is made of.
pub(crate) struct Parts<S, D: Dialect> {
    pub(crate) socket: Socket<S>,
    pub(crate) session: Session,
    pub(crate) dialect: D,
    pub(crate) door: Arc<Door<D::Request>>,
    pub(crate) place: Place,
    pub(crate) max_message: usize,
    pub(crate) metrics: Metrics,
}

/// The state of the task.
pub(crate) struct Pump<S, D: Dialect> {
    socket: Option<Socket<S>>,
    /// The client's own WebSocket.
    line: Option<Box<Line>>,
    session: Session,
    dialect: D,
    door: Arc<Door<D::Request>>,
    waiting: Waiting,
    max_message: usize,
    place: Place,
    began: Instant,
    from_client: Traffic,
    from_backend: Traffic,
    requests: u64,
    close: Option<Close>,
    metrics: Metrics,
}

/// What may be read.
#[derive(Clone, Copy)]
struct OpenWays {
    from_backend: bool,
    from_line: bool,
}

impl OpenWays {
    fn opened_since(self, before: Self) -> bool {
        (self.from_backend && !before.from_backend) || (self.from_line && !before.from_line)
    }
}

impl<S, D> Pump<S, D>
where
    S: AsyncRead + AsyncWrite + Unpin,
    D: Dialect,
{
    pub(crate) fn new(parts: Parts<S, D>) -> Self {
        Self {
            socket: Some(parts.socket),
            line: None,
            session: parts.session,
            dialect: parts.dialect,
            door: parts.door,
            waiting: Waiting::default(),
            max_message: parts.max_message,
            place: parts.place,
            began: now(),
            from_client: Traffic::default(),
            from_backend: Traffic::default(),
            requests: 0,
            close: None,
            metrics: parts.metrics,
        }
    }

    /// Carries the session to its end, or to that which `ending` announces; tells `passed` what has passed by now, of
    /// the client and of the backend, whenever something has.
    ///
    /// Not cancel-safe: dropping the future cuts both sides.
    pub(crate) async fn run(
        mut self: Box<Self>,
        ending: impl Future<Output = Farewell>,
        mut passed: impl FnMut(Traffic, Traffic),
    ) -> (Report, Place) {
        let mut ending = std::pin::pin!(ending);
        let mut told = false;
        let mut timer = std::pin::pin!(tokio::time::sleep_until(self.began.into()));
        let mut cohort = Cohort::default();
        std::future::poll_fn(|cx| {
            ready!(cohort.poll_join(cx));
            if !told && let Poll::Ready(farewell) = ending.as_mut().poll(cx) {
                told = true;
                self.take_leave(farewell);
            }
            let before = (self.from_client, self.from_backend);
            let polled = self.poll(cx, timer.as_mut());
            let now = (self.from_client, self.from_backend);
            if now != before {
                self.metrics
                    .passed(now.0.since(before.0), now.1.since(before.1));
                passed(now.0, now.1);
            }
            polled
        })
        .await;
        (*self).report()
    }

    fn take_leave(&mut self, farewell: Farewell) {
        let backend = Close::new(1001, "going away");
        let (client, why) = match farewell {
            Farewell::Restart => (Close::new(1012, "service restart"), Ended::Drain),
            Farewell::Operator(code) => {
                (Close::new(code, "closed by the operator"), Ended::Operator)
            }
        };
        self.session.end(client, backend, why, now());
    }

    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        // Before anything is looked at, so that no end of a request goes unnoticed.
        self.door.presence.waker.register(cx.waker());
        loop {
            let now = now();
            self.session.press(self.place.is_pressed(), now);
            // Before its requests, since they may be later than what was said here.
            let mut more_said = self.read_line(cx, now);
            let had_line = self.line.is_some();
            let all_taken = self.take_calls(now);
            if !had_line {
                more_said = self.read_line(cx, now);
            }
            self.write_backend(cx, now);
            let more_sent = self.read_backend(cx, now);
            self.flush_backend(cx, now);
            let before = self.open_ways();
            self.let_go(now);
            self.notice_absence(now);
            self.session.expire(now);
            self.answer(now);
            self.write_line(cx, now);
            // Requests that have left or are answered have made room for others. Room that answers and writes have made
            // lets parked frames in, and those are to be written now; or it opens a way that was closed.
            let writes = self.session.has_for_backend() && self.can_write(cx);
            if !all_taken || writes || self.open_ways().opened_since(before) {
                continue;
            }
            self.place.holds(self.bytes());
            if self.session.is_over() && self.waiting.is_empty() && self.line.is_none() {
                return Poll::Ready(());
            }
            if more_said || more_sent {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let line = self.line.as_ref().and_then(|line| line.deadline());
            let deadlines = [self.session.deadline(), self.dialect.deadline(), line];
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

    fn open_ways(&self) -> OpenWays {
        OpenWays {
            from_backend: self.session.reads_backend(),
            from_line: self.line.is_some() && self.dialect.hears(&self.session),
        }
    }

    /// Takes requests in. `false`: there may be more, but no place for them yet, and nobody will wake us for them.
    fn take_calls(&mut self, now: Instant) -> bool {
        while let Some(key) = self.waiting.free() {
            let Some(call) = self.door.take() else {
                return true;
            };
            match call {
                Call::Request { request, answer } => {
                    self.requests += 1;
                    self.waiting.put(key, answer);
                    self.session.present(true, now);
                    self.dialect.request(&mut self.session, key, request, now);
                }
                Call::Line(connection, claim) => self.attach(connection, claim, now),
            }
        }
        false
    }

    /// A client has one WebSocket at most.
    fn attach(&mut self, connection: BoxedConnection, claim: Option<Taken>, now: Instant) {
        if self.line.is_none() && self.session.client() == Client::Live {
            let counted = self.metrics.websocket();
            let line = Line::new(connection, claim, counted, self.max_message);
            self.line = Some(Box::new(line));
            self.dialect.attach(&mut self.session, now);
        } else {
            tokio::spawn(dismiss(connection));
        }
    }

    /// Takes what the client says on its own WebSocket. `true`: there may be more.
    fn read_line(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        for _ in 0..READS {
            let Some(line) = self.line.as_mut() else {
                return false;
            };
            if !self.dialect.hears(&self.session) {
                return false;
            }
            let Poll::Ready(said) = line.poll_read(cx, now) else {
                return false;
            };
            self.dialect.hear(&mut self.session, said, now);
        }
        true
    }

    /// Tells the client's own WebSocket what there is, as far as it takes it.
    fn write_line(&mut self, cx: &mut Context<'_>, now: Instant) {
        while let Some(line) = &mut self.line {
            let next = match line.poll_ready(cx) {
                Some(true) => self.dialect.tell(&mut self.session, now),
                Some(false) => None,
                None => return self.lose_line(now),
            };
            let Some(next) = next else {
                break;
            };
            if let ToLine::Close(close) = &next {
                self.close.get_or_insert_with(|| close.clone());
            }
            line.say(next, now);
        }
        if let (Some(line), Client::Closed | Client::Gone) = (&mut self.line, self.session.client())
        {
            line.leave(now);
        }
        if self
            .line
            .as_mut()
            .is_some_and(|line| !line.poll_flush(cx, now))
        {
            self.lose_line(now);
        }
    }

    fn lose_line(&mut self, now: Instant) {
        if self.line.take().is_some_and(|line| !line.has_ended()) {
            self.dialect.hear(&mut self.session, FromLine::Lost, now);
        }
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
            match next {
                ToBackend::Message(message) => socket.give(message),
                ToBackend::Close(close) => socket.close(&close),
            }
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
                self.dialect.message(&mut self.session, message, now);
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
        self.waiting
            .forget_abandoned(|key| self.dialect.forget(&mut self.session, key, now));
        let here = self.line.is_some() || self.door.presence.is_here();
        self.session.present(here, now);
    }

    fn answer(&mut self, now: Instant) {
        loop {
            let room = |key| self.waiting.has_room(key);
            let answer = self.dialect.answer(&mut self.session, now, room);
            let Some(mut answer) = answer else {
                return;
            };
            if matches!(answer.part, Part::Whole | Part::End | Part::Cut) {
                self.metrics.answered(answer.outcome);
            }
            self.close = self.close.take().or_else(|| answer.close.take());
            self.waiting.answer(answer);
        }
    }

    /// The memory that messages take, in bytes.
    fn bytes(&self) -> usize {
        let line = self.line.as_ref().map_or(0, |line| line.bytes());
        let socket = self.socket.as_ref().map_or(0, Socket::bytes);
        self.session.bytes() + self.dialect.bytes() + socket + line
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
