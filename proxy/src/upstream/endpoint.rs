//! One server of an upstream, with what is counted and known of it: the same object after every reload, so that
//! `least_connections` does not begin at nought while tunnels live on, and whoever was left out stays so. What lives on an
//! address is counted over all upstreams; what was learnt of it belongs to one, since others may speak otherwise to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::record::Record;
use super::weak::WeakMap;

/// An address that an upstream's connections go to.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    live: Arc<AtomicUsize>,
    record: Record,
}

impl Endpoint {
    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has been learnt of it.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Tunnels and requests on it now.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Counts one more until the lease is dropped.
    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        self.live.fetch_add(1, Ordering::Relaxed);
        Lease {
            endpoint: self.clone(),
        }
    }
}

/// One tunnel or request on an endpoint.
#[derive(Debug)]
pub(crate) struct Lease {
    endpoint: Arc<Endpoint>,
}

impl Lease {
    /// Whose it is.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where the connection goes.
    pub(crate) fn address(&self) -> SocketAddr {
        self.endpoint.address
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All endpoints in use. It holds none of them alive, and forgets those that are gone.
#[derive(Default)]
pub(crate) struct Endpoints {
    live: WeakMap<SocketAddr, AtomicUsize>,
    known: WeakMap<(String, SocketAddr), Endpoint>,
    /// Whether the process has begun to serve: who comes later is new.
    begun: AtomicBool,
}

impl Endpoints {
    /// The process begins to serve.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// The endpoint of an upstream's address.
    pub(crate) fn get(&self, upstream: &str, address: SocketAddr) -> Arc<Endpoint> {
        self.known
            .get_or_insert_with((upstream.to_owned(), address), || Endpoint {
                address,
                live: self.live.get_or_insert_with(address, AtomicUsize::default),
                record: match self.begun.load(Ordering::Relaxed) {
                    true => Record::of_new(Instant::now()),
                    false => Record::default(),
                },
            })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address() -> SocketAddr {
        "127.0.0.1:1".parse().unwrap()
    }

    #[test]
    fn what_lives_on_an_address_is_counted_for_as_long_as_somebody_holds_it() {
        let endpoints = Endpoints::default();
        let lease = endpoints.get("app", address()).lease();
        assert_eq!(endpoints.get("app", address()).live(), 1);
        assert_eq!(endpoints.get("other", address()).live(), 1);
        drop(lease);
        assert_eq!(endpoints.get("app", address()).live(), 0);
    }

    #[test]
    fn what_is_learnt_of_an_address_is_one_upstreams() {
        let endpoints = Endpoints::default();
        let (app, other) = (
            endpoints.get("app", address()),
            endpoints.get("other", address()),
        );
        let (now, conf) = (Instant::now(), towpath_conf::Outliers::default());
        app.record().eject(now, &conf);
        assert!(endpoints.get("app", address()).record().is_ejected(now));
        assert!(!other.record().is_ejected(now));
    }
}
