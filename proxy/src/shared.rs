//! What all connections of the process share: the running snapshot, the counts, and the word that it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::gate::Connections;
use crate::snapshot::Snapshot;
use crate::upstream::Upstreams;

/// How tunnels are to be ended: each at a moment of its own within this long.
pub(crate) type Spread = Duration;

/// The state of the process.
#[derive(Debug)]
pub(crate) struct Shared {
    snapshot: ArcSwap<Snapshot>,
    /// All client connections.
    pub(crate) connections: Arc<Connections>,
    /// The servers behind all groups, and the connector to them.
    pub(crate) upstreams: Upstreams,
    ready: AtomicBool,
    draining: watch::Sender<Option<Spread>>,
}

impl Shared {
    /// The state of a process that begins with `snapshot`.
    pub(crate) fn new(snapshot: Snapshot, upstreams: Upstreams) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            connections: Arc::default(),
            upstreams,
            ready: AtomicBool::new(false),
            draining: watch::Sender::new(None),
        }
    }

    /// The configuration in force. A request takes it once and keeps it.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts another configuration in force.
    pub(crate) fn swap(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Whether new connections are wanted.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Says whether new connections are wanted.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Ends all tunnels, each at a moment of its own within `spread`.
    pub(crate) fn drain(&self, spread: Spread) {
        self.draining.send_replace(Some(spread));
    }

    /// Waits for the moment at which one tunnel is to end.
    pub(crate) fn ending(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut draining = self.draining.subscribe();
        async move {
            let spread = match draining.wait_for(Option::is_some).await {
                Ok(spread) => spread.unwrap_or_default(),
                // The process is going down without a drain.
                Err(_) => Duration::ZERO,
            };
            tokio::time::sleep(spread.mul_f64(random_fraction())).await;
        }
    }
}

/// Between 0 and 1; the middle, should the system have no randomness.
fn random_fraction() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}
