//! One session's requests, or its WebSocket, without sockets: who receives, what is sent, and when a frame is due.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;

use super::frame;
use super::line::Line;
use super::messages::Messages;
use super::transport::Receiving;
use crate::dialect::{Answer, Dialect, FromLine, Key, Part, ToLine};
use crate::session::{Client, Close, Fault, Frame, Kind, Message, Session, Took};

/// How long a second receiving request waits for the word that the first one's client is gone: the two come over
/// different connections, and a client that leaves one and goes on over the other may be heard in either order.
const GRACE: Duration = Duration::from_millis(100);

/// A poll that comes on the heels of messages for the backend, and finds some of the backend's, waits so long for more,
/// rather than being spent on the first of the answers to them.
const GATHER: Duration = Duration::from_millis(10);

/// What becomes of a backend's binary message, which SockJS has no words for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binary {
    /// It ends the session with 1003.
    #[default]
    Close,
    /// It goes on as text, in base64 (RFC 4648 §4).
    Base64,
}

/// What a service says of its sessions.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// A streaming response ends after so much, in bytes.
    pub response_limit: usize,
    /// A client that is told nothing for so long gets a sign of life.
    pub heartbeat: Duration,
    /// What becomes of binary messages.
    pub binary: Binary,
}

/// What a client asks of a session that there is.
#[derive(Debug)]
pub(crate) enum Request {
    /// The next frames.
    Receive(Receiving),
    /// To pass messages on.
    Send(Messages),
}

/// The requests of one session.
#[derive(Debug)]
pub(crate) struct Conversation {
    settings: Settings,
    /// The client knows that it is open.
    opened: bool,
    receiver: Option<Receiver>,
    rival: Option<Rival>,
    sendings: VecDeque<Sending>,
    /// When a message for the backend was last taken.
    sent: Option<Instant>,
    replies: VecDeque<Answer>,
    line: Option<Line>,
    /// What the client was told in the end, for whoever asks again.
    farewell: Option<Close>,
}

/// The request that gets the frames.
#[derive(Debug)]
struct Receiver {
    key: Key,
    transport: Receiving,
    begun: bool,
    /// Bytes of frames, so far.
    sent: usize,
    heartbeat: Instant,
    /// What was written has not left.
    blocked: bool,
    /// Until when it waits for more.
    gathers: Option<Instant>,
}

/// A second request that wants the frames.
#[derive(Debug)]
struct Rival {
    key: Key,
    transport: Receiving,
    until: Instant,
}

/// Messages that wait for room.
#[derive(Debug)]
struct Sending {
    /// `None`: nobody waits for its answer any more.
    key: Option<Key>,
    next: Option<Message>,
    messages: Messages,
}

/// What the session has for its client.
pub(super) enum News {
    Frame(Bytes),
    /// The last frame, and the close that it tells of.
    Last(Bytes, Close),
    /// There is nobody to tell, or nothing that could be told.
    Gone,
}

