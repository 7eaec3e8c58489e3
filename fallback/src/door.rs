//! The way into a session's task: requests are left here and the task is woken. It holds a handful at most, so a list
//! under a lock costs less than a channel would, idle or not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::body::Body;
use crate::dialect::towpath::codec::Request;
use crate::presence::{Guard, Presence};

/// A request, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: Request,
    pub(crate) answer: oneshot::Sender<Body>,
}

/// What requests and the session's task share.
#[derive(Debug)]
pub(crate) struct Door {
    /// `None`: the task is over.
    calls: Mutex<Option<Vec<Call>>>,
    pub(crate) presence: Arc<Presence>,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            calls: Mutex::new(Some(Vec::new())),
            presence: Arc::default(),
        }
    }
}

impl Door {
    /// Counts a request in; `None` if there are `most` already.
    pub(crate) fn enter(&self, most: usize) -> Option<Guard> {
        self.presence.enter(most)
    }

    /// Leaves a request. Where the task is over, its answer never comes.
    pub(crate) fn call(&self, call: Call) {
        if let Some(calls) = self.calls().as_mut() {
            calls.push(call);
        }
        self.presence.waker.wake();
    }

    /// The oldest request that was left here.
    pub(crate) fn take(&self) -> Option<Call> {
        let mut calls = self.calls();
        let calls = calls.as_mut()?;
        let oldest = (!calls.is_empty()).then(|| calls.remove(0));
        if calls.is_empty() {
            *calls = Vec::new();
        }
        oldest
    }

    /// Lets nobody in any more, and nobody wait who is.
    pub(crate) fn close(&self) {
        *self.calls() = None;
    }

    /// No code here can panic while it holds the lock.
    fn calls(&self) -> MutexGuard<'_, Option<Vec<Call>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
