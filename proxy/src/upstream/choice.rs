//! Which server of a group a request goes to: whose the client is already, or else whose turn it is. A server that is
//! left out, or warms up and has no turn this time, is taken only where there is no other.

use std::cell::OnceCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use pingora::lb::Backend;

use super::discovery::{cookie_value, endpoint};
use super::endpoint::{Endpoint, Lease};
use super::group::{Group, NoServer, Tried};
use super::hash::HashKey;
use super::sticky;

impl Group {
    /// A healthy server that was not tried yet. It counts as in use until the lease is dropped.
    pub(crate) fn choose(&self, key: &HashKey<'_>, tried: &Tried) -> Result<Lease, NoServer> {
        self.choose_at(Instant::now(), key, tried)
    }

    pub(super) fn choose_at(
        &self,
        now: Instant,
        key: &HashKey<'_>,
        tried: &Tried,
    ) -> Result<Lease, NoServer> {
        if tried.is_empty() {
            self.budget.request(now);
        }
        let mut look = Look::new(self, tried, now);
        if !tried.is_empty() && !self.budget.has_retry(now) {
            return Err(look.why_no_retry());
        }
        let chosen = match key {
            HashKey::Sticky { cookie, .. } => look
                .named(cookie)
                .or_else(|| key.with_bytes(|key| look.balanced(key))),
            HashKey::Pinned(_) => key.with_bytes(|key| look.favourite(key)),
            _ => key.with_bytes(|key| look.balanced(key)),
        };
        let chosen = chosen.ok_or_else(|| look.why_none())?;
        if !tried.is_empty() {
            // Nothing is paid for a server that is not there.
            self.budget.spend(now);
            self.counts.retries.inc();
        }
        if chosen.record().is_back(now) {
            let (upstream, server) = (self.name(), chosen.address());
            tracing::info!(upstream, %server, "server is back");
        }
        Ok(chosen.lease())
    }
}

/// How welcome a server is; the less, the later it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Ready,
    /// It warms up, and this is not its turn.
    Cold,
    LeftOut,
}

/// A look at a group's servers for one request.
struct Look<'a> {
    group: &'a Group,
    tried: &'a Tried,
    now: Instant,
    /// Who has a turn while it warms up: drawn once, so that a server that is come by twice has no second chance.
    lot: OnceCell<f64>,
    has_tried: bool,
    has_unhealthy: bool,
}

impl<'a> Look<'a> {
    fn new(group: &'a Group, tried: &'a Tried, now: Instant) -> Self {
        Self {
            group,
            tried,
            now,
            lot: OnceCell::new(),
            has_tried: false,
            has_unhealthy: false,
        }
    }

    /// The endpoint of a server that can be chosen at all.
    fn usable<'b>(&mut self, backend: &'b Backend, healthy: bool) -> Option<&'b Arc<Endpoint>> {
        let endpoint = endpoint(backend)?;
        let is_tried = self.tried.contains(endpoint.address());
        self.has_tried |= is_tried;
        self.has_unhealthy |= !healthy;
        (healthy && !is_tried).then_some(endpoint)
    }

    /// The server that a cookie names, unless it is left out. It is warm enough for those whom it knows.
    fn named(&mut self, cookie: &[u8]) -> Option<Arc<Endpoint>> {
        let balancer = self.group.balancer.clone();
        let named = balancer.find(&mut |backend, healthy| {
            cookie_value(backend).is_some_and(|value| sticky::is_same(value, cookie))
                && self
                    .usable(backend, healthy)
                    .is_some_and(|endpoint| !self.is_left_out(endpoint))
        })?;
        endpoint(&named).cloned()
    }

    /// The server whose turn it is.
    fn balanced(&mut self, key: &[u8]) -> Option<Arc<Endpoint>> {
        let balancer = self.group.balancer.clone();
        let mut best: Option<(Rank, Arc<Endpoint>)> = None;
        balancer.select(key, &mut |backend, healthy| {
            let Some(endpoint) = self.usable(backend, healthy) else {
                return false;
            };
            let rank = self.rank(endpoint);
            if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                best = Some((rank, endpoint.clone()));
            }
            rank == Rank::Ready
        });
        best.map(|(_, endpoint)| endpoint)
    }

    /// The server that is the key's: it stays so while others come and go (rendezvous hashing).
    fn favourite(&mut self, key: &[u8]) -> Option<Arc<Endpoint>> {
        let balancer = self.group.balancer.clone();
        let mut best: Option<((bool, u64), Arc<Endpoint>)> = None;
        balancer.find(&mut |backend, healthy| {
            if let Some(endpoint) = self.usable(backend, healthy) {
                let score = (!self.is_left_out(endpoint), affinity(key, endpoint));
                if best.as_ref().is_none_or(|(most, _)| score > *most) {
                    best = Some((score, endpoint.clone()));
                }
            }
            false
        });
        best.map(|(_, endpoint)| endpoint)
    }

    fn rank(&self, endpoint: &Endpoint) -> Rank {
        if self.is_left_out(endpoint) {
            Rank::LeftOut
        } else if self.has_turn(endpoint) {
            Rank::Ready
        } else {
            Rank::Cold
        }
    }

    fn is_left_out(&self, endpoint: &Endpoint) -> bool {
        self.group.outliers.enabled && endpoint.record().is_ejected(self.now)
    }

    fn has_turn(&self, endpoint: &Endpoint) -> bool {
        let Some(slow_start) = self.group.slow_start else {
            return true;
        };
        let share = endpoint.record().share(self.now, slow_start);
        share >= 1.0 || *self.lot.get_or_init(lot) < share
    }

    /// The budget is spent: whether that is why. Nobody's turn is taken.
    fn why_no_retry(&mut self) -> NoServer {
        let balancer = self.group.balancer.clone();
        match balancer.find(&mut |backend, healthy| self.usable(backend, healthy).is_some()) {
            Some(_) => {
                self.group.counts.retries_refused.inc();
                NoServer::Spent
            }
            None => self.why_none(),
        }
    }

    fn why_none(&self) -> NoServer {
        if self.has_tried {
            NoServer::Tried
        } else if self.has_unhealthy || self.group.balancer.len() > 0 {
            NoServer::Unhealthy
        } else {
            NoServer::Unresolved
        }
    }
}

/// From 0 to 1; nobody has a turn should the system have no randomness.
fn lot() -> f64 {
    getrandom::u32().map_or(1.0, |lot| f64::from(lot) / f64::from(u32::MAX))
}

fn affinity(key: &[u8], endpoint: &Endpoint) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, endpoint.address()).hash(&mut hasher);
    hasher.finish()
}
