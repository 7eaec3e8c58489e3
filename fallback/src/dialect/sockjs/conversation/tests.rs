//! Stories of one session's requests, and of its WebSocket.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::session::{Ended, Limits, ToBackend};

const SETTINGS: Settings = Settings {
    response_limit: 40,
    heartbeat: Duration::from_secs(25),
    binary: Binary::Close,
};

const SECOND: Duration = Duration::from_secs(1);

/// A session, and a clock that goes on when it is told to.
struct Story {
    conversation: Conversation,
    session: Session,
    now: Instant,
    room: bool,
}

impl Story {
    fn new() -> Self {
        Self::with(SETTINGS, 1 << 20)
    }

    fn with(settings: Settings, credit: usize) -> Self {
        let now = Instant::now();
        let limits = Limits {
            fragment: usize::MAX,
            credit,
            resume: 5 * SECOND,
            unused: 5 * SECOND,
            ..Limits::default()
        };
        Self {
            conversation: Conversation::new(settings),
            session: Session::new(limits, now),
            now,
            room: true,
        }
    }

    /// One whose client knows that it is open, by a poll.
    fn opened() -> Self {
        let mut story = Self::new();
        story.receive(0, Receiving::Xhr);
        assert_eq!(story.answers(), ["0 whole o\n"]);
        story
    }

    fn receive(&mut self, key: Key, transport: Receiving) {
        let request = Request::Receive(transport);
        let Self {
            conversation,
            session,
            now,
            ..
        } = self;
        conversation.request(session, key, request, *now);
    }

    fn send(&mut self, key: Key, array: &str) {
        let messages = Messages::of_array(Bytes::copy_from_slice(array.as_bytes())).unwrap();
        let request = Request::Send(messages);
        self.conversation
            .request(&mut self.session, key, request, self.now);
    }

    fn say(&mut self, text: &str) {
        let message = Message::text(Bytes::copy_from_slice(text.as_bytes()));
        self.conversation
            .message(&mut self.session, message, self.now);
    }

