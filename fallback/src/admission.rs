//! Who may open a session: bounds on all of them, on those of one client address, on how fast one address opens them,
//! and on the memory that the messages of all take. An IPv6 client counts by its /64, which is what one customer gets.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Bounds on the sessions of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions at one time.
    pub sessions: usize,
    /// Sessions at one time of one address.
    pub sessions_per_address: Option<usize>,
    /// Sessions that one address may open in a second; as many may come at once.
    pub opens_per_second: Option<u32>,
    /// Bytes that the messages of all sessions may take, before backends are no longer read.
    pub memory: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions: 50_000,
            sessions_per_address: Some(1024),
            opens_per_second: Some(50),
            memory: 512 << 20,
        }
    }
}

/// Why a session may not be opened now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// There are too many.
    Sessions,
    /// This address has too many.
    Address,
    /// This address opens them too fast.
    Rate,
    /// Their messages take too much memory.
    Memory,
}

/// Counts sessions and their memory.
#[derive(Debug)]
pub(crate) struct Admission {
    counts: Mutex<Counts>,
    memory: AtomicUsize,
    memory_limit: AtomicUsize,
    /// Told when the last session leaves.
    emptied: Notify,
}

#[derive(Debug)]
struct Counts {
    bounds: Bounds,
    sessions: usize,
    addresses: HashMap<IpAddr, Address>,
    /// When addresses that nobody uses are looked for, by the number that there are.
    sweep_at: usize,
}

#[derive(Debug)]
struct Address {
    sessions: usize,
    /// When its allowance of opens is whole again.
    whole_at: Instant,
}

/// A session's place; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
    bytes: usize,
}

impl Admission {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            counts: Mutex::new(Counts {
                bounds,
                sessions: 0,
                addresses: HashMap::new(),
                sweep_at: SWEEP,
            }),
            memory: AtomicUsize::new(0),
            memory_limit: AtomicUsize::new(bounds.memory),
            emptied: Notify::new(),
        }
    }

    /// Puts other bounds in force. Sessions that there are stay.
    pub(crate) fn rebound(&self, bounds: Bounds) {
        self.counts().bounds = bounds;
        self.memory_limit.store(bounds.memory, Ordering::Relaxed);
    }

    /// A place for one more session of `client`.
    pub(crate) fn admit(self: &Arc<Self>, client: IpAddr, now: Instant) -> Result<Place, Busy> {
        let address = network(client);
        if self.is_pressed() {
            return Err(Busy::Memory);
        }
        self.counts().admit(address, now)?;
        Ok(Place {
            admission: self.clone(),
            address,
            bytes: 0,
        })
    }

    /// Sessions that there are.
    pub(crate) fn sessions(&self) -> usize {
        self.counts().sessions
    }

    /// Waits until there are none. Cancel-safe.
    pub(crate) async fn none(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.sessions() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Bytes that the messages of all sessions take.
    pub(crate) fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// Whether they take as much as they may.
    pub(crate) fn is_pressed(&self) -> bool {
        self.memory() >= self.memory_limit.load(Ordering::Relaxed)
    }

    /// No code here can panic while it holds the lock.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Addresses that are remembered before the unused are looked for.
const SWEEP: usize = 1024;

impl Counts {
    fn admit(&mut self, network: IpAddr, now: Instant) -> Result<(), Busy> {
        if self.sessions >= self.bounds.sessions {
            return Err(Busy::Sessions);
        }
        self.sweep(now);
        let address = self.addresses.entry(network).or_insert(Address {
            sessions: 0,
            whole_at: now,
        });
        let most = self.bounds.sessions_per_address;
        if most.is_some_and(|most| address.sessions >= most) {
            return Err(Busy::Address);
        }
        if let Some(rate) = self.bounds.opens_per_second {
            let second = Duration::from_secs(1);
            let whole_at = address.whole_at.max(now) + second / rate.max(1);
            if whole_at > now + second {
                return Err(Busy::Rate);
            }
            address.whole_at = whole_at;
        }
        address.sessions += 1;
        self.sessions += 1;
        Ok(())
    }

    /// `true`: that was the last.
    fn leave(&mut self, network: IpAddr) -> bool {
        self.sessions -= 1;
        if let Some(address) = self.addresses.get_mut(&network) {
            address.sessions -= 1;
        }
        self.sessions == 0
    }

    /// Forgets addresses of which nothing need be known, each time their number has doubled.
    fn sweep(&mut self, now: Instant) {
        if self.addresses.len() < self.sweep_at {
            return;
        }
        self.addresses
            .retain(|_, address| address.sessions > 0 || address.whole_at > now);
        self.sweep_at = SWEEP.max(2 * self.addresses.len());
    }
}

impl Place {
    /// Says how much memory the session's messages take now.
    pub(crate) fn holds(&mut self, bytes: usize) {
        let memory = &self.admission.memory;
        if bytes > self.bytes {
            memory.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else if bytes < self.bytes {
            memory.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    /// Whether all sessions together hold too much.
    pub(crate) fn is_pressed(&self) -> bool {
        self.admission.is_pressed()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.holds(0);
        if self.admission.counts().leave(self.address) {
            self.admission.emptied.notify_waiters();
        }
    }
}

/// What counts as one client.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BOUNDS: Bounds = Bounds {
        sessions: 3,
        sessions_per_address: Some(2),
        opens_per_second: Some(10),
        memory: 100,
    };

    fn client(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn places_are_bounded_and_come_back() {
        let admission = Arc::new(Admission::new(BOUNDS));
        let now = Instant::now();
        let first = admission.admit(client(1), now).unwrap();
        let _second = admission.admit(client(1), now).unwrap();
        assert_eq!(admission.admit(client(1), now).unwrap_err(), Busy::Address);
        let _third = admission.admit(client(2), now).unwrap();
        assert_eq!(admission.admit(client(3), now).unwrap_err(), Busy::Sessions);
        drop(first);
        assert_eq!(admission.sessions(), 2);
        admission.admit(client(1), now).unwrap();
    }

    #[test]
    fn opens_are_counted_though_the_sessions_are_gone() {
        let admission = Arc::new(Admission::new(BOUNDS));
        let now = Instant::now();
        for _ in 0..10 {
            admission.admit(client(1), now).unwrap();
        }
        assert_eq!(admission.admit(client(1), now).unwrap_err(), Busy::Rate);
        let later = now + Duration::from_millis(100);
        admission.admit(client(1), later).unwrap();
        assert_eq!(admission.admit(client(1), later).unwrap_err(), Busy::Rate);
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let admission = Arc::new(Admission::new(BOUNDS));
        let mut place = admission.admit(client(1), Instant::now()).unwrap();
        place.holds(100);
        place.holds(99);
        assert!(!place.is_pressed());
        place.holds(101);
        let refused = admission.admit(client(2), Instant::now());
        assert_eq!(refused.unwrap_err(), Busy::Memory);
        drop(place);
        assert_eq!(admission.memory(), 0);
    }

    #[test]
    fn addresses_that_are_gone_are_forgotten() {
        let admission = Arc::new(Admission::new(Bounds {
            sessions: usize::MAX,
            ..BOUNDS
        }));
        let mut now = Instant::now();
        for n in 0..100_000u32 {
            now += Duration::from_millis(1);
            admission.admit(IpAddr::from(n.to_be_bytes()), now).unwrap();
        }
        assert!(admission.counts().addresses.len() <= 2 * SWEEP);
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(
            network("2001:db8::1".parse().unwrap()),
            network("2001:db8::2".parse().unwrap())
        );
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), client(1));
    }
}
