//! How fast one address may ask: requests, and WebSocket handshakes, in a second. An IPv6 client counts by its /64,
//! which is what one customer gets.
//!
//! pingora's estimator counts in memory of a fixed size, whoever comes: an address may be counted with others whose
//! hashes are the same in all of its rows, but never less than it asks. What is compared is the count of the last
//! second, as it was a whole one ago and is now, weighted: so there is no moment at which a limit begins anew.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;
use pingora_limits::rate::{PROPORTIONAL_RATE_ESTIMATE_CALC_FN, Rate};
use towpath_conf::Limits;

use crate::address::network;
use crate::answer::Refusal;
use crate::classify::Kind;

/// The size of an estimator: 512 KiB.
const ROWS: usize = 4;
const COLUMNS: usize = 8192;

/// The rates of a configuration.
pub(crate) struct Rates {
    requests: Option<Limit>,
    upgrades: Option<Limit>,
    exempt: Vec<IpNet>,
}

struct Limit {
    most: NonZeroU32,
    rate: Rate,
}

impl Rates {
    /// Those that are limited at all.
    pub(crate) fn new(limits: &Limits) -> Self {
        let limit = |most: NonZeroU32| Limit {
            most,
            rate: Rate::new_with_estimator_config(Duration::from_secs(1), ROWS, COLUMNS),
        };
        Self {
            requests: limits.requests_per_second.get().map(limit),
            upgrades: limits.upgrades_per_second.get().map(limit),
            exempt: limits.exempt.clone(),
        }
    }

    /// Counts a request, which may be one too many.
    pub(crate) fn ask(&self, client: IpAddr, kind: Option<Kind>) -> Result<(), Refusal> {
        let limits = [
            (&self.requests, Refusal::TooManyRequests, true),
            (
                &self.upgrades,
                Refusal::TooManyUpgrades,
                kind == Some(Kind::Upgrade),
            ),
        ];
        for (limit, refusal, counts) in limits {
            if let Some(limit) = limit.as_ref().filter(|_| counts)
                && !self.exempt.iter().any(|network| network.contains(&client))
                && !limit.allows(network(client))
            {
                return Err(refusal);
            }
        }
        Ok(())
    }
}

impl Limit {
    /// Counts one; what was refused is counted too, so who goes on asking goes on being refused.
    fn allows(&self, network: IpAddr) -> bool {
        self.rate.observe(&network, 1);
        let rate = self
            .rate
            .rate_with(&network, PROPORTIONAL_RATE_ESTIMATE_CALC_FN);
        rate <= f64::from(self.most.get())
    }
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rates(requests: u32, upgrades: u32) -> Rates {
        let on = |most| towpath_conf::OrOff::On(NonZeroU32::new(most).unwrap());
        Rates::new(&Limits {
            requests_per_second: on(requests),
            upgrades_per_second: on(upgrades),
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
            ..Limits::default()
        })
    }

    /// How many of so many pass at once.
    fn passed(rates: &Rates, client: &str, kind: Kind, count: usize) -> usize {
        let client = client.parse().unwrap();
        let asked = (0..count).map(|_| rates.ask(client, Some(kind)));
        asked.filter(Result::is_ok).count()
    }

    #[test]
    fn each_address_has_its_own() {
        let rates = rates(5, 2);
        assert_eq!(passed(&rates, "192.0.2.1", Kind::Http, 9), 5);
        assert_eq!(passed(&rates, "192.0.2.2", Kind::Http, 4), 4);
        assert_eq!(passed(&rates, "10.0.0.1", Kind::Http, 9), 9, "exempt");
    }

    #[test]
    fn handshakes_are_requests_and_more() {
        let rates = rates(5, 2);
        assert_eq!(passed(&rates, "192.0.2.1", Kind::Upgrade, 4), 2);
        assert_eq!(passed(&rates, "192.0.2.1", Kind::Http, 4), 1);
    }

    #[test]
    fn a_network_of_one_customer_is_one_client() {
        let rates = rates(5, 2);
        assert_eq!(passed(&rates, "2001:db8::1", Kind::Http, 3), 3);
        assert_eq!(passed(&rates, "2001:db8::2", Kind::Http, 3), 2);
        assert_eq!(passed(&rates, "2001:db8:0:1::2", Kind::Http, 3), 3);
    }
}
