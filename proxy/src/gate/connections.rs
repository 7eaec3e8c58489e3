//! The count of client connections: in all, and of one client where that is limited.
//! A [`Place`] in the count lives as long as the connection, whoever holds it by then.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::address::network;

/// Why a connection has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// `limits.connections` are open; answered 503.
    Total,
    /// `limits.connections_per_address` are open from this address; answered 429.
    Address,
}

/// All client connections of the process.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    total: AtomicUsize,
    /// Accepted, and not counted yet: it is not their turn.
    arriving: AtomicUsize,
    /// Bounded by `total`: who has no connections has no entry.
    by_network: Mutex<HashMap<IpAddr, usize>>,
    left: Notify,
}

impl Connections {
    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.total.load(Ordering::Acquire)
    }

    /// Whether none is open, and none about to be.
    pub(crate) fn is_empty(&self) -> bool {
        self.arriving.load(Ordering::Acquire) + self.open() == 0
    }

    /// A connection was accepted. Whoever ends the process must not overlook it before it is counted.
    pub(crate) fn arrive(self: &Arc<Self>) -> Arrival {
        self.arriving.fetch_add(1, Ordering::AcqRel);
        Arrival(self.clone())
    }

    /// Waits until none is open. Cancel-safe.
    pub(crate) async fn none(&self) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if self.is_empty() {
                return;
            }
            left.await;
        }
    }

    /// Takes a place, if there are not `total` taken.
    pub(crate) fn enter(self: &Arc<Self>, total: usize) -> Result<Place, Full> {
        if self.total.fetch_add(1, Ordering::AcqRel) >= total {
            self.leave();
            return Err(Full::Total);
        }
        Ok(Place {
            connections: self.clone(),
            network: None,
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_network
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self) {
        if self.total.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.left.notify_waiters();
        }
    }
}

/// A connection on its way in.
#[derive(Debug)]
pub(crate) struct Arrival(Arc<Connections>);

impl Drop for Arrival {
    fn drop(&mut self) {
        if self.0.arriving.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.left.notify_waiters();
        }
    }
}

/// One connection's place in the count, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    /// Of whose connections it is one, where these are counted.
    network: Option<IpAddr>,
}

impl Place {
    /// Counts it as one of a client's, which may have `most`.
    pub(crate) fn count_for(&mut self, client: IpAddr, most: usize) -> Result<(), Full> {
        let network = network(client);
        let mut counts = self.connections.counts();
        let count = counts.entry(network).or_default();
        if *count >= most {
            return Err(Full::Address);
        }
        *count += 1;
        self.network = Some(network);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(network) = self.network {
            let mut counts = self.connections.counts();
            if let Some(count) = counts.get_mut(&network) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&network);
                }
            }
        }
        self.connections.leave();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_total_is_a_limit_until_somebody_leaves() {
        let connections = Arc::new(Connections::default());
        let first = connections.enter(1).unwrap();
        assert_eq!(connections.enter(1).unwrap_err(), Full::Total);
        drop(first);
        assert!(connections.enter(1).is_ok());
    }

    #[test]
    fn one_address_does_not_fill_the_place_of_another() {
        let connections = Arc::new(Connections::default());
        let enter = |client: &str| {
            let mut place = connections.enter(9).unwrap();
            let counted = place.count_for(client.parse().unwrap(), 1);
            counted.map(|()| place)
        };
        let first = enter("2001:db8::1").unwrap();
        assert_eq!(enter("2001:db8::2").unwrap_err(), Full::Address);
        let second = enter("192.0.2.1").unwrap();
        assert_eq!(connections.open(), 2);
        drop((first, second));
        assert!(connections.by_network.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn none_waits_for_the_last_to_leave() {
        let connections = Arc::new(Connections::default());
        let arrival = connections.arrive();
        let waiting = tokio::spawn({
            let connections = connections.clone();
            async move { connections.none().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let place = connections.enter(9).unwrap();
        drop(arrival);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(place);
        waiting.await.unwrap();
    }
}
