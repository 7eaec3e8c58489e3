//! The sessions of a dialect, by name. A session can be found for as long as its owner keeps what it got for it, however
//! the owner ends.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::door::Door;
use crate::token::Id;

/// All of them.
#[derive(Debug)]
pub(crate) struct Doors<R, A = ()>(Mutex<Sessions<R, A>>);

/// Each with what its dialect keeps of it.
type Sessions<R, A> = HashMap<Id, (Arc<Door<R>>, A), BuildHasherDefault<Even>>;

/// Ids are random, or MACs over what clients say: nobody can choose where they go, and they are spread evenly as they are.
#[derive(Debug, Default)]
struct Even(u64);

impl Hasher for Even {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 ^= u64::from_ne_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A session that can be found.
#[derive(Debug)]
pub(crate) struct Reachable<R, A = ()> {
    doors: Arc<Doors<R, A>>,
    id: Id,
    door: Arc<Door<R>>,
}

impl<R, A> Default for Doors<R, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<R, A> Doors<R, A> {
    /// The way into session `id`.
    pub(crate) fn find(&self, id: &Id) -> Option<Arc<Door<R>>> {
        self.lock().get(id).map(|(door, _)| door.clone())
    }

    /// The same, with what is kept of it.
    pub(crate) fn find_about(&self, id: &Id) -> Option<(Arc<Door<R>>, A)>
    where
        A: Clone,
    {
        self.lock().get(id).cloned()
    }

    /// Lets session `id` be found.
    pub(crate) fn reach(self: &Arc<Self>, id: Id, door: Arc<Door<R>>, about: A) -> Reachable<R, A> {
        self.lock().insert(id, (door.clone(), about));
        Reachable {
            doors: self.clone(),
            id,
            door,
        }
    }

    /// No code here can panic while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Sessions<R, A>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R, A> Drop for Reachable<R, A> {
    fn drop(&mut self) {
        self.doors.lock().remove(&self.id);
        self.door.close();
    }
}
