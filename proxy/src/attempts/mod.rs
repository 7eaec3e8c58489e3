//! The memory of WebSocket attempts (fallback/PROTOCOL.md §8): a client whose WebSocket fails asks over HTTP what
//! became of it, and only the proxy knows. The gateway begins an [`Attempt`] for each handshake with a cid, the upgrade
//! and the tunnel tell it how they fare. A handshake that something on the way has mangled is no attempt: "unseen" is
//! what makes its client fall back.

mod cid;
mod fate;
mod life;
mod memory;

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use tokio::time::Instant;

pub(crate) use cid::{Cid, take_cid};
#[cfg(test)]
pub(crate) use fate::By;
pub(crate) use fate::Fate;
use life::Life;
use memory::Memory;

use crate::tunnel::Ended;

/// The attempts of the process: those under way, and those that have ended within the last minute.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    memory: Mutex<Memory>,
}

impl Attempts {
    /// Begins an attempt. What was known under this cid is forgotten.
    pub(crate) fn begin(self: &Arc<Self>, cid: Cid) -> Attempt {
        let life = Arc::<Life>::default();
        let serial = self.with(|memory| memory.begin(cid, life.clone(), Instant::now()));
        Attempt(Box::new(Place {
            attempts: self.clone(),
            cid,
            serial,
            life,
        }))
    }

    /// What became of an attempt.
    pub(crate) fn look(&self, cid: Cid) -> Fate {
        self.with(|memory| memory.look(cid, Instant::now()))
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Memory) -> T) -> T {
        use_it(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One attempt, in the hands of whoever carries it. Only its beginning and its end take the memory's lock.
#[derive(Debug)]
pub(crate) struct Attempt(Box<Place>);

/// Where an attempt is remembered.
#[derive(Debug)]
struct Place {
    attempts: Arc<Attempts>,
    cid: Cid,
    serial: u64,
    life: Arc<Life>,
}

impl Attempt {
    /// The 101 is being sent.
    pub(crate) fn open(&self) {
        self.0.life.open(Instant::now());
    }

    /// Something came from the client.
    pub(crate) fn hear(&self) {
        self.0.life.hear();
    }

    /// The tunnel has got its end: by what, and with which Close, if there was one.
    pub(crate) fn close(&self, ended: Ended, close: Option<u16>) {
        let (by, code) = fate::parting(ended, close);
        self.0.life.close(by, code, Instant::now());
    }

    /// The handshake was answered with this status.
    pub(crate) fn refuse(self, status: StatusCode) {
        self.0.life.refuse(status.as_u16());
    }
}

/// From here on it is over, and remembered only for a while.
impl Drop for Attempt {
    fn drop(&mut self) {
        let now = Instant::now();
        let Place {
            attempts,
            cid,
            serial,
            life,
        } = self.0.as_ref();
        life.leave(now);
        attempts.with(|memory| memory.end(*cid, *serial, now));
    }
}

#[cfg(test)]
mod tests;
