//! What names lead to: tokens to sessions, and nonces to what came of them. An entry is there for as long as its owner
//! keeps what it got for it, however the owner ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::open::Nonce;
use super::opening::Outcome;
use crate::door::Door;
use crate::token::Id;

/// What one client wants, however often it says so. Nobody else can guess it, let alone from another Origin.
pub(super) type Wanted = (Nonce, Arc<str>);

/// A session that is being opened, or was.
pub(super) type Opening = watch::Receiver<Option<Outcome>>;

/// All names.
#[derive(Debug, Default)]
pub(super) struct Registry {
    doors: Mutex<HashMap<Id, Arc<Door>>>,
    openings: Mutex<HashMap<Wanted, Opening>>,
}

/// A session that can be found.
#[derive(Debug)]
pub(super) struct Reachable {
    registry: Arc<Registry>,
    id: Id,
    door: Arc<Door>,
}

/// A wish whose outcome can be found.
#[derive(Debug)]
pub(super) struct Remembered {
    registry: Arc<Registry>,
    wanted: Wanted,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Registry {
    /// The way into session `id`.
    pub(super) fn door(&self, id: &Id) -> Option<Arc<Door>> {
        lock(&self.doors).get(id).cloned()
    }

    /// Lets session `id` be found.
    pub(super) fn reach(self: &Arc<Self>, id: Id, door: Arc<Door>) -> Reachable {
        lock(&self.doors).insert(id, door.clone());
        Reachable {
            registry: self.clone(),
            id,
            door,
        }
    }

    /// What came of a wish, or will. Nobody has had it yet: it is the caller's to fulfil, if `admit` admits it.
    pub(super) fn opening<T, E>(
        self: &Arc<Self>,
        wanted: Wanted,
        admit: impl FnOnce() -> Result<T, E>,
    ) -> Result<(Opening, Option<(Remembered, T)>), E> {
        let mut openings = lock(&self.openings);
        if let Some(opening) = openings.get(&wanted) {
            return Ok((opening.clone(), None));
        }
        let admitted = admit()?;
        let (outcome, opening) = watch::channel(None);
        openings.insert(wanted.clone(), opening.clone());
        drop(openings);
        let remembered = Remembered {
            registry: self.clone(),
            wanted,
            outcome,
        };
        Ok((opening, Some((remembered, admitted))))
    }
}

impl Remembered {
    /// Tells all who wait for it, or will ask.
    pub(super) fn tell(&self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }

    /// The Origin of the wish.
    pub(super) fn origin(&self) -> &str {
        &self.wanted.1
    }
}

impl Drop for Reachable {
    fn drop(&mut self) {
        lock(&self.registry.doors).remove(&self.id);
        self.door.close();
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        lock(&self.registry.openings).remove(&self.wanted);
    }
}

/// No code here can panic while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
