//! One session's task: it owns the core and the WebSocket to the backend, takes the client's requests in, and answers
//! them. Everything happens in one `poll`, so nothing is locked and no wait hides another.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use crate::admission::Place;
use crate::backend::{Report, Traffic};
use crate::body::Body;
use crate::dialect::towpath::polls::{Answer, Key, Part, Polls};
use crate::dialect::towpath::write;
use crate::door::Door;
use crate::metrics::Metrics;
use crate::session::{Close, Ended, Fault, Kind, Message, Session, ToBackend};

/// Requests of a session that may be under way at once.
pub(crate) const REQUESTS: usize = 3;

/// What is read from a backend at once, and kept for it, in bytes. Messages that are longer have memory of their own.
const READ_BUFFER: usize = 4096;

/// Written to a backend at once, in bytes.
const WRITE_BUFFER: usize = 16 << 10;

/// Messages read before others have their turn.
const READS: usize = 256;

/// Parts of a stream that wait to be written.
const PARTS: usize = 2;

/// What a session is made of.
pub(crate) struct Parts<S, E> {
    pub(crate) stream: S,
    pub(crate) session: Session,
    pub(crate) polls: Polls,
    pub(crate) door: Arc<Door>,
    pub(crate) place: Place,
    pub(crate) ending: E,
    pub(crate) max_message: usize,
    pub(crate) metrics: Metrics,
}

/// The state of the task.
struct Pump<S> {
    socket: Option<WebSocketStream<S>>,
    /// Nothing more comes from the backend.
    read_over: bool,
    /// Something was written that may not have left.
    unflushed: bool,
    session: Session,
    polls: Polls,
    door: Arc<Door>,
    waiting: [Option<Waiting>; REQUESTS + 1],
    place: Place,
    began: Instant,
    from_client: Traffic,
    from_backend: Traffic,
    requests: u64,
    close: Option<Close>,
    metrics: Metrics,
}

/// A request that is not answered, or not to the end.
#[derive(Debug)]
enum Waiting {
    Whole(oneshot::Sender<Body>),
    Stream(mpsc::Sender<Bytes>),
}

/// Carries a session to its end.
///
/// Not cancel-safe: dropping the future cuts both sides.
pub(crate) async fn run<S, E>(parts: Parts<S, E>) -> (Report, Place)
where
    S: AsyncRead + AsyncWrite + Unpin,
    E: Future<Output = ()>,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(parts.max_message))
        .max_frame_size(Some(parts.max_message));
    let socket = WebSocketStream::from_raw_socket(parts.stream, Role::Client, Some(config)).await;
    let mut pump = Pump {
        socket: Some(socket),
        read_over: false,
        unflushed: false,
        session: parts.session,
        polls: parts.polls,
        door: parts.door,
        waiting: Default::default(),
        place: parts.place,
        began: Instant::now(),
        from_client: Traffic::default(),
        from_backend: Traffic::default(),
        requests: 0,
        close: None,
        metrics: parts.metrics,
    };
    let mut ending = std::pin::pin!(parts.ending);
    let mut told = false;
    let mut timer = std::pin::pin!(tokio::time::sleep_until(Instant::now().into()));
    std::future::poll_fn(|cx| {
        if !told && ending.as_mut().poll(cx).is_ready() {
            told = true;
            pump.drain();
        }
        pump.poll(cx, timer.as_mut())
    })
    .await;
    pump.report()
}

