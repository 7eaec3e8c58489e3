//! The memory itself: bounded, with time passed in. One order says who is forgotten first: whatever is over, the oldest
//! end in front, then what still goes on, the oldest attempt in front.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::cid::Cid;
use super::fate::Fate;
use super::life::Life;

/// Attempts that are remembered at most.
pub(super) const MAX_ATTEMPTS: usize = 65_536;
/// How long an attempt is remembered after its end.
pub(super) const AFTERLIFE: Duration = Duration::from_secs(60);
/// Outdated attempts that each new one clears away: more than come in, so that they dwindle, and few enough for
/// nobody to wait for it.
const SWEEP: usize = 4;

/// Attempts by their cids.
#[derive(Debug, Default)]
pub(super) struct Memory {
    entries: HashMap<Cid, Entry>,
    /// The same attempts; the first are the first to be forgotten.
    order: BTreeMap<Rank, Cid>,
    /// Attempts so far.
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    rank: Rank,
    life: Arc<Life>,
}

/// An attempt's place in the order of being forgotten; the order of variants and fields matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Over { since: Instant, serial: u64 },
    Live { serial: u64 },
}

impl Rank {
    fn is_outdated(self, now: Instant) -> bool {
        matches!(self, Self::Over { since, .. } if since + AFTERLIFE <= now)
    }
}

impl Memory {
    /// Remembers a new attempt, in the place of an earlier one with the same cid. Where there is no room, another is
    /// forgotten: its client may be told that it was never seen, but a long tunnel's client knows better by itself.
    /// The serial that is returned tells the attempt apart from others with its cid.
    pub(super) fn begin(&mut self, cid: Cid, life: Arc<Life>, now: Instant) -> u64 {
        self.sweep(now);
        self.forget(cid);
        while self.entries.len() >= MAX_ATTEMPTS && self.forget_first() {}
        self.serial += 1;
        let serial = self.serial;
        self.put(cid, Rank::Live { serial }, life);
        serial
    }

    /// Notes that an attempt is over, unless a later one has its cid or it is forgotten.
    pub(super) fn end(&mut self, cid: Cid, serial: u64, now: Instant) {
        let live = Rank::Live { serial };
        if let Some(entry) = self.entries.get_mut(&cid).filter(|e| e.rank == live) {
            entry.rank = Rank::Over { since: now, serial };
            self.order.remove(&live);
            self.order.insert(entry.rank, cid);
        }
    }

    /// What became of an attempt.
    pub(super) fn look(&self, cid: Cid, now: Instant) -> Fate {
        match self.entries.get(&cid) {
            Some(entry) if !entry.rank.is_outdated(now) => entry.life.fate(),
            _ => Fate::Unseen,
        }
    }

    fn put(&mut self, cid: Cid, rank: Rank, life: Arc<Life>) {
        self.order.insert(rank, cid);
        self.entries.insert(cid, Entry { rank, life });
    }

    fn forget(&mut self, cid: Cid) {
        if let Some(entry) = self.entries.remove(&cid) {
            self.order.remove(&entry.rank);
        }
    }

    /// `false`: there was none.
    fn forget_first(&mut self) -> bool {
        let first = self.order.pop_first();
        first.is_some_and(|(_, cid)| self.entries.remove(&cid).is_some())
    }

    fn sweep(&mut self, now: Instant) {
        for _ in 0..SWEEP {
            let first = self.order.first_key_value();
            if !first.is_some_and(|(rank, _)| rank.is_outdated(now)) {
                return;
            }
            self.forget_first();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cid(number: usize) -> Cid {
        Cid::parse(format!("{number:022}").as_bytes()).unwrap()
    }

    fn begin(memory: &mut Memory, number: usize, now: Instant) -> u64 {
        memory.begin(cid(number), Arc::default(), now)
    }

    fn is_known(memory: &Memory, number: usize, now: Instant) -> bool {
        memory.look(cid(number), now) != Fate::Unseen
    }

    #[test]
    fn an_attempt_is_remembered_for_a_minute_after_its_end() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let serial = begin(&mut memory, 1, now);
        let end = now + Duration::from_secs(3600);
        assert!(is_known(&memory, 1, end));
        memory.end(cid(1), serial, end);
        assert!(is_known(
            &memory,
            1,
            end + AFTERLIFE - Duration::from_millis(1)
        ));
        assert!(!is_known(&memory, 1, end + AFTERLIFE));
        assert!(!is_known(&memory, 2, now));
    }

    #[test]
    fn new_attempts_clear_the_outdated_away() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for number in 0..100 {
            let serial = begin(&mut memory, number, now);
            memory.end(cid(number), serial, now);
        }
        for number in 100..125 {
            begin(&mut memory, number, now + AFTERLIFE);
        }
        assert_eq!((memory.entries.len(), memory.order.len()), (25, 25));
    }

    #[test]
    fn a_later_attempt_takes_an_earlier_ones_place() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let (first, second) = (Arc::<Life>::default(), Arc::<Life>::default());
        first.refuse(403);
        second.open(now);
        let serial = memory.begin(cid(1), first, now);
        memory.begin(cid(1), second, now);
        let open = Fate::Open { heard: false };
        assert_eq!(memory.look(cid(1), now), open);
        // The end of the first is not the second's.
        memory.end(cid(1), serial, now);
        assert_eq!(memory.look(cid(1), now + AFTERLIFE), open);
        assert_eq!((memory.entries.len(), memory.order.len()), (1, 1));
    }

    #[test]
    fn what_is_over_gives_way_to_a_later_attempt_too() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let serial = begin(&mut memory, 1, now);
        memory.end(cid(1), serial, now);
        begin(&mut memory, 1, now);
        assert!(is_known(&memory, 1, now + AFTERLIFE));
        assert_eq!((memory.entries.len(), memory.order.len()), (1, 1));
    }

    #[test]
    fn when_full_what_is_over_is_forgotten_first_then_the_oldest() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let serials: Vec<u64> = (0..MAX_ATTEMPTS)
            .map(|number| begin(&mut memory, number, now))
            .collect();
        for (number, second) in [(7, 1), (5, 2)] {
            let at = now + Duration::from_secs(second);
            memory.end(cid(number), *serials.get(number).unwrap(), at);
        }
        let now = now + Duration::from_secs(3);
        for (newcomer, forgotten) in [(0, 7), (1, 5), (2, 0), (3, 1)] {
            assert!(is_known(&memory, forgotten, now), "{forgotten}");
            begin(&mut memory, MAX_ATTEMPTS + newcomer, now);
            assert!(!is_known(&memory, forgotten, now), "{forgotten}");
            assert_eq!(memory.entries.len(), MAX_ATTEMPTS);
            assert_eq!(memory.order.len(), MAX_ATTEMPTS);
        }
        assert!(is_known(&memory, 2, now));
        // The end of one that is forgotten does not bring it back.
        memory.end(cid(0), *serials.first().unwrap(), now);
        assert!(!is_known(&memory, 0, now));
    }
}
