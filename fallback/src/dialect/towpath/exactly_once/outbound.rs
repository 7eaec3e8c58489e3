//! What the client says: frames with their numbers, kept until they are acknowledged.

use std::collections::VecDeque;

use super::wire::{self, Raw};
use crate::session::{Close, Kind, Message};

pub(super) struct Outbound {
    fragment: usize,
    frames: VecDeque<Raw>,
    /// The number of the last frame that the proxy has accepted.
    pub(super) acked: u64,
    credit: u64,
    /// What was acknowledged when this was last looked at.
    seen: u64,
    /// The number of each message's last frame.
    ends: Vec<u64>,
    /// All messages.
    pub(super) messages: Vec<Message>,
    pub(super) closed: bool,
}

impl Outbound {
    pub(super) fn new(fragment: usize, credit: u64) -> Self {
        Self {
            fragment,
            frames: VecDeque::new(),
            acked: 0,
            credit,
            seen: 0,
            ends: Vec::new(),
            messages: Vec::new(),
            closed: false,
        }
    }

    pub(super) fn push(&mut self, message: &Message) {
        if self.closed {
            return;
        }
        let (whole, part) = match message.kind {
            Kind::Text => (wire::TEXT, wire::TEXT_FRAGMENT),
            Kind::Binary => (wire::BINARY, wire::BINARY_FRAGMENT),
        };
        let mut rest = &message.payload[..];
        let is_short = rest.len() <= self.fragment;
        while rest.len() > self.fragment {
            let (payload, more) = rest.split_at(self.fragment);
            self.frames.push_back((part, payload.to_vec()));
            rest = more;
        }
        let kind = if is_short { whole } else { wire::LAST };
        self.frames.push_back((kind, rest.to_vec()));
        self.ends.push(self.last());
        self.messages.push(message.clone());
    }

    /// A message that is none, and is not to arrive.
    pub(super) fn blunder(&mut self) {
        self.frames.push_back((wire::TEXT, vec![0xff]));
        self.closed = true;
    }

    pub(super) fn close(&mut self, close: &Close) {
        if !self.closed {
            let mut payload = vec![0];
            payload.extend(close.code.unwrap_or_default().to_be_bytes());
            payload.extend(close.reason.as_bytes());
            self.frames.push_back((wire::CLOSE, payload));
            self.closed = true;
        }
    }

    /// How many messages end within the first `accepted` frames.
    pub(super) fn whole_within(&self, accepted: u64) -> usize {
        self.ends.partition_point(|end| *end <= accepted)
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.frames.is_empty()
    }

    /// What goes into a request now, and the number of the first.
    pub(super) fn batch(&mut self, most: u64) -> (u64, &[Raw]) {
        let mut size = 0;
        let fits = |frame: &&Raw| {
            size += wire::size(frame);
            size <= self.credit.min(most)
        };
        let count = self.frames.iter().take_while(fits).count();
        // The first goes alone if there is no credit for it.
        let count = count.max(1).min(self.frames.len());
        let first = if count > 0 { self.acked + 1 } else { 0 };
        (first, &self.frames.make_contiguous()[..count])
    }

    pub(super) fn acknowledge(&mut self, ack: u64, credit: u64) {
        assert!(ack <= self.last(), "{ack} of {} frames", self.last());
        if ack < self.acked {
            // An answer that was overtaken.
            return;
        }
        self.frames.drain(..(ack - self.acked) as usize);
        self.acked = ack;
        self.credit = credit;
    }

    /// How long to wait before the next request, if the last brought nothing.
    pub(super) fn stuck_for(&mut self, spacing: u64) -> u64 {
        let seen = std::mem::replace(&mut self.seen, self.acked);
        if seen == self.acked { spacing } else { 0 }
    }

    /// The number of the last frame.
    pub(super) fn last(&self) -> u64 {
        self.acked + self.frames.len() as u64
    }
}
