//! What all connections of the process share: the running snapshot, the counts, and the word that it is over.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use towpath_fallback::Fallback;

use crate::admin::orders::Orders;
use crate::admin::status::LastReload;
use crate::answer::Refusal;
use crate::attempts::Attempts;
use crate::fallback::bounds;
use crate::forwarded::Client;
use crate::gate::Connections;
use crate::generations::{Generations, Inherited};
use crate::observe::access_log;
use crate::observe::live::{Entry, Live};
use crate::observe::metrics::Metrics;
use crate::observe::rejections::{Reason, Rejections};
use crate::snapshot::Snapshot;
use crate::traces::Traces;
use crate::upstream::Upstreams;

/// How tunnels are to be ended: each at a moment of its own within this long.
pub(crate) type Spread = Duration;

/// The state of the process.
#[derive(Debug)]
pub(crate) struct Shared {
    snapshot: ArcSwap<Snapshot>,
    /// All client connections.
    pub(crate) connections: Arc<Connections>,
    /// Connections of other generations, for requests of sessions here.
    pub(crate) inner_connections: Arc<Connections>,
    /// Connections of the operator's.
    pub(crate) operators: Arc<Connections>,
    /// How many of clients' there may be for want of file descriptors.
    most_connections: usize,
    /// The tunnels and sessions that there are.
    pub(crate) live: Arc<Live>,
    /// What is counted of requests, tunnels and the process.
    pub(crate) metrics: Arc<Metrics>,
    /// The way to the server.
    pub(crate) orders: Orders,
    /// This process among those before and after it.
    pub(crate) generations: Generations,
    /// When the process began.
    pub(crate) started: SystemTime,
    last_reload: Mutex<Option<LastReload>>,
    /// What was turned away.
    pub(crate) rejections: Rejections,
    /// What became of WebSocket attempts.
    pub(crate) attempts: Arc<Attempts>,
    /// All sessions of the fallback.
    pub(crate) fallback: Fallback,
    /// The way of spans out of the process.
    pub(crate) traces: Arc<Traces>,
    /// The servers behind all groups, and the connector to them.
    pub(crate) upstreams: Upstreams,
    ready: AtomicBool,
    superseded: AtomicBool,
    begun: Arc<AtomicBool>,
    draining: watch::Sender<Option<Spread>>,
}

impl Shared {
    /// The state of a process that begins with `snapshot`.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn new(
        snapshot: Snapshot,
        upstreams: Upstreams,
        orders: Orders,
        inherited: &Inherited,
    ) -> Result<Self, getrandom::Error> {
        let bounds = bounds(&snapshot.config.limits);
        let generations = inherited.generations()?;
        let metrics = Metrics::default();
        metrics.configured(&snapshot.hash);
        metrics.inherit(inherited.upgrades());
        Ok(Self {
            fallback: Fallback::new(bounds, generations.key())?,
            inner_connections: Arc::default(),
            operators: Arc::default(),
            live: Arc::default(),
            metrics: Arc::new(metrics),
            orders,
            generations,
            started: SystemTime::now(),
            last_reload: Mutex::default(),
            superseded: AtomicBool::new(false),
            snapshot: ArcSwap::from_pointee(snapshot),
            connections: Arc::default(),
            most_connections: most_connections(rlimit::Resource::NOFILE.get_soft().ok()),
            rejections: Rejections::default(),
            attempts: Arc::default(),
            traces: Arc::default(),
            upstreams,
            ready: AtomicBool::new(false),
            begun: Arc::default(),
            draining: watch::Sender::new(None),
        })
    }

    /// How many client connections there may be: as many as are configured and as file descriptors allow, so that the
    /// next one is refused before nothing can be opened any more, not for itself and not for those who are in.
    pub(crate) fn most_connections(&self, limits: &towpath_conf::Limits) -> usize {
        limits.connections.get().min(self.most_connections)
    }

    /// The configuration in force. A request takes it once and keeps it.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts another configuration in force.
    pub(crate) fn swap(&self, snapshot: Snapshot) {
        self.fallback.rebound(bounds(&snapshot.config.limits));
        self.metrics.configured(&snapshot.hash);
        self.snapshot.store(Arc::new(snapshot));
    }

    /// A connection was turned away, or a request that the gateway has not seen the end of.
    pub(crate) fn refused(&self, client: IpAddr, refusal: Refusal) {
        access_log::refused(client, refusal);
        self.rejections.count(Reason::Refused(refusal));
    }

    /// Whether new connections are wanted.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Says whether new connections are wanted.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Whether a newer process has the listening sockets.
    pub(crate) fn is_superseded(&self) -> bool {
        self.superseded.load(Ordering::Acquire)
    }

    /// A newer process has the listening sockets.
    pub(crate) fn supersede(&self) {
        self.superseded.store(true, Ordering::Release);
        self.set_ready(false);
    }

    /// Whether tunnels and sessions are being told to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether a session that is not here may be in another process, or the request has come from one.
    pub(crate) fn has_others(&self, client: &Client) -> bool {
        client.is_inner() || self.generations.have_others()
    }

    /// How the last reload went; `None`: there was none.
    pub(crate) fn last_reload(&self) -> Option<LastReload> {
        self.lock_last_reload().clone()
    }

    /// A reload has come to its end.
    pub(crate) fn reloaded(&self, reload: LastReload) {
        self.metrics.reloaded(reload.worked());
        *self.lock_last_reload() = Some(reload);
    }

    /// No code here can panic while it holds the lock.
    fn lock_last_reload(&self) -> MutexGuard<'_, Option<LastReload>> {
        self.last_reload
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all tunnels, each at a moment of its own within `spread`.
    pub(crate) fn drain(&self, spread: Spread) {
        self.begun.store(true, Ordering::Release);
        self.draining.send_replace(Some(spread));
    }

    /// Waits until tunnels and sessions are being told to end. Cancel-safe.
    pub(crate) async fn drain_begun(&self) {
        // It does not go before us.
        let _ = self.draining.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits until nobody is here any more, and nobody is being answered. Cancel-safe.
    pub(crate) async fn nothing_left(&self) {
        loop {
            self.connections.none().await;
            self.fallback.none().await;
            // The last answers of sessions may be on their way through another process.
            self.inner_connections.none().await;
            // A session may have been opened while others were waited for.
            if self.connections.is_empty() && self.fallback.sessions() == 0 {
                return;
            }
        }
    }

    /// The moment at which a tunnel or session is to end.
    pub(crate) fn ending(&self, entry: Option<Arc<Entry>>) -> Ending {
        Ending::new(self.begun.clone(), self.draining.subscribe(), entry)
    }
}

