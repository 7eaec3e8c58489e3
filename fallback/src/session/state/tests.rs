//! One session, told as stories. A story has a clock that it moves itself, and limits that are soon reached.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use bytes::Bytes;

use super::*;

mod bounds;
mod closing;
mod leaving;

const SECOND: Duration = Duration::from_secs(1);

const LIMITS: Limits = Limits {
    buffer: 1000,
    frames: 4,
    credit: 500,
    max_message: 2000,
    resume: Duration::from_secs(60),
    unused: Duration::from_secs(30),
    stall: Duration::from_secs(20),
    lifetime: None,
    fragment: FRAGMENT,
};

struct Story {
    now: Instant,
    session: Session,
    /// The number of the client's next frame.
    next: u64,
}

impl Story {
    /// A session whose client is here.
    fn new() -> Self {
        let mut story = Self::unused();
        story.session.present(true, story.now);
        story
    }

    /// A session whose client has not come yet.
    fn unused() -> Self {
        let now = Instant::now();
        Self {
            now,
            session: Session::new(LIMITS, now),
            next: 1,
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.expire(self.now);
    }

    /// Waits for whatever is due next, and says how long that took.
    fn wait(&mut self) -> Option<Duration> {
        let deadline = self.session.deadline()?;
        let time = deadline - self.now;
        let just_before = time.saturating_sub(Duration::from_nanos(1));
        let ended = self.session.ended();
        self.session.expire(self.now + just_before);
        assert_eq!(self.session.ended(), ended, "nothing happens before");
        self.pass(time);
        Some(time)
    }

    fn leave(&mut self) {
        self.session.present(false, self.now);
    }

    fn come(&mut self) {
        self.session.present(true, self.now);
    }

    /// The client's next frame.
    fn say(&mut self, frame: Frame) -> Took {
        let took = self.session.take(self.next, frame, self.now);
        self.next += u64::from(took == Took::Accepted);
        took
    }

    /// The backend's next message.
    fn hear(&mut self, size: usize) {
        self.session.message(message(size), self.now);
    }

    fn acknowledge(&mut self, ack: u64) {
        self.session.acknowledge(ack, self.now).unwrap();
    }

    /// What the backend gets now.
    fn written(&mut self) -> Vec<ToBackend> {
        std::iter::from_fn(|| self.session.next_to_backend()).collect()
    }

    /// What the client can get now.
    fn frames(&self) -> Vec<Frame> {
        let frames = self.session.to_client().after(0);
        frames.map(|(_, frame)| frame.clone()).collect()
    }

    /// What the client is told at the end.
    fn farewell(&self) -> Option<Close> {
        match self.frames().pop()? {
            Frame::Close(close) => Some(close),
            _ => None,
        }
    }
}

fn message(size: usize) -> Message {
    Message::binary(vec![7; size])
}

fn whole(size: usize) -> Frame {
    Frame::Message(message(size))
}

fn part(size: usize) -> Frame {
    Frame::Fragment(message(size))
}

fn last(size: usize) -> Frame {
    Frame::Last(Bytes::from(vec![7; size]))
}

fn close(code: u16, reason: &str) -> Frame {
    Frame::Close(Close::new(code, reason))
}