impl Conversation {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            opened: false,
            receiver: None,
            rival: None,
            sendings: VecDeque::new(),
            sent: None,
            replies: VecDeque::new(),
            line: None,
            farewell: None,
        }
    }

    fn receive(&mut self, session: &Session, key: Key, transport: Receiving, now: Instant) {
        if let Some(close) = &self.farewell {
            let close = close.clone();
            return self.dismiss(key, &transport, &close);
        }
        if session.client() == Client::Gone {
            return self.dismiss(key, &transport, &frame::interrupted());
        }
        if self.receiver.is_some() {
            return match self.rival {
                Some(_) => self.dismiss(key, &transport, &frame::still_open()),
                None => {
                    let until = now + GRACE;
                    self.rival = Some(Rival {
                        key,
                        transport,
                        until,
                    });
                }
            };
        }
        let finds_some = peek(session).is_some_and(|(_, frame)| matches!(frame, Frame::Message(_)));
        let gathers = self.sent.map(|sent| sent + GATHER);
        self.receiver = Some(Receiver {
            key,
            gathers: gathers.filter(|_| finds_some && !transport.streams()),
            transport,
            begun: false,
            sent: 0,
            heartbeat: now + self.settings.heartbeat,
            blocked: false,
        });
    }

    /// Tells a second receiving request that it is one, or what became of the first.
    fn dismiss_rival(&mut self, session: &Session, now: Instant) {
        let gone = session.client() == Client::Gone;
        let rival = self.rival.take_if(|rival| gone || rival.until <= now);
        let close = match gone {
            true => frame::interrupted(),
            false => frame::still_open(),
        };
        if let Some(rival) = rival {
            self.dismiss(rival.key, &rival.transport, &close);
        }
    }

    /// Tells a request the end, of whatever.
    fn dismiss(&mut self, key: Key, transport: &Receiving, close: &Close) {
        let last = transport.wrap(&frame::close(close));
        let mut part = Part::Whole;
        if transport.streams() {
            self.replies
                .push_back(answer(key, Part::Begin, transport.prelude(), "closed"));
            part = Part::End;
        }
        self.replies.push_back(answer(key, part, last, "closed"));
    }

    /// Passes on what clients have sent, as far as there is room.
    fn pass_on(&mut self, session: &mut Session, now: Instant) {
        while let Some(sending) = self.sendings.front_mut() {
            let Some(message) = sending.next.take().or_else(|| sending.messages.next()) else {
                self.sent(StatusCode::NO_CONTENT, "ok");
                continue;
            };
            match session.say(message.clone(), now) {
                Took::Accepted => self.sent = Some(now),
                Took::Full => {
                    sending.next = Some(message);
                    return;
                }
                Took::Over | Took::Gap => self.sent(StatusCode::NOT_FOUND, "gone"),
            }
        }
    }

    /// Answers the oldest sending.
    fn sent(&mut self, status: StatusCode, outcome: &'static str) {
        let sending = self.sendings.pop_front();
        if let Some(key) = sending.and_then(|sending| sending.key) {
            self.replies.push_back(Answer {
                status,
                ..answer(key, Part::Whole, Bytes::new(), outcome)
            });
        }
        if self.sendings.is_empty() {
            self.sendings = VecDeque::new();
        }
    }

    /// What the client is to be told next.
    pub(super) fn news(&mut self, session: &mut Session, now: Instant) -> Option<News> {
        if session.client() == Client::Gone {
            return Some(News::Gone);
        }
        if !self.opened {
            self.opened = true;
            return Some(News::Frame(Bytes::from_static(frame::OPEN)));
        }
        let mut messages = Vec::new();
        while let Some((_, Frame::Message(_))) = peek(session) {
            if let Some(Frame::Message(message)) = session.next_to_client(now) {
                messages.push(message);
            }
        }
        if !messages.is_empty() {
            return Some(News::Frame(frame::array(&messages)));
        }
        match session.next_to_client(now)? {
            Frame::Close(close) if close.abnormal => Some(News::Gone),
            Frame::Close(close) => {
                self.farewell = Some(close.clone());
                Some(News::Last(frame::close(&close), close))
            }
            // Nothing here is cut into fragments.
            Frame::Message(_) | Frame::Fragment(_) | Frame::Last(_) => None,
        }
    }

    fn answer_receiver(
        &mut self,
        session: &mut Session,
        now: Instant,
        room: impl Fn(Key) -> bool,
    ) -> Option<Answer> {
        let mut receiver = self.receiver.take()?;
        if receiver.transport.streams() && !receiver.begun {
            receiver.begun = true;
            let prelude = receiver.transport.prelude();
            let begin = answer(receiver.key, Part::Begin, prelude, "ok");
            self.receiver = Some(receiver);
            return Some(begin);
        }
        receiver.gathers.take_if(|until| *until <= now);
        if receiver.gathers.is_some() {
            self.receiver = Some(receiver);
            return None;
        }
        receiver.blocked = receiver.begun && !room(receiver.key);
        let news = match receiver.blocked {
            true => None,
            false => self.news(session, now),
        };
        let beats = !receiver.blocked && receiver.heartbeat <= now;
        let heartbeat = || News::Frame(Bytes::from_static(frame::HEARTBEAT));
        let Some(news) = news.or_else(|| beats.then(heartbeat)) else {
            self.receiver = Some(receiver);
            return None;
        };
        let told = receiver.tell(news, self.settings.response_limit);
        receiver.heartbeat = now + self.settings.heartbeat;
        if told.part == Part::More {
            self.receiver = Some(receiver);
        }
        Some(told)
    }
}

