//! What nonces lead to: what came of an `open`, or will. An entry is there for as long as its owner keeps what it got for
//! it, however the owner ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::open::Nonce;
use super::opening::Outcome;

/// What one client wants, however often it says so. Nobody else can guess it, let alone from another Origin.
pub(super) type Wanted = (Nonce, Arc<str>);

/// A session that is being opened, or was.
pub(super) type Opening = watch::Receiver<Option<Outcome>>;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Openings(Mutex<HashMap<Wanted, Opening>>);

/// A wish whose outcome can be found.
#[derive(Debug)]
pub(super) struct Remembered {
    openings: Arc<Openings>,
    wanted: Wanted,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Openings {
    /// What came of a wish, or will. Nobody has had it yet: it is the caller's to fulfil, if `admit` admits it.
    pub(super) fn find<T, E>(
        self: &Arc<Self>,
        wanted: Wanted,
        admit: impl FnOnce() -> Result<T, E>,
    ) -> Result<(Opening, Option<(Remembered, T)>), E> {
        let mut openings = self.lock();
        if let Some(opening) = openings.get(&wanted) {
            return Ok((opening.clone(), None));
        }
        let admitted = admit()?;
        let (outcome, opening) = watch::channel(None);
        openings.insert(wanted.clone(), opening.clone());
        drop(openings);
        let remembered = Remembered {
            openings: self.clone(),
            wanted,
            outcome,
        };
        Ok((opening, Some((remembered, admitted))))
    }

    /// No code here can panic while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<Wanted, Opening>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Drop for Remembered {
    fn drop(&mut self) {
        self.openings.lock().remove(&self.wanted);
    }
}
