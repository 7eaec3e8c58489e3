//! One session's polls and posts, and its WebSocket once it has upgraded, without sockets. Packets pass as they are: the
//! backend pings, times out and closes; here is only decided what each request is answered, and when.

mod dialect;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;

use super::Revision;
use super::jsonp::Callback;
use super::line::Line;
use super::packet::Id;
use super::payload::{Form, encode};
use super::refusal::{Code, Refusal};
use crate::dialect::{Answer, Key, Part};
use crate::session::{Client, Close, Ended, Frame, Message, Session, Took};

/// How long a poll that broke off waits for the same request again: browsers repeat a GET whose keep-alive connection
/// turned out to be closed, and nobody knows of it.
const GRACE: Duration = Duration::from_secs(2);

/// A client that upgrades is answered its polls with nothing, this long after its probe and this far apart. One that has
/// upgraded polls no more; such a request and the word for the upgrade come over different connections, and may be heard
/// in either order.
const NOOP_SPACING: Duration = Duration::from_millis(100);

/// How long a client that has closed its session may still be on its way with a poll, over another connection.
const LATE: Duration = Duration::from_millis(250);

/// What the backend and its client have agreed upon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) revision: Revision,
    /// The form of payloads that the client takes.
    pub(crate) takes: Form,
    /// How long a ping may be unanswered.
    pub(crate) ping_timeout: Duration,
}

/// What a client asks of a session that there is.
#[derive(Debug)]
pub(crate) enum Request {
    /// The packets that there are.
    Poll {
        /// What makes the request's URL another.
        mark: Option<String>,
        callback: Option<Callback>,
    },
    /// To pass packets on.
    Post {
        mark: Option<String>,
        packets: Vec<Message>,
    },
    /// By another transport than the session's.
    Mismatch,
    /// Something that ends the session.
    Fault,
}

/// The requests of one session.
#[derive(Debug)]
pub(crate) struct Conversation {
    settings: Settings,
    poll: Option<Poll>,
    /// A poll broke off.
    broken: Option<Broken>,
    posts: VecDeque<Post>,
    replies: VecDeque<Answer>,
    last_poll: Option<Remembered>,
    last_post: Option<String>,
    /// Since when the backend waits for an answer to its ping.
    pinged: Option<Instant>,
    /// When a poll may be answered with nothing, while the client upgrades.
    noop_at: Option<Instant>,
    /// The client was told something after the backend had closed, and comes for the end.
    owes_end: bool,
    line: Option<Line>,
    upgraded: bool,
    /// The client has closed; until when its poll may come.
    closing: Option<Instant>,
}

#[derive(Debug)]
struct Poll {
    key: Key,
    since: Instant,
    mark: Option<String>,
    callback: Option<Callback>,
}

#[derive(Debug)]
struct Broken {
    mark: String,
    until: Instant,
}

/// Packets that wait for room.
#[derive(Debug)]
struct Post {
    /// `None`: nobody waits for its answer.
    key: Option<Key>,
    mark: Option<String>,
    next: Option<Message>,
    packets: std::vec::IntoIter<Message>,
}

/// The answer to a poll, for whoever did not get it.
#[derive(Debug)]
struct Remembered {
    mark: String,
    content_type: &'static str,
    content: Bytes,
}

