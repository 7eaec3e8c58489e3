//! How one side's life is watched: when it was last heard, and whether it was asked since then.

use std::time::Duration;

use tokio::time::Instant;

/// The pulse of one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// When something was last read from it.
    heard: Instant,
    /// When it was sent a ping that nothing has followed.
    pinged: Option<Instant>,
    /// When its last ping was sent, for the round-trip time.
    sent: Option<Instant>,
    rtt: Option<Duration>,
}

impl Pulse {
    /// The pulse of a side that has just come.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            pinged: None,
            sent: None,
            rtt: None,
        }
    }

    /// Something was read from it.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = None;
    }

    /// It was sent a ping.
    pub(super) fn ask(&mut self, now: Instant) {
        self.pinged = Some(now);
        self.sent = Some(now);
    }

    /// It could not be sent one; look again after another interval.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.heard = now;
    }

    /// It has answered a ping.
    pub(super) fn answer(&mut self, now: Instant) {
        self.rtt = self.sent.map(|sent| now - sent);
    }

    /// Whether it was sent a ping that nothing has followed.
    pub(super) fn is_asked(&self) -> bool {
        self.pinged.is_some()
    }

    /// When it is to be asked, or taken for dead.
    pub(super) fn due(&self, ping: Duration, ping_timeout: Duration) -> Instant {
        match self.pinged {
            Some(at) => at + ping_timeout,
            None => self.heard + ping,
        }
    }

    /// How long it took to answer the last ping.
    pub(super) fn rtt(&self) -> Option<Duration> {
        self.rtt
    }
}
