//! One address of a server, with what is counted on it. The same address is the same endpoint in every group and
//! after every reload, so that `least_connections` does not begin at nought while tunnels live on.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use super::record::Record;

/// An address that connections go to.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    live: AtomicUsize,
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
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    known: Mutex<HashMap<SocketAddr, Weak<Endpoint>>>,
    /// Whether the process has begun to serve: who comes later is new.
    begun: AtomicBool,
}

impl Endpoints {
    /// The process begins to serve.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// The endpoint of an address.
    pub(crate) fn get(&self, address: SocketAddr) -> Arc<Endpoint> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = known.get(&address).and_then(Weak::upgrade) {
            return endpoint;
        }
        known.retain(|_, endpoint| endpoint.strong_count() > 0);
        let endpoint = Arc::new(Endpoint {
            address,
            live: AtomicUsize::new(0),
            record: Record::default(),
        });
        if self.begun.load(Ordering::Relaxed) {
            endpoint.record.begin(Instant::now());
        }
        known.insert(address, Arc::downgrade(&endpoint));
        endpoint
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_one_endpoint_for_as_long_as_somebody_holds_it() {
        let endpoints = Endpoints::default();
        let (a, b) = (
            "127.0.0.1:1".parse().unwrap(),
            "127.0.0.1:2".parse().unwrap(),
        );
        let lease = endpoints.get(a).lease();
        assert_eq!(endpoints.get(a).live(), 1);
        drop(lease);
        assert_eq!(endpoints.get(a).live(), 0);
        let _held = endpoints.get(b);
        assert_eq!(
            endpoints.known.lock().unwrap().len(),
            1,
            "gone endpoints are forgotten"
        );
    }
}