/// A connection of a client's takes one descriptor and, mostly, another one to a server; some are for us.
fn most_connections(descriptors: Option<u64>) -> usize {
    const OWN: u64 = 64;
    let most = descriptors.map_or(u64::MAX, |all| all.saturating_sub(OWN) / 2);
    usize::try_from(most).unwrap_or(usize::MAX).max(1)
}

/// Why a tunnel or session is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The process drains.
    Drain,
    /// The operator wants it to, with this code.
    Operator(u16),
}

/// Resolves when a tunnel is to end. It is polled with every message that passes, so until a drain begins it costs
/// no more than a look at a flag: the waker that the first poll has left is the task's, and stays good.
pub(crate) struct Ending {
    /// Set before the drain is announced.
    begun: Arc<AtomicBool>,
    moment: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// What the operator may tell to end.
    entry: Option<Arc<Entry>>,
    registered: bool,
}

impl Ending {
    fn new(
        begun: Arc<AtomicBool>,
        draining: watch::Receiver<Option<Spread>>,
        entry: Option<Arc<Entry>>,
    ) -> Self {
        Self {
            begun,
            moment: Box::pin(moment(draining)),
            entry,
            registered: false,
        }
    }
}

impl Future for Ending {
    type Output = Farewell;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Farewell> {
        let entry = self.entry.as_ref();
        if let Some(code) = entry.and_then(|entry| entry.poll_told(cx, !self.registered)) {
            return Poll::Ready(Farewell::Operator(code));
        }
        if self.registered && !self.begun.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.registered = true;
        self.moment.as_mut().poll(cx).map(|()| Farewell::Drain)
    }
}

/// Waits for the drain, then for a moment within its spread.
async fn moment(mut draining: watch::Receiver<Option<Spread>>) {
    let spread = match draining.wait_for(Option::is_some).await {
        Ok(spread) => spread.unwrap_or_default(),
        Err(_) => Duration::ZERO,
    };
    tokio::time::sleep(spread.mul_f64(random_fraction())).await;
}

/// Between 0 and 1; the middle, should the system have no randomness.
fn random_fraction() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::access_log::Opened;
    use crate::observe::live::Kind;

    #[test]
    fn a_client_is_refused_before_descriptors_run_out() {
        assert_eq!(most_connections(Some(1024)), 480);
        assert_eq!(most_connections(Some(10)), 1);
        assert_eq!(most_connections(None), usize::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_ends_within_the_spread() {
        let (begun, draining) = (Arc::new(AtomicBool::new(false)), watch::Sender::new(None));
        let live = Arc::new(Live::default());
        let present = live.enter(Kind::Tunnel, Opened::of_test("a"), None);
        let ending = || {
            Ending::new(
                begun.clone(),
                draining.subscribe(),
                Some(present.entry().clone()),
            )
        };
        let mut early = ending();
        for _ in 0..2 {
            assert!(
                futures_util::poll!(&mut early).is_pending(),
                "nobody drains yet"
            );
        }
        begun.store(true, Ordering::Release);
        draining.send_replace(Some(Duration::from_secs(10)));
        let began = tokio::time::Instant::now();
        tokio::join!(early, ending());
        assert!(began.elapsed() <= Duration::from_secs(10));
    }
}
