//! One session's requests and its WebSocket, told as stories. A story has a clock that it moves itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::dialect::{Dialect, FromLine, ToLine};
use crate::session::{Limits, ToBackend};

mod ending;
mod polling;
mod posting;
mod upgrading;

const PING_TIMEOUT: Duration = Duration::from_secs(20);

const UNKNOWN: (u16, &str) = (400, r#"{"code":1,"message":"Session ID unknown"}"#);
const BAD: (u16, &str) = (400, r#"{"code":3,"message":"Bad request"}"#);
const OK: (u16, &str) = (200, "ok");
/// Nobody is there to be told anything.
const CUT: (u16, &str) = (0, "");

/// A session, and what its client and its backend do.
struct Story {
    now: Instant,
    session: Session,
    conversation: Conversation,
    keys: Key,
}

impl Story {
    fn new() -> Self {
        Self::with(Revision::V4, Limits::default())
    }

    fn with(revision: Revision, limits: Limits) -> Self {
        let now = Instant::now();
        let limits = Limits {
            fragment: usize::MAX,
            ..limits
        };
        let settings = Settings {
            revision,
            takes: Form::Text,
            ping_timeout: PING_TIMEOUT,
        };
        Self {
            now,
            session: Session::new(limits, now),
            conversation: Conversation::new(settings),
            keys: 0,
        }
    }

    fn ask(&mut self, request: Request) -> Key {
        self.keys += 1;
        self.conversation
            .request(&mut self.session, self.keys, request, self.now);
        self.keys
    }

    fn poll(&mut self, mark: &str) -> Key {
        self.ask(Request::Poll {
            mark: marked(mark),
            callback: None,
        })
    }

    fn post(&mut self, mark: &str, packets: &[&'static str]) -> Key {
        self.ask(Request::Post {
            mark: marked(mark),
            packets: packets.iter().map(|text| Message::text(*text)).collect(),
        })
    }

    fn leave(&mut self, key: Key) {
        self.conversation.forget(&mut self.session, key, self.now);
    }

    /// The answers that are due, by their keys.
    fn answers(&mut self) -> Vec<(Key, (u16, String))> {
        let mut told = Vec::new();
        while let Some(answer) = self
            .conversation
            .answer(&mut self.session, self.now, |_| false)
        {
            told.push((answer.key, said(&answer)));
        }
        told.sort_by_key(|(key, _)| *key);
        told
    }

    /// Checks what is answered now, to the last answer.
    #[track_caller]
    fn expect(&mut self, expected: &[(Key, (u16, &str))]) {
        let answers = self.answers();
        let answers: Vec<_> = answers
            .iter()
            .map(|(key, (status, content))| (*key, (*status, content.as_str())))
            .collect();
        assert_eq!(answers, expected);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Passes the time up to the next deadline, and gives how long that was.
    fn pass_to_deadline(&mut self) -> Duration {
        let at = self.conversation.deadline().unwrap();
        let time = at - self.now;
        self.now = at;
        time
    }

    /// The backend says something.
    fn say(&mut self, text: &'static str) {
        self.say_message(Message::text(text));
    }

    fn say_message(&mut self, message: Message) {
        self.conversation
            .message(&mut self.session, message, self.now);
    }

    fn close(&mut self, code: u16) {
        self.session.backend_closed(Close::new(code, ""), self.now);
    }

    /// What the backend gets.
    fn backend(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.next_to_backend())
            .map(|next| match next {
                ToBackend::Message(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
                ToBackend::Close(close) => format!("close {:?}", close.code),
            })
            .collect()
    }

    fn attach(&mut self) {
        self.conversation.attach(&mut self.session, self.now);
    }

    /// The client says something on its WebSocket.
    fn hear(&mut self, text: &'static str) {
        self.hear_of(FromLine::Message(Message::text(text)));
    }

    fn hear_of(&mut self, said: FromLine) {
        self.conversation.hear(&mut self.session, said, self.now);
    }

    /// What the client is told there.
    fn told(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.conversation.tell(&mut self.session, self.now))
            .map(|told| match told {
                ToLine::Message(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
                ToLine::Ping => "ping".to_owned(),
                ToLine::Close(close) => format!("close {:?}", close.code),
                ToLine::Cut => "cut".to_owned(),
            })
            .collect()
    }

    /// A client that has upgraded.
    fn upgraded() -> Self {
        let mut story = Self::new();
        story.attach();
        story.hear("2probe");
        assert_eq!(story.told(), ["3probe"]);
        story.hear("5");
        story
    }
}

/// No mark is an empty one.
fn marked(mark: &str) -> Option<String> {
    (!mark.is_empty()).then(|| mark.to_owned())
}

fn said(answer: &Answer) -> (u16, String) {
    match answer.part {
        Part::Whole => {
            let content = String::from_utf8_lossy(&answer.content);
            (answer.status.as_u16(), content.into_owned())
        }
        Part::Cut => (0, String::new()),
        part => panic!("nothing is streamed here: {part:?}"),
    }
}
