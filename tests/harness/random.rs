//! Numbers that look random (splitmix64): from a seed where a run must be repeatable, fresh where it must not.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A sequence of them.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The same sequence for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own, by the entropy that the standard library's hash maps are seeded with.
    pub(crate) fn fresh() -> Self {
        Self(RandomState::new().hash_one("a seed"))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of two, as likely as the other.
    pub(crate) fn coin(&mut self) -> bool {
        self.number() >> 63 == 1
    }

    /// Between `least` and `most`.
    pub(crate) fn duration(&mut self, least: Duration, most: Duration) -> Duration {
        least + (most - least).mul_f64(self.fraction())
    }
}
