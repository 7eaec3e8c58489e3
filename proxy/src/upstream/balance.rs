//! The ways of choosing, behind one face. Round robin, random and the Ketama ring are pingora-load-balancing's;
//! it has no least-connections, so that is ours, in its terms.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use pingora::lb::selection::{BackendIter, BackendSelection, Consistent, Random, RoundRobin};
use pingora::lb::{Backend, Backends, HealthRegistry, LoadBalancer};
use towpath_conf::Balance;

use super::discovery::{Discovery, endpoint, slow_start};

/// Steps of a selection's own walk, which never ends by itself.
const MAX_STEPS: usize = 256;

/// A group's balancer.
#[async_trait]
pub(crate) trait Balancer: Send + Sync {
    /// The first candidate that `accept` takes; it is told whether the candidate is healthy.
    fn select(&self, key: &[u8], accept: &mut dyn FnMut(&Backend, bool) -> bool)
    -> Option<Backend>;
    /// The first of all servers that `accept` takes, in no order that means anything; nobody's turn is taken.
    fn find(&self, accept: &mut dyn FnMut(&Backend, bool) -> bool) -> Option<Backend>;
    /// How many servers there are.
    fn len(&self) -> usize;
    /// Asks discovery again. Calls must not overlap.
    async fn update(&self) -> pingora::Result<()>;
}

/// The balancer that a configuration asks for, over servers whose health `health` knows.
pub(crate) fn balancer(
    balance: Balance,
    discovery: Discovery,
    health: Option<Arc<HealthRegistry>>,
) -> Box<dyn Balancer> {
    let discovery = Box::new(discovery);
    let backends = match health {
        Some(health) => Backends::new_with_health_registry(discovery, health),
        None => Backends::new(discovery),
    };
    match balance {
        Balance::RoundRobin => Box::new(LoadBalancer::<RoundRobin>::from_backends(backends)),
        Balance::Random => Box::new(LoadBalancer::<Random>::from_backends(backends)),
        Balance::Hash => Box::new(LoadBalancer::<Consistent>::from_backends(backends)),
        Balance::LeastConnections => {
            Box::new(LoadBalancer::<LeastConnections>::from_backends(backends))
        }
    }
}

#[async_trait]
impl<S> Balancer for LoadBalancer<S>
where
    S: BackendSelection + Send + Sync + 'static,
    S::Iter: BackendIter,
{
    fn select(
        &self,
        key: &[u8],
        accept: &mut dyn FnMut(&Backend, bool) -> bool,
    ) -> Option<Backend> {
        if self.len() == 1 {
            // There is nothing to choose, and nobody's turn to take.
            return self.find(accept);
        }
        let accept = RefCell::new(accept);
        let accept = |backend: &Backend, healthy: bool| (accept.borrow_mut())(backend, healthy);
        // A walk goes round for ever, and each step takes a turn that others were to have.
        let (left, is_accepted) = (Cell::new(self.len()), Cell::new(false));
        let walked = self.select_with(key, MAX_STEPS, |backend, healthy| {
            left.set(left.get().saturating_sub(1));
            is_accepted.set(accept(backend, healthy));
            is_accepted.get() || left.get() == 0
        });
        if is_accepted.get() {
            return walked;
        }
        // A walk draws at random or follows the ring's points, so that it may pass a server by: one of a hundred, or
        // one between the many points of a heavy neighbour. Before a request is refused, all are looked at.
        let backends = self.backends().get_backend();
        let begin = begin(key, backends.len());
        let mut in_turn = backends
            .iter()
            .skip(begin)
            .chain(backends.iter().take(begin));
        in_turn
            .find(|backend| accept(backend, self.backends().ready(backend)))
            .cloned()
    }

    fn find(&self, accept: &mut dyn FnMut(&Backend, bool) -> bool) -> Option<Backend> {
        let backends = self.backends().get_backend();
        let mut all = backends.iter();
        all.find(|backend| accept(backend, self.backends().ready(backend)))
            .cloned()
    }

    fn len(&self) -> usize {
        self.backends().get_backend().len()
    }

    async fn update(&self) -> pingora::Result<()> {
        LoadBalancer::update(self).await
    }
}

/// Where among `len` servers a key begins: the same key at the same server, other keys elsewhere.
fn begin(key: &[u8], len: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % (len.max(1) as u64)).unwrap_or(0)
}

/// The fewest live tunnels and requests for the weight; among equals, one after the other.
pub(crate) struct LeastConnections {
    backends: Box<[Backend]>,
    next: AtomicUsize,
}

impl BackendSelection for LeastConnections {
    type Iter = Ascending;
    type Config = ();

    fn build(backends: &BTreeSet<Backend>) -> Self {
        Self {
            backends: backends.iter().cloned().collect(),
            next: AtomicUsize::new(0),
        }
    }

    fn iter(self: &Arc<Self>, _: &[u8]) -> Ascending {
        let len = self.backends.len();
        let begin = self.next.fetch_add(1, Ordering::Relaxed) % len.max(1);
        let now = Instant::now();
        let mut order: Vec<(f64, usize)> = (0..len)
            .map(|turn| (begin + turn) % len)
            .filter_map(|at| Some((load(self.backends.get(at)?, now), at)))
            .collect();
        // Stable: equals stay in their turn.
        order.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Ascending {
            selection: self.clone(),
            order: order.into_iter(),
        }
    }
}

/// Live connections for one unit of weight. One that warms up weighs less, or all that is new would go to it.
fn load(backend: &Backend, now: Instant) -> f64 {
    let Some(endpoint) = endpoint(backend) else {
        return 0.0;
    };
    let slow_start = slow_start(backend);
    let share = slow_start.map_or(1.0, |long| endpoint.record().share(now, long));
    endpoint.live() as f64 / (backend.weight.max(1) as f64 * share)
}

/// The backends from the least to the most loaded.
pub(crate) struct Ascending {
    selection: Arc<LeastConnections>,
    order: std::vec::IntoIter<(f64, usize)>,
}

impl BackendIter for Ascending {
    fn next(&mut self) -> Option<&Backend> {
        let (_, at) = self.order.next()?;
        self.selection.backends.get(at)
    }
}