impl Receiver {
    fn tell(&mut self, news: News, limit: usize) -> Answer {
        let (frame, close) = match news {
            News::Frame(frame) => (frame, None),
            News::Last(frame, close) => (frame, Some(close)),
            News::Gone => return answer(self.key, Part::Cut, Bytes::new(), "gone"),
        };
        let content = self.transport.wrap(&frame);
        self.sent += content.len();
        let part = match () {
            () if !self.transport.streams() => Part::Whole,
            () if close.is_some() || self.sent >= limit => Part::End,
            () => Part::More,
        };
        let outcome = if close.is_some() { "closed" } else { "ok" };
        Answer {
            close,
            ..answer(self.key, part, content, outcome)
        }
    }
}

impl Dialect for Conversation {
    type Request = Request;

    fn request(&mut self, session: &mut Session, key: Key, request: Request, now: Instant) {
        match request {
            Request::Receive(transport) => self.receive(session, key, transport, now),
            Request::Send(messages) => {
                self.sendings.push_back(Sending {
                    key: Some(key),
                    next: None,
                    messages,
                });
                self.pass_on(session, now);
            }
        }
    }

    /// A client that leaves its receiving request may have lost what was on its way there, so that is the end. What it
    /// has sent was received.
    fn forget(&mut self, session: &mut Session, key: Key, now: Instant) {
        let mut sendings = self.sendings.iter_mut();
        if let Some(sending) = sendings.find(|sending| sending.key == Some(key)) {
            sending.key = None;
        }
        self.rival.take_if(|rival| rival.key == key);
        if self.receiver.take_if(|r| r.key == key).is_some() {
            session.abandon(now);
        }
    }

    fn answer(
        &mut self,
        session: &mut Session,
        now: Instant,
        room: impl Fn(Key) -> bool,
    ) -> Option<Answer> {
        self.pass_on(session, now);
        self.dismiss_rival(session, now);
        let reply = self.replies.pop_front();
        reply.or_else(|| self.answer_receiver(session, now, room))
    }

    fn deadline(&self) -> Option<Instant> {
        let receiver = self.receiver.as_ref().filter(|receiver| !receiver.blocked);
        let deadlines = [
            receiver.map(|receiver| receiver.heartbeat),
            receiver.and_then(|receiver| receiver.gathers),
            self.rival.as_ref().map(|rival| rival.until),
            self.line.as_ref().and_then(Line::deadline),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn message(&mut self, session: &mut Session, message: Message, now: Instant) {
        match (message.kind, self.settings.binary) {
            (Kind::Text, _) => session.message(message, now),
            (Kind::Binary, Binary::Base64) => {
                session.message(Message::text(STANDARD.encode(&message.payload)), now);
            }
            (Kind::Binary, Binary::Close) => session.backend_fault(Fault::Binary, now),
        }
    }

    fn attach(&mut self, _: &mut Session, now: Instant) {
        self.line = Some(Line::new(now + self.settings.heartbeat));
    }

    fn hears(&self, _: &Session) -> bool {
        self.sendings.is_empty()
    }

    fn hear(&mut self, session: &mut Session, said: FromLine, now: Instant) {
        let Some(line) = &mut self.line else {
            return;
        };
        if let Some(messages) = line.hear(session, said, now + self.settings.heartbeat, now) {
            self.sendings.push_back(Sending {
                key: None,
                next: None,
                messages,
            });
            self.pass_on(session, now);
        }
    }

    fn tell(&mut self, session: &mut Session, now: Instant) -> Option<ToLine> {
        let mut line = self.line.take()?;
        let told = line.tell(self, session, now);
        self.line = Some(line);
        told
    }

    fn bytes(&self) -> usize {
        self.sendings
            .iter()
            .map(|sending| sending.messages.bytes())
            .sum()
    }
}

fn peek(session: &Session) -> Option<(u64, &Frame)> {
    session.to_client().after(0).next()
}

fn answer(key: Key, part: Part, content: Bytes, outcome: &'static str) -> Answer {
    Answer {
        key,
        part,
        status: StatusCode::OK,
        content_type: None,
        content,
        outcome,
        close: None,
    }
}

#[cfg(test)]
mod tests;
