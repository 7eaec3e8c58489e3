//! The task beside a group: asks again for the names of its servers, each in its own time, and tells the balancer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use towpath_conf::{HostPort, Upstream};

use super::balance::Balancer;
use super::discovery::Names;
use super::health::Checks;

/// What keeps a group up to date.
pub(crate) struct Supervisor {
    balancer: Arc<dyn Balancer>,
    names: Arc<Names>,
    to_resolve: Vec<HostPort>,
    period: Duration,
    checks: Option<Arc<Checks>>,
    unsettled: watch::Sender<usize>,
}

impl Supervisor {
    /// The supervisor of a group, and how many steps are left until it has asked for everything once.
    pub(crate) fn new(
        conf: &Upstream,
        balancer: Arc<dyn Balancer>,
        names: Arc<Names>,
        checks: Option<Arc<Checks>>,
    ) -> (Self, watch::Receiver<usize>) {
        let addresses = conf.servers.iter().map(|server| &server.address);
        let to_resolve: Vec<_> = addresses
            .filter(|address| address.ip().is_none())
            .cloned()
            .collect();
        // One step for each name, and one for the servers without names.
        let (unsettled, steps_left) = watch::channel(to_resolve.len() + 1);
        let supervisor = Self {
            balancer,
            names,
            to_resolve,
            period: conf.resolve.get(),
            checks,
            unsettled,
        };
        (supervisor, steps_left)
    }

    /// Runs for as long as there is something to ask again.
    pub(crate) async fn run(self) {
        self.update().await;
        self.settled();
        // Side by side: a name whose servers do not answer takes tens of seconds, and must hold up no other.
        join_all(self.to_resolve.iter().map(|name| self.follow(name))).await;
    }

    async fn follow(&self, name: &HostPort) {
        let mut ticks = ticks(self.period);
        ticks.tick().await;
        self.look_up(name).await;
        self.settled();
        loop {
            ticks.tick().await;
            self.look_up(name).await;
        }
    }

    async fn look_up(&self, name: &HostPort) {
        self.names.look_up(name).await;
        self.update().await;
    }

    /// Updates do not overlap, as the balancer demands: all are awaited in this one task, and discovery never waits.
    async fn update(&self) {
        if let Err(error) = self.balancer.update().await {
            tracing::error!(%error, "servers could not be updated");
        }
        if let Some(checks) = self.checks.as_ref().filter(|_| self.balancer.len() > 0) {
            checks.begin();
        }
    }

    fn settled(&self) {
        self.unsettled
            .send_modify(|left| *left = left.saturating_sub(1));
    }
}

/// Ticks from now on; one that comes late delays the next.
pub(crate) fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
