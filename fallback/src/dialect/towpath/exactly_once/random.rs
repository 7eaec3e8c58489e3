//! Random numbers that are the same in each run of a scenario.

use bytes::Bytes;

use crate::session::Message;

/// SplitMix64.
pub(super) struct Random(u64);

impl Random {
    /// A sequence of its own for each purpose, so that one fault more or less does not change all the others.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        Self(seed ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..=most`.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        self.next() % (most + 1)
    }

    /// `true` in so many of a hundred cases.
    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.up_to(99) < chance
    }

    /// A message of any kind: mostly small, sometimes empty, now and then as large as may be.
    pub(super) fn message(&mut self, largest: usize) -> Message {
        let size = match self.up_to(9) {
            0 => 0,
            1 => self.up_to(largest as u64) as usize,
            2..=4 => self.up_to(2000) as usize,
            _ => self.up_to(50) as usize,
        };
        let size = size.min(largest);
        if self.percent(50) {
            return Message::binary(self.bytes(size));
        }
        let mut text = String::new();
        let alphabet = ['a', 'é', '€', '𝄞'];
        while text.len() + 4 <= size {
            text.push(alphabet[self.up_to(3) as usize]);
        }
        Message::text(text)
    }

    fn bytes(&mut self, size: usize) -> Bytes {
        let mut bytes = Vec::with_capacity(size + 8);
        while bytes.len() < size {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(size);
        bytes.into()
    }
}