impl Conversation {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            poll: None,
            broken: None,
            posts: VecDeque::new(),
            replies: VecDeque::new(),
            last_poll: None,
            last_post: None,
            pinged: None,
            noop_at: None,
            owes_end: false,
            line: None,
            upgraded: false,
            closing: None,
        }
    }

    fn poll(&mut self, session: &mut Session, poll: Poll, now: Instant) {
        let known = self
            .last_poll
            .as_ref()
            .filter(|last| poll.mark.as_ref() == Some(&last.mark));
        if let Some(known) = known {
            let answer = Answer {
                content_type: Some(known.content_type),
                ..ok(poll.key, known.content.clone())
            };
            return self.replies.push_back(answer);
        }
        if self.closing.take().is_some() {
            self.reply(&poll, &[Message::text("6")], None);
            return drain(session, now);
        }
        // Whoever asks for more has it.
        self.last_poll = None;
        self.expire(session, now);
        if let Some(code) = self.refusal(session) {
            return self.refuse(poll.key, code);
        }
        let broken = self.broken.take();
        if broken.is_some_and(|broken| poll.mark.as_ref() != Some(&broken.mark)) {
            self.refuse(poll.key, Code::UnknownSession);
            return session.abandon(now);
        }
        match self.poll.take() {
            Some(old) if old.mark.is_some() && old.mark == poll.mark => {
                self.replies.push_back(cut(old.key));
                self.poll = Some(poll);
            }
            Some(old) => {
                self.poll = Some(old);
                self.fail(session, poll.key, now);
            }
            None => self.poll = Some(poll),
        }
    }

    fn post(&mut self, session: &mut Session, post: Post, now: Instant) {
        let Some(key) = post.key else {
            return;
        };
        if post.mark.is_some() && post.mark == self.last_post {
            return self.replies.push_back(done(key));
        }
        if let Some(code) = self.refusal(session) {
            return self.refuse(key, code);
        }
        match self.posts.front_mut() {
            Some(old) if old.mark.is_some() && old.mark == post.mark => {
                let old = old.key.replace(key);
                self.replies.extend(old.map(cut));
            }
            Some(_) => self.fail(session, key, now),
            None => {
                self.posts.push_back(post);
                self.pass_on(session, now);
            }
        }
    }

    /// Why nothing more is asked of the session, if so.
    fn refusal(&self, session: &Session) -> Option<Code> {
        match session.client() {
            _ if self.closing.is_some() => Some(Code::UnknownSession),
            Client::Live if self.upgraded => Some(Code::BadRequest),
            Client::Live => None,
            Client::Closed | Client::Gone => Some(Code::UnknownSession),
        }
    }

    /// The backend closes a session whose client is silent; its Close may be on its way still.
    fn expire(&mut self, session: &mut Session, now: Instant) {
        // A little early, since the backend's clock began before ours.
        let silent = |pinged| now >= pinged + self.settings.ping_timeout.mul_f32(0.95);
        if self.pinged.is_some_and(silent) && !self.upgraded {
            session.abandon(now);
        }
    }

    /// Refuses a request that may not be, and ends the session. A poll that waits is told so.
    fn fail(&mut self, session: &mut Session, key: Key, now: Instant) {
        self.refuse(key, Code::BadRequest);
        if let Some(poll) = self.poll.take() {
            self.reply(&poll, &[Message::text("1")], None);
        }
        session.abandon(now);
    }

    /// Passes on what the client has said, as far as there is room.
    fn pass_on(&mut self, session: &mut Session, now: Instant) {
        while let Some(post) = self.posts.front_mut() {
            if session.client() == Client::Gone {
                let key = self.posts.pop_front().and_then(|post| post.key);
                key.into_iter()
                    .for_each(|key| self.refuse(key, Code::UnknownSession));
                continue;
            }
            let Some(packet) = post.next.take().or_else(|| post.packets.next()) else {
                let post = self.posts.pop_front();
                self.posted(post);
                continue;
            };
            if self.takes_itself(&packet, session, now) {
                continue;
            }
            if let (Took::Full, Some(post)) =
                (session.say(packet.clone(), now), self.posts.front_mut())
            {
                post.next = Some(packet);
                return;
            }
        }
        self.posts.shrink_to(1);
    }

    fn posted(&mut self, post: Option<Post>) {
        let Some(post) = post else {
            return;
        };
        if post.mark.is_some() {
            self.last_post = post.mark;
        }
        self.replies.extend(post.key.map(done));
    }

    /// Whether a packet is for us, not for the backend.
    fn takes_itself(&mut self, packet: &Message, session: &mut Session, now: Instant) -> bool {
        match Id::of(self.settings.revision, packet) {
            _ if self.upgraded => false,
            Some(Id::Close) => {
                session.end(Close::default(), Close::default(), Ended::Client, now);
                match self.poll.take() {
                    Some(poll) => {
                        self.reply(&poll, &[Message::text("6")], None);
                        drain(session, now);
                    }
                    None => self.closing = Some(now + LATE),
                }
                true
            }
            Some(Id::Upgrade | Id::Noop) => true,
            Some(Id::Pong) => {
                self.pinged = None;
                false
            }
            _ => false,
        }
    }

    /// Answers the poll that waits, if there is something to say.
    fn answer_poll(&mut self, session: &mut Session, now: Instant) {
        let Some(poll) = self.poll.take() else {
            return;
        };
        if session.client() == Client::Gone {
            return self.refuse(poll.key, Code::UnknownSession);
        }
        let packets = match self.upgraded {
            true => Vec::new(),
            false => packets(session, now),
        };
        let upgrading = self.line.as_ref().is_some_and(Line::is_probed);
        if !packets.is_empty() {
            self.owes_end = session.to_client().is_closed();
            self.reply(&poll, &packets, None);
        } else if let Some(close) = self.end(session, now) {
            self.reply(&poll, &[Message::text("1")], Some(close));
        } else if self.upgraded && now < poll.since + NOOP_SPACING {
            self.refuse(poll.key, Code::BadRequest);
        } else if self.upgraded || (upgrading && self.noop_at.is_some_and(|at| at <= now)) {
            self.noop_at = Some(now + NOOP_SPACING);
            self.reply(&poll, &[Message::text("6")], None);
        } else {
            self.poll = Some(poll);
        }
    }

    /// The end, if it is what comes next. It has an answer of its own: clients hand packets on a moment later than they
    /// close, and drop what came in one payload with that.
    fn end(&self, session: &mut Session, now: Instant) -> Option<Close> {
        if self.upgraded {
            return None;
        }
        match session.next_to_client(now)? {
            Frame::Close(close) => Some(close),
            // Messages were taken before, and nothing here is cut into fragments.
            Frame::Message(_) | Frame::Fragment(_) | Frame::Last(_) => None,
        }
    }

    /// Whether it is a ping that its client must answer.
    fn is_ping(&self, packet: &Message) -> bool {
        self.settings.revision == Revision::V4 && packet.payload == "2"
    }

    /// A client that is away when the backend closes is told so by the session's absence, unless there is something else
    /// for it.
    fn forget_pings(&mut self, session: &mut Session, now: Instant) {
        let comes = self.poll.is_some() || self.closing.is_some() || self.owes_end;
        if comes || self.upgraded || !session.to_client().is_closed() {
            return;
        }
        let worthless = session.to_client().after(0).all(|(_, frame)| match frame {
            Frame::Message(packet) => self.is_ping(packet),
            _ => true,
        });
        if worthless {
            drain(session, now);
        }
    }

    fn reply(&mut self, poll: &Poll, packets: &[Message], close: Option<Close>) {
        let encoded = encode(self.settings.revision, self.settings.takes, packets);
        let content = match &poll.callback {
            Some(callback) => callback.script(&encoded.body),
            None => encoded.body,
        };
        let content_type = encoded.form.content_type();
        self.last_poll = poll.mark.clone().map(|mark| Remembered {
            mark,
            content_type,
            content: content.clone(),
        });
        self.replies.push_back(Answer {
            content_type: Some(content_type),
            outcome: if close.is_some() { "closed" } else { "ok" },
            close,
            ..ok(poll.key, content)
        });
    }

    fn refuse(&mut self, key: Key, code: Code) {
        let refusal = Refusal::from(code);
        self.replies.push_back(Answer {
            status: refusal.status(),
            content_type: Some(Refusal::CONTENT_TYPE),
            outcome: "refused",
            ..ok(key, refusal.body())
        });
    }
}

/// Its client wants nothing of it any more.
fn drain(session: &mut Session, now: Instant) {
    while session.next_to_client(now).is_some() {}
}

/// All that is there for the client, up to the end.
fn packets(session: &mut Session, now: Instant) -> Vec<Message> {
    let is_message = |session: &Session| {
        let next = session.to_client().after(0).next();
        matches!(next, Some((_, Frame::Message(_))))
    };
    let mut packets = Vec::new();
    while is_message(session) {
        if let Some(Frame::Message(packet)) = session.next_to_client(now) {
            packets.push(packet);
        }
    }
    packets
}

fn ok(key: Key, content: Bytes) -> Answer {
    Answer {
        key,
        part: Part::Whole,
        status: StatusCode::OK,
        content_type: None,
        content,
        outcome: "ok",
        close: None,
    }
}

/// What a post is answered.
fn done(key: Key) -> Answer {
    Answer {
        content_type: Some("text/html"),
        ..ok(key, Bytes::from_static(b"ok"))
    }
}

fn cut(key: Key) -> Answer {
    Answer {
        part: Part::Cut,
        outcome: "superseded",
        ..ok(key, Bytes::new())
    }
}

#[cfg(test)]
mod tests;
