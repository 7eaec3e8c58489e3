//! Whether a session's client is there: how many of its requests are under way, from their arrival until their answers
//! have left. The session's task is woken when one ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::task::AtomicWaker;

/// Requests of one session.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    requests: AtomicUsize,
    /// The session's task.
    pub(crate) waker: AtomicWaker,
}

impl Presence {
    /// Counts a request in, until the guard is dropped; `None` if there are `most` already.
    pub(crate) fn enter(self: &Arc<Self>, most: usize) -> Option<Guard> {
        let guard = Guard(self.clone());
        let before = self.requests.fetch_add(1, Ordering::AcqRel);
        (before < most).then_some(guard)
    }

    /// Whether any request is under way.
    pub(crate) fn is_here(&self) -> bool {
        self.requests.load(Ordering::Acquire) > 0
    }
}

/// One request that is under way.
#[derive(Debug)]
pub(crate) struct Guard(Arc<Presence>);

impl Guard {
    /// Has the session look whether it has more to do.
    pub(crate) fn wake(&self) {
        self.0.waker.wake();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
        self.wake();
    }
}
