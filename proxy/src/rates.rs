//! How often one client may ask: requests, and WebSocket handshakes, in a second.

use std::net::IpAddr;
use std::num::NonZeroU32;

use ipnet::IpNet;
use tokio::time::Instant;
use towpath_conf::Limits;

use crate::allowances::Allowances;
use crate::answer::Refusal;
use crate::classify::Kind;

/// The rates of a configuration.
#[derive(Debug)]
pub(crate) struct Rates {
    requests: Option<Allowances>,
    upgrades: Option<Allowances>,
    exempt: Vec<IpNet>,
}

impl Rates {
    /// Those that are limited at all.
    pub(crate) fn new(limits: &Limits) -> Self {
        let allowances = |a_second: NonZeroU32| Allowances::new(a_second, Instant::now());
        Self {
            requests: limits.requests_per_second.get().map(allowances),
            upgrades: limits.upgrades_per_second.get().map(allowances),
            exempt: limits.exempt.clone(),
        }
    }

    /// Whether a client may ask now. What is refused does not count: one that asks too often is still served as often as
    /// it may be.
    pub(crate) fn ask(&self, client: IpAddr, kind: Option<Kind>) -> Result<(), Refusal> {
        if self.exempt.iter().any(|network| network.contains(&client)) {
            return Ok(());
        }
        let now = Instant::now();
        let takes = |allowances: &Option<Allowances>| {
            let allowances = allowances.as_ref();
            allowances.is_none_or(|it| it.take(client, now))
        };
        if !takes(&self.requests) {
            return Err(Refusal::TooManyRequests);
        }
        if kind == Some(Kind::Upgrade) && !takes(&self.upgrades) {
            return Err(Refusal::TooManyUpgrades);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use towpath_conf::OrOff;

    use super::*;

    fn rates() -> Rates {
        let on = |most| OrOff::On(NonZeroU32::new(most).unwrap());
        Rates::new(&Limits {
            requests_per_second: on(5),
            upgrades_per_second: on(2),
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
            ..Limits::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn handshakes_are_requests_and_more() {
        let rates = rates();
        let ask = |kind| rates.ask("192.0.2.1".parse().unwrap(), kind);
        assert_eq!(ask(Some(Kind::Upgrade)), Ok(()));
        assert_eq!(ask(Some(Kind::Upgrade)), Ok(()));
        assert_eq!(ask(Some(Kind::Upgrade)), Err(Refusal::TooManyUpgrades));
        // What is no handshake at all is a request, too.
        assert_eq!(ask(None), Ok(()));
        assert_eq!(ask(Some(Kind::Http)), Ok(()));
        assert_eq!(ask(Some(Kind::Http)), Err(Refusal::TooManyRequests));
        assert_eq!(ask(Some(Kind::Upgrade)), Err(Refusal::TooManyRequests));
    }

    #[tokio::test(start_paused = true)]
    async fn the_exempt_may_ask_as_often_as_they_like() {
        let rates = rates();
        let exempt: IpAddr = "10.0.0.1".parse().unwrap();
        assert!((0..99).all(|_| rates.ask(exempt, Some(Kind::Upgrade)).is_ok()));
    }
}
