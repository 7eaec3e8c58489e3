//! The count of client connections: in all, and per address where that is limited.
//! A [`Place`] in the count lives as long as the connection, whoever holds it by then.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

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
    /// Bounded by `total`: an address without connections has no entry.
    by_address: Mutex<HashMap<IpAddr, usize>>,
    left: Notify,
}

impl Connections {
    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.total.load(Ordering::Acquire)
    }

    /// Waits until none is open. Cancel-safe.
    pub(crate) async fn none(&self) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if self.open() == 0 {
                return;
            }
            left.await;
        }
    }

    /// Takes a place; `per_address` is counted only where it is limited.
    pub(crate) fn enter(
        self: &Arc<Self>,
        address: IpAddr,
        total: usize,
        per_address: Option<usize>,
    ) -> Result<Place, Full> {
        if self.total.fetch_add(1, Ordering::AcqRel) >= total {
            self.leave();
            return Err(Full::Total);
        }
        let mut place = Place {
            connections: self.clone(),
            address: None,
        };
        if let Some(limit) = per_address {
            let mut counts = self
                .by_address
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(address).or_default();
            if *count >= limit {
                return Err(Full::Address);
            }
            *count += 1;
            place.address = Some(address);
        }
        Ok(place)
    }

    fn leave(&self) {
        if self.total.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.left.notify_waiters();
        }
    }
}

/// One connection's place in the count, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    address: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            let mut counts = self
                .connections
                .by_address
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = counts.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&address);
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

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn the_total_is_a_limit_until_somebody_leaves() {
        let connections = Arc::new(Connections::default());
        let first = connections.enter(HERE, 1, None).unwrap();
        assert_eq!(connections.enter(THERE, 1, None).unwrap_err(), Full::Total);
        drop(first);
        assert!(connections.enter(THERE, 1, None).is_ok());
    }

    #[test]
    fn one_address_does_not_fill_the_place_of_another() {
        let connections = Arc::new(Connections::default());
        let first = connections.enter(HERE, 9, Some(1)).unwrap();
        assert_eq!(
            connections.enter(HERE, 9, Some(1)).unwrap_err(),
            Full::Address
        );
        let second = connections.enter(THERE, 9, Some(1)).unwrap();
        assert_eq!(connections.open(), 2);
        drop((first, second));
        assert!(connections.by_address.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn none_waits_for_the_last_to_leave() {
        let connections = Arc::new(Connections::default());
        let place = connections.enter(HERE, 9, None).unwrap();
        let waiting = tokio::spawn({
            let connections = connections.clone();
            async move { connections.none().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(place);
        waiting.await.unwrap();
    }
}
