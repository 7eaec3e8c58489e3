//! How an attempt fares: written by whoever carries it, read by whoever asks, without a lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use super::fate::{By, Fate};

/// The course of an attempt. What was said first stays.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// When the 101 was sent.
    opened: OnceLock<Instant>,
    /// Whether anything has come from the client since then.
    heard: AtomicBool,
    end: OnceLock<End>,
}

/// How an attempt has ended.
#[derive(Debug)]
enum End {
    /// With this status.
    Refused(u16),
    Closed {
        by: By,
        code: Option<u16>,
        at: Instant,
    },
}

impl Life {
    /// The 101 was sent.
    pub(super) fn open(&self, now: Instant) {
        self.opened.get_or_init(|| now);
    }

    /// Something came from the client. It is called for each read, so the line of memory is left alone after the first.
    pub(super) fn hear(&self) {
        if !self.heard.load(Ordering::Relaxed) {
            self.heard.store(true, Ordering::Relaxed);
        }
    }

    /// The handshake was answered otherwise than with a 101.
    pub(super) fn refuse(&self, http_status: u16) {
        self.end.get_or_init(|| End::Refused(http_status));
    }

    /// The tunnel has got its end, whatever may still pass.
    pub(super) fn close(&self, by: By, code: Option<u16>, now: Instant) {
        let at = now;
        self.end.get_or_init(|| End::Closed { by, code, at });
    }

    /// Nobody carries it any more. If nothing was said of its end, the client has left before there was an answer, or
    /// the tunnel's task was stopped.
    pub(super) fn leave(&self, now: Instant) {
        let by = match self.opened.get() {
            None => By::Client,
            Some(_) => By::Towpath,
        };
        self.close(by, None, now);
    }

    /// What became of it, so far.
    pub(super) fn fate(&self) -> Fate {
        let heard = self.heard.load(Ordering::Relaxed);
        match (self.end.get(), self.opened.get()) {
            (None, None) => Fate::Connecting,
            (None, Some(_)) => Fate::Open { heard },
            (Some(End::Refused(status)), _) => Fate::Refused {
                http_status: *status,
            },
            (Some(End::Closed { by, code, at }), opened) => Fate::Closed {
                by: *by,
                code: *code,
                heard,
                age: opened.map_or(0, |opened| milliseconds(*opened, *at)),
            },
        }
    }
}

fn milliseconds(from: Instant, to: Instant) -> u64 {
    let passed = to.saturating_duration_since(from);
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}