impl<S> Pump<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn drain(&mut self) {
        let now = now();
        let client = Close::new(1012, "service restart");
        self.session
            .end(client, Close::new(1001, "going away"), Ended::Drain, now);
    }

    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        // Before anything is looked at, so that no end of a request goes unnoticed.
        self.door.presence.waker.register(cx.waker());
        loop {
            let now = now();
            self.session.press(self.place.is_pressed(), now);
            self.take_calls(now);
            self.write_backend(cx, now);
            let more = self.read_backend(cx, now);
            self.flush_backend(cx, now);
            self.let_go(now);
            self.notice_absence(now);
            self.session.expire(now);
            self.answer(now);
            // Room that answers and writes have made lets parked frames in, and those are to be written now.
            if self.session.has_for_backend() && self.can_write(cx) {
                continue;
            }
            self.place.holds(self.session.bytes());
            if self.session.is_over() && self.is_answered() {
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

    fn take_calls(&mut self, now: Instant) {
        while let Some(key) = self.waiting.iter().position(Option::is_none) {
            let Some(call) = self.door.take() else {
                return;
            };
            self.requests += 1;
            if let Some(free) = self.waiting.get_mut(key) {
                *free = Some(Waiting::Whole(call.answer));
            }
            self.session.present(true, now);
            self.polls
                .request(&mut self.session, key, call.request, now);
        }
    }

    /// Gives the backend what is queued for it, as far as it takes it.
    fn write_backend(&mut self, cx: &mut Context<'_>, now: Instant) {
        while self.session.has_for_backend() && self.can_write(cx) {
            let (Some(next), Some(socket)) = (self.session.next_to_backend(), &mut self.socket)
            else {
                break;
            };
            if let ToBackend::Message(message) = &next {
                self.from_client.messages += 1;
                self.from_client.bytes += message.payload.len() as u64;
            }
            self.unflushed = true;
            if Pin::new(socket).start_send(to_tungstenite(next)).is_err() {
                return self.lose_backend(now);
            }
        }
    }

    fn flush_backend(&mut self, cx: &mut Context<'_>, now: Instant) {
        if let (true, Some(socket)) = (self.unflushed, &mut self.socket) {
            match Pin::new(socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => self.lose_backend(now),
                Poll::Pending => {}
            }
        }
    }

    fn can_write(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.socket {
            Some(socket) => Pin::new(socket).poll_ready(cx).is_ready(),
            None => false,
        }
    }

    /// Takes what the backend has sent, as far as there is room. `true`: there may be more.
    fn read_backend(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        for _ in 0..READS {
            if self.read_over || !self.session.reads_backend() {
                break;
            }
            let Some(socket) = &mut self.socket else {
                break;
            };
            match Pin::new(socket).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => self.received(message, now),
                Poll::Ready(Some(Err(error))) => self.failed(&error, now),
                Poll::Ready(None) => self.read_over = true,
                Poll::Pending => return false,
            }
        }
        self.session.reads_backend() && !self.read_over && self.socket.is_some()
    }

    fn failed(&mut self, error: &tungstenite::Error, now: Instant) {
        match error {
            tungstenite::Error::Capacity(_) => self.session.backend_fault(Fault::TooBig, now),
            tungstenite::Error::Utf8(_) => self.session.backend_fault(Fault::NotUtf8, now),
            tungstenite::Error::Protocol(error)
                if *error != ProtocolError::ResetWithoutClosingHandshake =>
            {
                let close = Close::new(1002, "protocol error");
                self.session.end(Close::abnormal(), close, Ended::Lost, now);
            }
            _ => self.read_over = true,
        }
    }

    fn received(&mut self, message: tungstenite::Message, now: Instant) {
        let message = match message {
            tungstenite::Message::Text(text) => Message::text(Bytes::from(text)),
            tungstenite::Message::Binary(payload) => Message::binary(payload),
            tungstenite::Message::Close(close) => {
                // Its answer waits to be written.
                self.unflushed = true;
                return self.session.backend_closed(from_tungstenite(close), now);
            }
            // Answered by tungstenite itself.
            _ => return,
        };
        self.from_backend.messages += 1;
        self.from_backend.bytes += message.payload.len() as u64;
        self.session.message(message, now);
    }

    /// Closes the backend's connection when it is of no more use.
    fn let_go(&mut self, now: Instant) {
        let told = !self.session.has_for_backend() && !self.unflushed;
        if self.socket.is_some()
            && self.read_over
            && (told || !self.session.to_client().is_closed())
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
        for (key, waiting) in self.waiting.iter_mut().enumerate() {
            if waiting.as_ref().is_some_and(Waiting::is_abandoned) {
                *waiting = None;
                self.polls.forget(key);
            }
        }
        self.session.present(self.door.presence.is_here(), now);
    }

    fn answer(&mut self, now: Instant) {
        loop {
            let waiting = &self.waiting;
            let room = |key: Key| waiting.get(key).is_some_and(has_room);
            let Some(answer) = self.polls.answer(&mut self.session, now, room) else {
                return;
            };
            if matches!(answer.part, Part::Whole | Part::End) {
                self.metrics.answered(answer.head.status);
            }
            let body = write(&self.session, &answer);
            self.close = self
                .close
                .take()
                .or_else(|| close_in(&self.session, &answer));
            self.hand_over(&answer, body);
        }
    }

    fn hand_over(&mut self, answer: &Answer, content: Bytes) {
        let Some(place) = self.waiting.get_mut(answer.key) else {
            return;
        };
        // A client that is gone by now is noticed by its absence.
        *place = match (place.take(), answer.part) {
            (Some(Waiting::Whole(sender)), Part::Begin) => {
                let (parts, receiver) = mpsc::channel(PARTS);
                let _ = parts.try_send(content);
                let _ = sender.send(Body::stream(receiver));
                Some(Waiting::Stream(parts))
            }
            (Some(Waiting::Whole(sender)), _) => {
                let _ = sender.send(Body::whole(content));
                None
            }
            (Some(Waiting::Stream(parts)), part) => {
                let _ = parts.try_send(content);
                (part == Part::More).then_some(Waiting::Stream(parts))
            }
            (None, _) => None,
        };
    }

    fn is_answered(&self) -> bool {
        self.waiting.iter().all(Option::is_none)
    }

    fn report(self) -> (Report, Place) {
        let report = Report {
            duration: self.began.elapsed(),
            from_client: self.from_client,
            from_backend: self.from_backend,
            requests: self.requests,
            close: self.close,
            ended: self.session.ended().unwrap_or(Ended::Lost),
        };
        (report, self.place)
    }
}

