//! What the pump tells the conversation, and asks of it: requests that come and go, the backend's packets, the WebSocket.

use std::time::Instant;

use super::super::line::{Line, Step};
use super::super::refusal::Code;
use super::{Broken, Conversation, GRACE, NOOP_SPACING, Poll, Post, Request, drain};
use crate::dialect::{Answer, Dialect, FromLine, Key, ToLine};
use crate::session::{Frame, Message, Session};

impl Dialect for Conversation {
    type Request = Request;

    fn request(&mut self, session: &mut Session, key: Key, request: Request, now: Instant) {
        match request {
            Request::Poll { mark, callback } => {
                let poll = Poll {
                    key,
                    since: now,
                    mark,
                    callback,
                };
                self.poll(session, poll, now);
            }
            Request::Post { mark, packets } => {
                let post = Post {
                    key: Some(key),
                    mark,
                    next: None,
                    packets: packets.into_iter(),
                };
                self.post(session, post, now);
            }
            Request::Mismatch => {
                let code = self.refusal(session).unwrap_or(Code::BadRequest);
                self.refuse(key, code);
            }
            Request::Fault => match self.refusal(session) {
                Some(code) => self.refuse(key, code),
                None => self.fail(session, key, now),
            },
        }
    }

    fn forget(&mut self, session: &mut Session, key: Key, now: Instant) {
        let mut posts = self.posts.iter_mut();
        if let Some(post) = posts.find(|post| post.key == Some(key)) {
            post.key = None;
        }
        let Some(poll) = self.poll.take_if(|poll| poll.key == key) else {
            return;
        };
        match poll.mark {
            Some(mark) => {
                let until = now + GRACE;
                self.broken = Some(Broken { mark, until });
            }
            None => session.abandon(now),
        }
    }

    fn answer(
        &mut self,
        session: &mut Session,
        now: Instant,
        _: impl Fn(Key) -> bool,
    ) -> Option<Answer> {
        if self.broken.take_if(|broken| broken.until <= now).is_some() {
            session.abandon(now);
        }
        if self.closing.take_if(|until| *until <= now).is_some() {
            drain(session, now);
        }
        if let Some(line) = &mut self.line {
            line.expire(now);
        }
        self.pass_on(session, now);
        self.forget_pings(session, now);
        self.answer_poll(session, now);
        self.replies.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let upgrading = self.poll.is_some() && self.line.as_ref().is_some_and(Line::is_probed);
        let deadlines = [
            self.broken.as_ref().map(|broken| broken.until),
            self.closing,
            self.noop_at.filter(|_| upgrading),
            self.line.as_ref().and_then(Line::deadline),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn message(&mut self, session: &mut Session, message: Message, now: Instant) {
        if self.is_ping(&message) {
            self.pinged.get_or_insert(now);
        }
        session.message(message, now);
    }

    fn attach(&mut self, _: &mut Session, now: Instant) {
        self.line = Some(Line::new(now));
        self.noop_at = None;
    }

    fn hears(&self, _: &Session) -> bool {
        !self.upgraded || self.posts.is_empty()
    }

    fn hear(&mut self, session: &mut Session, said: FromLine, now: Instant) {
        let Some(line) = &mut self.line else {
            return;
        };
        match line.hear(said) {
            Step::None => {}
            Step::Probed => self.noop_at = Some(now + NOOP_SPACING),
            Step::Upgraded => {
                self.upgraded = true;
                self.broken = None;
                self.last_poll = None;
            }
            Step::Packet(packet) => {
                self.posts.push_back(Post {
                    key: None,
                    mark: None,
                    next: Some(packet),
                    packets: Vec::new().into_iter(),
                });
                self.pass_on(session, now);
            }
            // Polling goes on.
            Step::GaveUp => self.line = None,
            Step::Closed(close, why) => {
                session.end(close.clone(), close, why, now);
                drain(session, now);
            }
            Step::Lost => session.abandon(now),
        }
    }

    fn tell(&mut self, session: &mut Session, now: Instant) -> Option<ToLine> {
        let line = self.line.as_mut()?;
        if let Some(told) = line.tell(session.client()) {
            return Some(told);
        }
        if !self.upgraded {
            return None;
        }
        match session.next_to_client(now)? {
            Frame::Message(packet) => Some(ToLine::Message(packet)),
            Frame::Close(close) => Some(line.finish(close)),
            Frame::Fragment(_) | Frame::Last(_) => None,
        }
    }

    fn bytes(&self) -> usize {
        let posts = self.posts.iter().map(|post| {
            let next = post.next.iter();
            next.chain(post.packets.as_slice())
                .map(|packet| packet.payload.len())
                .sum::<usize>()
        });
        let last = self.last_poll.as_ref().map_or(0, |last| last.content.len());
        posts.sum::<usize>() + last
    }
}
