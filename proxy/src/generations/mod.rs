//! Several generations of the process on one machine: a new one takes the listening sockets over (`succession`), the old
//! one keeps what it has until that ends, and requests of sessions reach their process from any other (`elsewhere`), over
//! sockets in a directory that they share and nobody else may enter (`family`, `inner`).

mod elsewhere;
mod family;
mod handover;
mod inherited;
mod inner;
mod succession;

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use towpath_fallback::Key;

pub(crate) use elsewhere::elsewhere;
use family::{Family, Number, Relative};
pub(crate) use inherited::Inherited;
pub(crate) use inner::listen;
pub(crate) use succession::{Succession, UpgradeError};

/// This process among the others.
#[derive(Debug)]
pub(crate) struct Generations {
    /// What SockJS' tickets are signed with, by all generations.
    key: Key,
    number: Number,
    /// Founded when the first process needs it.
    family: OnceLock<Family>,
    /// Whether we have a place in it.
    settled: AtomicBool,
    /// Whether there may be older processes; until a look shows none.
    older: AtomicBool,
    /// Whether there may be younger ones; from when one is started.
    younger: AtomicBool,
}

impl Generations {
    /// A process without others.
    fn first(key: Key) -> Self {
        Self {
            key,
            number: 0,
            family: OnceLock::new(),
            settled: AtomicBool::new(false),
            older: AtomicBool::new(false),
            younger: AtomicBool::new(false),
        }
    }

    /// A process that comes after others, whose family is in `directory`.
    fn after(key: Key, number: Number, directory: PathBuf) -> Self {
        Self {
            number,
            family: OnceLock::from(Family::at(directory)),
            older: AtomicBool::new(true),
            ..Self::first(key)
        }
    }

    /// What SockJS' tickets are signed with, by all generations.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Whether a session that is not here may be in another process. Never, mostly, which costs two looks at a flag.
    pub(crate) fn have_others(&self) -> bool {
        self.older.load(Ordering::Acquire) || self.younger.load(Ordering::Acquire)
    }

    /// How many older processes there are.
    pub(crate) fn predecessors(&self) -> usize {
        if !self.older.load(Ordering::Acquire) {
            return 0;
        }
        let others = self.others();
        others.iter().filter(|it| it.number < self.number).count()
    }

    /// Whether this process has come after another one.
    pub(crate) fn have_come_after(&self) -> bool {
        self.number > 0
    }

    /// This process ends, and says so to the others: tasks that are cut off would never do it.
    pub(crate) fn leave(&self) {
        if let Some(family) = self.family.get() {
            family.clear(self.number);
        }
    }

    /// The other processes, the youngest first.
    fn others(&self) -> Vec<Relative> {
        let Some(family) = self.family.get() else {
            return Vec::new();
        };
        let mut others = family.members();
        others.retain(|it| it.number != self.number);
        if others.iter().all(|it| it.number > self.number) {
            self.older.store(false, Ordering::Release);
        }
        others
    }

    /// A process has gone without a word.
    fn forget(&self, gone: &Relative) {
        if let Some(family) = self.family.get() {
            family.clear(gone.number);
        }
    }

    fn family(&self) -> io::Result<&Family> {
        if let Some(family) = self.family.get() {
            return Ok(family);
        }
        let founded = Family::found()?;
        Ok(self.family.get_or_init(|| founded))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_has_gone_is_forgotten() {
        let key = || Key::random().unwrap();
        let first = Generations::first(key());
        assert!(!first.have_others());
        let family = first.family().unwrap();
        family.settle(0, |_| Ok(())).unwrap();
        let second = Generations::after(key(), 1, family.directory().to_owned());
        assert!(second.have_others());
        assert_eq!(second.predecessors(), 1);
        first.leave();
        assert_eq!(second.predecessors(), 0);
        assert!(!second.have_others());
        second.leave();
    }
}
