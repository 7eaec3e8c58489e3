//! What each client may still ask for: so many in a second, and as many at once after a second of rest (a token bucket,
//! kept as the one moment at which it is full again).
//!
//! The table has a fixed size, whoever comes. A client's address says where in it its bucket may be, and it takes the
//! place of the one there that is full first; a bucket that is full need not be remembered. So a client is never counted
//! together with others, and may at worst be forgotten for a moment, when more ask within a second than there are
//! places.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::address::network;

/// Places in the table: 65,536, in less than 3 MiB.
const ROWS: usize = 8192;
const ROW: usize = 8;

const SECOND: Duration = Duration::from_secs(1);

/// The buckets of all clients.
pub(crate) struct Allowances {
    /// The time in which a bucket gets one more.
    interval: Duration,
    /// Which clients share a row is different in each process, so nobody can choose to.
    hasher: RandomState,
    rows: Box<[Mutex<[Bucket; ROW]>]>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    client: IpAddr,
    full_at: Instant,
}

impl Allowances {
    /// Everybody's bucket is full.
    pub(crate) fn new(a_second: NonZeroU32, now: Instant) -> Self {
        let nobody = Bucket {
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            full_at: now,
        };
        Self {
            interval: SECOND / a_second.get(),
            hasher: RandomState::new(),
            rows: (0..ROWS).map(|_| Mutex::new([nobody; ROW])).collect(),
        }
    }

    /// Takes one, if there is one left.
    pub(crate) fn take(&self, client: IpAddr, now: Instant) -> bool {
        let client = network(client);
        let Some(mut row) = self.row(client) else {
            return true;
        };
        let known = row.iter_mut().position(|bucket| bucket.client == client);
        let bucket = match known {
            Some(place) => row.get_mut(place),
            None => row.iter_mut().min_by_key(|bucket| bucket.full_at),
        };
        let Some(bucket) = bucket else { return true };
        if bucket.client != client {
            *bucket = Bucket {
                client,
                full_at: now,
            };
        }
        let full_at = bucket.full_at.max(now) + self.interval;
        let is_left = full_at <= now + SECOND;
        if is_left {
            bucket.full_at = full_at;
        }
        is_left
    }

    /// No code can panic while it holds the lock.
    fn row(&self, client: IpAddr) -> Option<MutexGuard<'_, [Bucket; ROW]>> {
        let row = self.hasher.hash_one(client) as usize % ROWS;
        let row = self.rows.get(row)?;
        Some(row.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Allowances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowances")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn allowances(a_second: u32, now: Instant) -> Allowances {
        Allowances::new(NonZeroU32::new(a_second).unwrap(), now)
    }

    fn client(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    /// How many of `count` get one.
    fn taken(allowances: &Allowances, client: &str, count: usize, now: Instant) -> usize {
        let client = client.parse().unwrap();
        (0..count).filter(|_| allowances.take(client, now)).count()
    }

    #[test]
    fn a_second_of_rest_fills_it_and_no_more() {
        let start = Instant::now();
        let allowances = allowances(5, start);
        for (after, count) in [(0, 5), (0, 0), (199, 0), (200, 1), (1200, 5), (9999, 5)] {
            let now = start + Duration::from_millis(after);
            let got = taken(&allowances, "192.0.2.1", 9, now);
            assert_eq!(got, count, "after {after} ms");
        }
    }

    /// Asking ten times too often gets a client no less than asking just as often as it may.
    #[test]
    fn one_that_asks_too_often_is_served_as_often_as_it_may_be() {
        let start = Instant::now();
        let allowances = allowances(10, start);
        let asked = (0..1000).map(|tick| start + Duration::from_millis(10 * tick));
        let got = asked.filter(|now| allowances.take(client(1), *now)).count();
        assert_eq!(got, 10 + 99, "the first ten at once, then ten a second");
    }

    #[test]
    fn what_one_customer_has_is_one_client() {
        let now = Instant::now();
        let allowances = allowances(5, now);
        assert_eq!(taken(&allowances, "2001:db8::1", 3, now), 3);
        assert_eq!(taken(&allowances, "2001:db8::2", 3, now), 2);
        assert_eq!(taken(&allowances, "2001:db8:0:1::1", 3, now), 3);
        assert_eq!(taken(&allowances, "::ffff:192.0.2.1", 3, now), 3);
        assert_eq!(taken(&allowances, "192.0.2.1", 3, now), 2);
    }

    /// After an outage all come back at once. Nobody is refused for that.
    #[test]
    fn many_clients_are_not_taken_for_one() {
        let now = Instant::now();
        let allowances = allowances(1, now);
        assert!((0..200_000).all(|number| allowances.take(client(number), now)));
    }

    /// As long as there are fewer than places, nobody is forgotten but by rare chance.
    #[test]
    fn a_crowd_does_not_set_one_free() {
        let now = Instant::now();
        let allowances = allowances(1, now);
        for number in 0..20_000 {
            allowances.take(client(number), now);
        }
        let again = (0..20_000).filter(|number| allowances.take(client(*number), now));
        assert!(again.count() < 200, "one in a hundred");
    }
}
