//! Passive health: what servers make of the requests that they are sent. One that fails again and again is left out for
//! a while, as long as enough others stay.

use std::sync::PoisonError;
use std::time::Instant;

use http::StatusCode;

use super::discovery::endpoint;
use super::endpoint::Endpoint;
use super::group::Group;

impl Group {
    /// A server has answered a request with this status; `None`: it could not be reached, or gave no answer.
    pub(crate) fn answered(&self, endpoint: &Endpoint, status: Option<StatusCode>) {
        self.answered_at(Instant::now(), endpoint, status);
    }

    pub(super) fn answered_at(
        &self,
        now: Instant,
        endpoint: &Endpoint,
        status: Option<StatusCode>,
    ) {
        if !self.outliers.enabled {
            return;
        }
        if !is_failure(status) {
            endpoint.record().succeeded();
        } else if endpoint.record().failed(now, &self.outliers) {
            self.eject(now, endpoint);
        }
    }

    fn eject(&self, now: Instant, endpoint: &Endpoint) {
        // Two at once must not both be the last that can be spared.
        let _one_at_a_time = self.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        if endpoint.record().is_ejected(now) || !self.can_spare_one(now) {
            return;
        }
        let long = endpoint.record().eject(now, &self.outliers);
        self.counts.ejections.inc();
        let (upstream, server) = (self.name(), endpoint.address());
        tracing::warn!(upstream, %server, seconds = long.as_secs(), "server is left out");
    }

    /// Whether one more of the group's servers may be left out. One always stays.
    fn can_spare_one(&self, now: Instant) -> bool {
        let all = self.balancer.len();
        let share = all * usize::from(self.outliers.max_ejected) / 100;
        let mut ejected = 0;
        self.balancer.find(&mut |backend, _| {
            ejected += usize::from(endpoint(backend).is_some_and(|it| it.record().is_ejected(now)));
            false
        });
        ejected < share.min(all.saturating_sub(1))
    }
}

/// A gateway's statuses say that nobody behind the server has answered; any other is an answer.
fn is_failure(status: Option<StatusCode>) -> bool {
    status.is_none_or(|status| matches!(status.as_u16(), 502..=504))
}
