//! The sending half of a direction: frames stay until they are acknowledged, each with the number that it got first.

use std::collections::VecDeque;

use thiserror::Error;

use super::frame::{Close, FRAGMENT, Frame, Message};

/// What a frame costs beside its payload, so that empty messages are bounded too.
const OVERHEAD: usize = size_of::<Frame>();

/// A queue's capacity that is worth keeping while it is empty, in frames.
const KEPT_CAPACITY: usize = 16;

/// Frames that are queued or under way, numbered from 1.
#[derive(Debug)]
pub struct Outbox {
    frames: VecDeque<Frame>,
    /// The highest number that was acknowledged: the first frame here has the next.
    acknowledged: u64,
    bytes: usize,
    closed: bool,
    /// Longer messages are cut, in bytes.
    fragment: usize,
}

/// An acknowledgement of a frame that does not exist yet.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("frame {ack} is acknowledged, but {last} is the last")]
pub struct NeverSent {
    /// What was acknowledged.
    pub ack: u64,
    /// The last frame there is.
    pub last: u64,
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new(FRAGMENT)
    }
}

impl Outbox {
    /// An empty one, which cuts messages that are longer than `fragment` bytes.
    #[must_use]
    pub fn new(fragment: usize) -> Self {
        Self {
            frames: VecDeque::new(),
            acknowledged: 0,
            bytes: 0,
            closed: false,
            fragment,
        }
    }

    /// Queues a message. After a close there is nothing more to say, and it is dropped.
    pub fn push(&mut self, message: Message) {
        if self.closed {
            return;
        }
        let Message { kind, mut payload } = message;
        let fragment = self.fragment;
        if payload.len() <= fragment {
            return self.queue(Frame::Message(Message { kind, payload }));
        }
        while payload.len() > fragment {
            let payload = payload.split_to(fragment);
            self.queue(Frame::Fragment(Message { kind, payload }));
        }
        self.queue(Frame::Last(payload));
    }

    /// Queues the end of the conversation; the first one counts.
    pub fn close(&mut self, close: Close) {
        if !self.closed {
            self.closed = true;
            self.queue(Frame::Close(close));
        }
    }

    /// Gives up all frames up to number `ack`. `Ok(true)`: there were any.
    pub fn acknowledge(&mut self, ack: u64) -> Result<bool, NeverSent> {
        let last = self.last();
        if ack > last {
            return Err(NeverSent { ack, last });
        }
        let known = ack.saturating_sub(self.acknowledged);
        for frame in self.frames.drain(..to_index(known)) {
            self.bytes -= frame.size() + OVERHEAD;
        }
        self.acknowledged += known;
        if self.frames.is_empty() {
            self.frames.shrink_to(KEPT_CAPACITY);
        }
        Ok(known > 0)
    }

    /// Takes the first frame out, as sent and acknowledged: for transports that neither number nor repeat.
    pub fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.size() + OVERHEAD;
        self.acknowledged += 1;
        if self.frames.is_empty() {
            self.frames.shrink_to(KEPT_CAPACITY);
        }
        Some(frame)
    }

    /// The frames after number `after` that are still here, each with its number.
    pub fn after(&self, after: u64) -> impl Iterator<Item = (u64, &Frame)> {
        let skipped = after.saturating_sub(self.acknowledged);
        let first = self.acknowledged + skipped + 1;
        (first..).zip(self.frames.iter().skip(to_index(skipped)))
    }

    /// The number of the last frame; 0 if there was none yet.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.acknowledged + self.frames.len() as u64
    }

    /// The highest number that was acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Frames that are not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether everything was acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The memory that the frames take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the end is queued, or has been acknowledged.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Forgets what is not acknowledged: nobody will ask for it.
    pub fn abandon(&mut self) {
        self.closed = true;
        self.acknowledged = self.last();
        self.bytes = 0;
        self.frames = VecDeque::new();
    }

    fn queue(&mut self, frame: Frame) {
        self.bytes += frame.size() + OVERHEAD;
        self.frames.push_back(frame);
    }
}

/// A distance within the queue; one that is out of reach lies behind its end.
fn to_index(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::panic)]
    use bytes::Bytes;

    use super::*;

    fn outbox(texts: &[&'static str]) -> Outbox {
        let mut outbox = Outbox::default();
        for text in texts {
            outbox.push(Message::text(*text));
        }
        outbox
    }

    fn numbers(outbox: &Outbox, after: u64) -> Vec<u64> {
        outbox.after(after).map(|(number, _)| number).collect()
    }

    #[test]
    fn a_frame_keeps_its_number_until_it_is_acknowledged() {
        let mut outbox = outbox(&["a", "b", "c"]);
        assert_eq!(numbers(&outbox, 0), [1, 2, 3]);
        assert_eq!(numbers(&outbox, 2), [3]);
        assert_eq!(outbox.acknowledge(2), Ok(true));
        assert_eq!(outbox.acknowledge(1), Ok(false), "an old acknowledgement");
        assert_eq!(
            numbers(&outbox, 0),
            [3],
            "what is gone cannot be asked for again"
        );
        assert_eq!(outbox.acknowledge(3), Ok(true));
        assert!(outbox.is_empty());
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn nobody_can_acknowledge_what_was_never_sent() {
        let mut outbox = outbox(&["a"]);
        assert_eq!(outbox.acknowledge(2), Err(NeverSent { ack: 2, last: 1 }));
        assert_eq!(outbox.len(), 1);
    }

    #[test]
    fn a_long_message_travels_in_fragments_that_share_its_memory() {
        let payload = Bytes::from(vec![7; 2 * FRAGMENT + 1]);
        let mut outbox = Outbox::default();
        outbox.push(Message::binary(payload.clone()));
        let frames: Vec<_> = outbox.after(0).map(|(_, frame)| frame.clone()).collect();
        let [
            Frame::Fragment(first),
            Frame::Fragment(_),
            Frame::Last(last),
        ] = &frames[..]
        else {
            panic!("two fragments and a last one: {frames:?}");
        };
        assert_eq!(first.payload.as_ptr(), payload.as_ptr());
        assert_eq!(last.len(), 1);
    }

    #[test]
    fn nothing_follows_a_close() {
        let mut outbox = outbox(&["a"]);
        outbox.close(Close::new(1000, "bye"));
        outbox.push(Message::text("b"));
        outbox.close(Close::abnormal());
        let frames: Vec<_> = outbox.after(1).map(|(_, frame)| frame.clone()).collect();
        assert_eq!(frames, [Frame::Close(Close::new(1000, "bye"))]);
    }
}
