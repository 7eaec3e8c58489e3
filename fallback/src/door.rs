//! The way into a session's task: requests are left here and the task is woken. It holds a handful at most, so a list
//! under a lock costs less than a channel would, idle or not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::body::Reply;
use crate::connection::BoxedConnection;
use crate::presence::{Guard, Presence};
use crate::slot::Taken;

/// What comes in.
pub(crate) enum Call<R> {
    /// A request, and where its answer goes.
    Request {
        request: R,
        answer: oneshot::Sender<Reply>,
    },
    /// A WebSocket of the client's own, and its claim to be the only one, if others may come.
    Line(BoxedConnection, Option<Taken>),
}

/// What requests and the session's task share.
pub(crate) struct Door<R> {
    /// `None`: the task is over.
    calls: Mutex<Option<Vec<Call<R>>>>,
    pub(crate) presence: Arc<Presence>,
}

impl<R> std::fmt::Debug for Door<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

impl<R> Default for Door<R> {
    fn default() -> Self {
        Self {
            calls: Mutex::new(Some(Vec::new())),
            presence: Arc::default(),
        }
    }
}

impl<R> Door<R> {
    /// Counts a request in; `None` if there are `most` already.
    pub(crate) fn enter(&self, most: usize) -> Option<Guard> {
        self.presence.enter(most)
    }

    /// Leaves a request. Where the task is over, its answer never comes.
    pub(crate) fn call(&self, call: Call<R>) {
        if let Some(calls) = self.calls().as_mut() {
            calls.push(call);
        }
        self.presence.waker.wake();
    }

    /// The oldest request that was left here.
    pub(crate) fn take(&self) -> Option<Call<R>> {
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
    fn calls(&self) -> MutexGuard<'_, Option<Vec<Call<R>>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
