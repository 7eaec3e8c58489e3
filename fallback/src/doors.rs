//! The sessions of a dialect, by name. A session can be found for as long as its owner keeps what it got for it, however
//! the owner ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::door::Door;
use crate::token::Id;

/// All of them.
#[derive(Debug)]
pub(crate) struct Doors<R>(Mutex<HashMap<Id, Arc<Door<R>>>>);

/// A session that can be found.
#[derive(Debug)]
pub(crate) struct Reachable<R> {
    doors: Arc<Doors<R>>,
    id: Id,
    door: Arc<Door<R>>,
}

impl<R> Default for Doors<R> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<R> Doors<R> {
    /// The way into session `id`.
    pub(crate) fn find(&self, id: &Id) -> Option<Arc<Door<R>>> {
        self.lock().get(id).cloned()
    }

    /// Lets session `id` be found.
    pub(crate) fn reach(self: &Arc<Self>, id: Id, door: Arc<Door<R>>) -> Reachable<R> {
        self.lock().insert(id, door.clone());
        Reachable {
            doors: self.clone(),
            id,
            door,
        }
    }

    /// No code here can panic while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Arc<Door<R>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Drop for Reachable<R> {
    fn drop(&mut self) {
        self.doors.lock().remove(&self.id);
        self.door.close();
    }
}