    fn leave(&mut self, key: Key) {
        self.conversation.forget(&mut self.session, key, self.now);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// All that is due, each as `key part content`.
    fn answers(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        let room = self.room;
        while let Some(answer) = self
            .conversation
            .answer(&mut self.session, self.now, |_| room)
        {
            let part = match answer.part {
                Part::Whole => "whole",
                Part::Begin => "begin",
                Part::More => "more",
                Part::End => "end",
                Part::Cut => "cut",
            };
            let content = match answer.content.len() {
                2049 => "prelude".into(),
                _ => String::from_utf8_lossy(&answer.content),
            };
            let status = match answer.status {
                StatusCode::OK => String::new(),
                status => format!(" {}", status.as_u16()),
            };
            answers.push(format!("{} {part}{status} {content}", answer.key));
        }
        answers
    }

    /// What the backend gets.
    fn backend(&mut self) -> Vec<String> {
        let next = std::iter::from_fn(|| self.session.next_to_backend());
        next.map(|next| match next {
            ToBackend::Message(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
            ToBackend::Close(close) => format!("close {}", close.code.unwrap_or_default()),
        })
        .collect()
    }

    fn attach(&mut self) {
        self.conversation.attach(&mut self.session, self.now);
    }

    fn hear(&mut self, said: FromLine) {
        self.conversation.hear(&mut self.session, said, self.now);
    }

    /// What the client's WebSocket is told.
    fn told(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(next) = Dialect::tell(&mut self.conversation, &mut self.session, self.now) {
            told.push(match next {
                ToLine::Message(message) => String::from_utf8(message.payload.to_vec()).unwrap(),
                ToLine::Ping => "ping".to_owned(),
                ToLine::Close(close) => format!("close {}", close.code.unwrap_or_default()),
                ToLine::Cut => "cut".to_owned(),
            });
        }
        told
    }
}

#[test]
fn a_poll_gets_all_messages_that_there_are() {
    let mut story = Story::opened();
    story.receive(1, Receiving::Xhr);
    assert!(story.answers().is_empty());
    story.say("a");
    story.say("\"b\"");
    assert_eq!(
        story.answers(),
        [r#"1 whole a["a","\"b\""]"#.to_owned() + "\n"]
    );
}

#[test]
fn a_stream_begins_with_its_prelude_and_ends_at_its_limit() {
    let mut story = Story::new();
    story.receive(0, Receiving::XhrStreaming);
    assert_eq!(story.answers(), ["0 begin prelude", "0 more o\n"]);
    story.say("first");
    assert_eq!(story.answers(), ["0 more a[\"first\"]\n"]);
    story.say("a message beyond the limit");
    assert_eq!(
        story.answers(),
        ["0 end a[\"a message beyond the limit\"]\n"]
    );
    story.receive(1, Receiving::XhrStreaming);
    assert_eq!(story.answers(), ["1 begin prelude"]);
}

#[test]
fn a_stream_whose_reader_is_slow_waits() {
    let mut story = Story::new();
    story.receive(0, Receiving::EventSource);
    story.answers();
    story.room = false;
    story.say("a");
    assert!(story.answers().is_empty());
    assert_eq!(story.conversation.deadline(), None);
    story.wait(30 * SECOND);
    assert!(story.answers().is_empty());
    story.room = true;
    assert_eq!(story.answers(), ["0 more data: a[\"a\"]\r\n\r\n"]);
}

#[test]
fn who_hears_nothing_gets_a_heartbeat() {
    let mut story = Story::opened();
    story.receive(1, Receiving::Xhr);
    story.answers();
    assert_eq!(story.conversation.deadline(), Some(story.now + 25 * SECOND));
    story.wait(25 * SECOND);
    assert_eq!(story.answers(), ["1 whole h\n"]);
    story.receive(1, Receiving::XhrStreaming);
    story.answers();
    story.wait(25 * SECOND);
    assert_eq!(story.answers(), ["1 more h\n"]);
    assert!(story.answers().is_empty());
}

#[test]
fn one_request_receives_at_a_time() {
    let mut story = Story::opened();
    story.receive(1, Receiving::Xhr);
    story.receive(2, Receiving::XhrStreaming);
    assert!(story.answers().is_empty());
    story.wait(GRACE);
    let still_open = "c[2010,\"Another connection still open\"]\n";
    assert_eq!(
        story.answers(),
        ["2 begin prelude".to_owned(), format!("2 end {still_open}")]
    );
    // The first one stays.
    story.say("a");
    assert_eq!(story.answers(), ["1 whole a[\"a\"]\n"]);
}

#[test]
fn a_third_request_is_told_at_once() {
    let mut story = Story::opened();
    story.receive(1, Receiving::Xhr);
    story.receive(2, Receiving::Xhr);
    story.receive(3, Receiving::Xhr);
    let still_open = "c[2010,\"Another connection still open\"]\n";
    assert_eq!(story.answers(), [format!("3 whole {still_open}")]);
}

#[test]
fn a_receiving_request_that_breaks_off_ends_the_session() {
    let mut story = Story::opened();
    story.receive(1, Receiving::Xhr);
    story.receive(2, Receiving::Xhr);
    story.leave(1);
    assert_eq!(story.backend(), ["close 1001"]);
    let interrupted = "c[1002,\"Connection interrupted\"]\n";
    assert_eq!(story.answers(), [format!("2 whole {interrupted}")]);
    story.receive(3, Receiving::Xhr);
    assert_eq!(story.answers(), [format!("3 whole {interrupted}")]);
}

#[test]
fn a_send_that_breaks_off_ends_nothing() {
    let mut story = Story::with(SETTINGS, 1);
    story.send(0, r#"["a","b"]"#);
    story.leave(0);
    assert_eq!(story.backend(), ["a"]);
    assert!(story.answers().is_empty());
    assert_eq!(story.backend(), ["b"]);
}

#[test]
fn messages_wait_for_room_in_their_order() {
    let mut story = Story::with(SETTINGS, 1);
    story.send(0, r#"["a","b"]"#);
    story.send(1, r#"["c"]"#);
    assert!(story.conversation.bytes() > 0);
    let mut answers = Vec::new();
    let mut got = Vec::new();
    for _ in 0..4 {
        answers.extend(story.answers());
        got.extend(story.backend());
    }
    assert_eq!(got, ["a", "b", "c"]);
    assert_eq!(answers, ["0 whole 204 ", "1 whole 204 "]);
    assert_eq!(story.conversation.bytes(), 0);
}

#[test]
fn an_empty_array_is_fine() {
    let mut story = Story::opened();
    story.send(1, "[]");
    assert_eq!(story.answers(), ["1 whole 204 "]);
    assert!(story.backend().is_empty());
}

#[test]
fn a_backends_close_comes_after_its_messages_and_is_repeated() {
    let mut story = Story::opened();
    story.receive(1, Receiving::XhrStreaming);
    story.say("last");
    let close = Close::new(3000, "Go away!");
    story.session.backend_closed(close, story.now);
    assert_eq!(
        story.answers(),
        [
            "1 begin prelude",
            "1 more a[\"last\"]\n",
            "1 end c[3000,\"Go away!\"]\n"
        ]
    );
    story.receive(2, Receiving::Xhr);
    assert_eq!(story.answers(), ["2 whole c[3000,\"Go away!\"]\n"]);
    story.send(3, r#"["late"]"#);
    assert_eq!(story.answers(), ["3 whole 404 "]);
}

#[test]
fn a_lost_backend_has_no_words() {
    let mut story = Story::opened();
    story.receive(1, Receiving::Xhr);
    story.say("last");
    story.session.backend_gone(story.now);
    assert_eq!(story.answers(), ["1 whole a[\"last\"]\n"]);
    story.receive(2, Receiving::Xhr);
    assert_eq!(story.answers(), ["2 cut "]);
}

#[test]
fn a_poll_on_the_heels_of_messages_waits_for_the_rest_of_the_answers() {
    let mut story = Story::opened();
    story.send(1, r#"["a","b"]"#);
    story.answers();
    story.say("a");
    story.receive(2, Receiving::Xhr);
    assert!(story.answers().is_empty());
    assert_eq!(story.conversation.deadline(), Some(story.now + GATHER));
    story.say("b");
    story.wait(GATHER);
    assert_eq!(story.answers(), ["2 whole a[\"a\",\"b\"]\n"]);
    // One that finds nothing is answered as soon as there is something.
    story.send(1, r#"["c"]"#);
    story.answers();
    story.receive(2, Receiving::Xhr);
    story.say("c");
    assert_eq!(story.answers(), ["2 whole a[\"c\"]\n"]);
}

#[test]
fn binary_is_refused_or_text_in_base64() {
    let mut story = Story::opened();
    let bytes = Message::binary(&b"\x00\xff"[..]);
    story
        .conversation
        .message(&mut story.session, bytes.clone(), story.now);
    story.receive(1, Receiving::Xhr);
    assert_eq!(
        story.answers(),
        ["1 whole c[1003,\"binary is not supported\"]\n"]
    );
    assert_eq!(story.backend(), ["close 1003"]);

    let binary = Binary::Base64;
    let mut story = Story::with(Settings { binary, ..SETTINGS }, 1 << 20);
    story.receive(0, Receiving::Xhr);
    story.answers();
    story
        .conversation
        .message(&mut story.session, bytes, story.now);
    story.receive(1, Receiving::Xhr);
    assert_eq!(story.answers(), ["1 whole a[\"AP8=\"]\n"]);
}

#[test]
fn a_drain_is_told_in_the_next_answer() {
    let mut story = Story::opened();
    story.say("before");
    let client = Close::new(1012, "service restart");
    let backend = Close::new(1001, "going away");
    story.session.end(client, backend, Ended::Drain, story.now);
    story.receive(1, Receiving::XhrStreaming);
    assert_eq!(
        story.answers(),
        [
            "1 begin prelude",
            "1 more a[\"before\"]\n",
            "1 end c[1012,\"service restart\"]\n"
        ]
    );
    assert_eq!(story.backend(), ["close 1001"]);
}

#[test]
fn a_websocket_carries_a_frame_a_message() {
    let mut story = Story::new();
    story.attach();
    assert_eq!(story.told(), ["o"]);
    for frame in ["", "[]", r#"["a","b"]"#, r#""c""#] {
        story.hear(FromLine::Message(Message::text(frame)));
    }
    assert_eq!(story.backend(), ["a", "b", "c"]);
    story.say("x");
    story.say("y");
    assert_eq!(story.told(), [r#"a["x","y"]"#]);
    let close = Close::new(3000, "Go away!");
    story.session.backend_closed(close, story.now);
    assert_eq!(story.told(), [r#"c[3000,"Go away!"]"#, "close 3000"]);
}

#[test]
fn a_websocket_that_says_no_json_is_cut() {
    let mut story = Story::new();
    story.attach();
    story.told();
    story.hear(FromLine::Message(Message::text("[\"a")));
    assert_eq!(story.backend(), ["close 1001"]);
    assert_eq!(story.told(), ["cut"]);
}

#[test]
fn a_silent_websocket_is_pinged_and_given_up() {
    let mut story = Story::new();
    story.attach();
    story.told();
    story.wait(25 * SECOND);
    assert_eq!(story.told(), ["ping"]);
    story.wait(9 * SECOND);
    story.hear(FromLine::Alive);
    story.wait(25 * SECOND);
    assert_eq!(story.told(), ["ping"]);
    story.wait(10 * SECOND);
    assert_eq!(story.told(), ["cut"]);
    assert_eq!(story.backend(), ["close 1001"]);
}

#[test]
fn what_a_websocket_ends_with_reaches_the_backend() {
    for (said, expected) in [
        (FromLine::Close(Close::default()), "close 1000"),
        (FromLine::Close(Close::new(4000, "bye")), "close 4000"),
        (FromLine::Lost, "close 1001"),
        (FromLine::Fault(Fault::TooBig), "close 1009"),
    ] {
        let mut story = Story::new();
        story.attach();
        story.told();
        let told = format!("{said:?}");
        story.hear(said);
        assert_eq!(story.backend(), [expected], "{told}");
        assert!(story.told().is_empty(), "{told}");
        assert_ne!(story.session.client(), Client::Live, "{told}");
    }
}

#[test]
fn a_websocket_whose_backend_is_lost_is_cut() {
    let mut story = Story::new();
    story.attach();
    story.told();
    story.say("last");
    story.session.backend_gone(story.now);
    assert_eq!(story.told(), [r#"a["last"]"#, "cut"]);
}

#[test]
fn a_websocket_is_not_read_while_its_messages_wait() {
    let mut story = Story::with(SETTINGS, 1);
    story.attach();
    story.hear(FromLine::Message(Message::text(r#"["a","b"]"#)));
    assert!(!story.conversation.hears(&story.session));
    assert_eq!(story.backend(), ["a"]);
    story.answers();
    assert!(story.conversation.hears(&story.session));
    assert_eq!(story.backend(), ["b"]);
}
