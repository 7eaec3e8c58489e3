//! Sessions that are gone: a client that comes back for one is told so, and none is opened in its place unnoticed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::session::Close;
use crate::token::Id;

/// How long one stands.
const LIFE: Duration = Duration::from_secs(120);

/// How many there are at most; the oldest makes room.
const MOST: usize = 65_536;

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Epitaph {
    /// With this close.
    Closed(Close),
    /// Its backend was lost without a word, and none can be passed on.
    Lost,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Tombstones(Mutex<Yard>);

#[derive(Debug, Default)]
struct Yard {
    stones: HashMap<Id, (Epitaph, Instant)>,
    /// The oldest first.
    order: VecDeque<(Id, Instant)>,
}

impl Tombstones {
    /// Remembers how a session ended.
    pub(super) fn put(&self, id: Id, epitaph: Epitaph, now: Instant) {
        let mut yard = self.yard();
        yard.clear(now);
        let until = now + LIFE;
        yard.stones.insert(id, (epitaph, until));
        yard.order.push_back((id, until));
        if yard.order.len() > MOST {
            yard.drop_oldest();
        }
    }

    /// How session `id` ended, if that is remembered.
    pub(super) fn find(&self, id: &Id, now: Instant) -> Option<Epitaph> {
        let mut yard = self.yard();
        yard.clear(now);
        yard.stones.get(id).map(|(epitaph, _)| epitaph.clone())
    }

    /// No code here can panic while it holds the lock.
    fn yard(&self) -> MutexGuard<'_, Yard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Yard {
    /// Forgets those whose time is over.
    fn clear(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(_, until)| *until <= now) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((id, until)) = self.order.pop_front() else {
            return;
        };
        // A name may have been used again since.
        if self
            .stones
            .get(&id)
            .is_some_and(|(_, newer)| *newer == until)
        {
            self.stones.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> Id {
        u128::from(n).to_be_bytes()
    }

    #[test]
    fn they_stand_for_a_while() {
        let stones = Tombstones::default();
        let now = Instant::now();
        let closed = Epitaph::Closed(Close::new(3000, "Go away!"));
        stones.put(id(1), closed.clone(), now);
        stones.put(id(2), Epitaph::Lost, now + LIFE / 2);
        assert_eq!(stones.find(&id(1), now + LIFE / 2), Some(closed));
        assert_eq!(stones.find(&id(1), now + LIFE), None);
        assert_eq!(stones.find(&id(2), now + LIFE), Some(Epitaph::Lost));
    }

    #[test]
    fn the_latest_end_of_a_name_counts() {
        let stones = Tombstones::default();
        let now = Instant::now();
        stones.put(id(1), Epitaph::Closed(Close::default()), now);
        stones.put(id(1), Epitaph::Lost, now + LIFE / 2);
        assert_eq!(stones.find(&id(1), now + LIFE), Some(Epitaph::Lost));
    }

    #[test]
    fn there_are_never_too_many() {
        let stones = Tombstones::default();
        let now = Instant::now();
        for n in 0..=MOST as u32 {
            stones.put(id(n), Epitaph::Lost, now);
        }
        assert_eq!(stones.find(&id(0), now), None);
        assert_eq!(stones.find(&id(1), now), Some(Epitaph::Lost));
        assert_eq!(stones.yard().stones.len(), MOST);
    }
}
