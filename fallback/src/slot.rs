//! A place that only one can have, until he lets it go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The place.
#[derive(Debug, Default)]
pub(crate) struct Slot(Arc<AtomicBool>);

/// Whoever has it.
#[derive(Debug)]
pub(crate) struct Taken(Arc<AtomicBool>);

impl Slot {
    /// `None`: somebody has it.
    pub(crate) fn take(&self) -> Option<Taken> {
        let was_taken = self.0.swap(true, Ordering::AcqRel);
        (!was_taken).then(|| Taken(self.0.clone()))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_has_it_at_a_time() {
        let slot = Slot::default();
        let taken = slot.take().unwrap();
        assert!(slot.take().is_none());
        drop(taken);
        assert!(slot.take().is_some());
    }
}
