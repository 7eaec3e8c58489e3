//! The ways of choosing, behind one face. Round robin, random and the Ketama ring are pingora-load-balancing's;
//! it has no least-connections, so that is ours, in its terms.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pingora::lb::health_check::HealthCheck;
use pingora::lb::selection::{BackendIter, BackendSelection, Consistent, Random, RoundRobin};
use pingora::lb::{Backend, Backends, LoadBalancer};
use towpath_conf::Balance;

use super::discovery::{Discovery, endpoint};

/// Candidates looked at before giving up; above any group's number of servers that balancing makes sense for.
const MAX_CANDIDATES: usize = 256;

/// A group's balancer.
#[async_trait]
pub(crate) trait Balancer: Send + Sync {
    /// The first candidate that `accept` takes; it is told whether the candidate is healthy.
    fn select(&self, key: &[u8], accept: &mut dyn FnMut(&Backend, bool) -> bool)
    -> Option<Backend>;
    /// How many servers there are.
    fn len(&self) -> usize;
    /// Asks discovery again.
    async fn update(&self) -> pingora::Result<()>;
    /// Checks the health of all servers once.
    async fn check(&self);
}

/// The balancer that a configuration asks for.
pub(crate) fn balancer(
    balance: Balance,
    discovery: Discovery,
    health: Option<Box<dyn HealthCheck + Send + Sync>>,
) -> Box<dyn Balancer> {
    let mut backends = Backends::new(Box::new(discovery));
    if let Some(health) = health {
        backends.set_health_check(health);
    }
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
        let accept = std::cell::RefCell::new(accept);
        self.select_with(key, MAX_CANDIDATES, |backend, healthy| {
            (accept.borrow_mut())(backend, healthy)
        })
    }

    fn len(&self) -> usize {
        self.backends().get_backend().len()
    }

    async fn update(&self) -> pingora::Result<()> {
        LoadBalancer::update(self).await
    }

    async fn check(&self) {
        self.backends().run_health_check(true).await;
    }
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
        let mut order: Vec<(f64, usize)> = (0..len)
            .map(|turn| (begin + turn) % len)
            .filter_map(|at| Some((load(self.backends.get(at)?), at)))
            .collect();
        // Stable: equals stay in their turn.
        order.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Ascending {
            selection: self.clone(),
            order: order.into_iter(),
        }
    }
}

/// Live connections for one unit of weight.
fn load(backend: &Backend) -> f64 {
    let live = endpoint(backend).map_or(0, |endpoint| endpoint.live());
    live as f64 / backend.weight.max(1) as f64
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
