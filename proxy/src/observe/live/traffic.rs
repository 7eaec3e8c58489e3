//! Sums of what tunnels carry.

use super::Entry;

/// What has passed one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) bytes: u64,
    pub(crate) messages: u64,
}

impl Passed {
    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.messages += other.messages;
    }
}

/// What tunnels carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) from_client: Passed,
    pub(crate) from_backend: Passed,
    /// Bytes that their receiver does not take now.
    pub(crate) buffered: usize,
}

impl Traffic {
    /// All of that which is given by route.
    pub(crate) fn sum(by_route: &[(String, Self)]) -> Self {
        let mut all = Self::default();
        for (_, traffic) in by_route {
            all.from_client.add(traffic.from_client);
            all.from_backend.add(traffic.from_backend);
            all.buffered += traffic.buffered;
        }
        all
    }

    /// And what one more has carried.
    pub(super) fn add(&mut self, entry: &Entry) {
        self.from_client.add(entry.from_client.get());
        self.from_backend.add(entry.from_backend.get());
    }
}