impl Waiting {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Whole(sender) => sender.is_closed(),
            Self::Stream(parts) => parts.is_closed(),
        }
    }
}

/// Whether a stream takes another part.
fn has_room(waiting: &Option<Waiting>) -> bool {
    match waiting {
        Some(Waiting::Stream(parts)) => parts.capacity() > 0,
        _ => false,
    }
}

/// The close that an answer carries.
fn close_in(session: &Session, answer: &Answer) -> Option<Close> {
    let (number, frame) = session.to_client().after(answer.after).last()?;
    match frame {
        crate::session::Frame::Close(close) if number <= answer.last => Some(close.clone()),
        _ => None,
    }
}

fn to_tungstenite(next: ToBackend) -> tungstenite::Message {
    match next {
        ToBackend::Message(Message {
            kind: Kind::Text,
            payload,
        }) => match Utf8Bytes::try_from(payload) {
            Ok(text) => tungstenite::Message::Text(text),
            // The inbox lets nothing else pass as text.
            Err(_) => tungstenite::Message::Close(None),
        },
        ToBackend::Message(message) => tungstenite::Message::Binary(message.payload),
        ToBackend::Close(close) => tungstenite::Message::Close(close.code.map(|code| CloseFrame {
            code: code.into(),
            reason: close.reason.into(),
        })),
    }
}

fn from_tungstenite(close: Option<CloseFrame>) -> Close {
    match close {
        Some(frame) => Close::new(frame.code.into(), frame.reason.as_str()),
        None => Close::default(),
    }
}

/// tokio's clock, which tests may hold.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
