//! A client's WebSocket: a frame a message, and a ping where nothing was heard for long.

use std::time::{Duration, Instant};

use super::conversation::{Conversation, News};
use super::messages::Messages;
use crate::dialect::{FromLine, ToLine};
use crate::session::{Close, Ended, Message, Session};

/// How long a ping may stay unanswered.
const PONG: Duration = Duration::from_secs(10);

/// Where it stands.
#[derive(Debug)]
pub(super) struct Line {
    /// When it is pinged, or given up if it was.
    deadline: Instant,
    pinged: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Open,
    /// Its last frame is out, and the Close is next.
    Closing(Close),
    /// It is to be cut off.
    Broken,
    Over,
}

impl Line {
    pub(super) fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            pinged: false,
            state: State::Open,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        matches!(self.state, State::Open).then_some(self.deadline)
    }

    /// Takes what it says; gives the messages. `quiet` is when it is pinged if it says nothing more.
    pub(super) fn hear(
        &mut self,
        session: &mut Session,
        said: FromLine,
        quiet: Instant,
        now: Instant,
    ) -> Option<Messages> {
        (self.pinged, self.deadline) = (false, quiet);
        match said {
            FromLine::Alive => {}
            FromLine::Message(message) => match Messages::of_frame(message.payload) {
                Ok(messages) => return Some(messages),
                Err(_) => {
                    self.state = State::Broken;
                    session.abandon(now);
                }
            },
            FromLine::Close(close) => {
                // A browser's close() without a code is as good an end as any.
                let close = close.code.map_or_else(|| Close::new(1000, ""), |_| close);
                self.finish(session, close, Ended::Client, now);
            }
            FromLine::Fault(fault) => {
                self.finish(session, fault.close(), Ended::ClientFault(fault), now);
            }
            FromLine::Lost => {
                self.state = State::Over;
                session.abandon(now);
            }
        }
        None
    }

    /// What it is to be told next.
    pub(super) fn tell(
        &mut self,
        conversation: &mut Conversation,
        session: &mut Session,
        now: Instant,
    ) -> Option<ToLine> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Over => return None,
            State::Broken => return Some(ToLine::Cut),
            State::Closing(close) => return Some(ToLine::Close(close)),
            State::Open => {}
        }
        let told = match conversation.news(session, now) {
            Some(News::Gone) => return Some(ToLine::Cut),
            Some(News::Last(frame, close)) => {
                self.state = State::Closing(close);
                return Some(ToLine::Message(Message::text(frame)));
            }
            Some(News::Frame(frame)) => Some(ToLine::Message(Message::text(frame))),
            None if self.deadline > now => None,
            None if self.pinged => {
                session.abandon(now);
                return Some(ToLine::Cut);
            }
            None => {
                (self.pinged, self.deadline) = (true, now + PONG);
                Some(ToLine::Ping)
            }
        };
        self.state = State::Open;
        told
    }

    /// It has said its last, and is told nothing more.
    fn finish(&mut self, session: &mut Session, close: Close, why: Ended, now: Instant) {
        self.state = State::Over;
        session.end(close.clone(), close, why, now);
        while session.next_to_client(now).is_some() {}
    }
}
