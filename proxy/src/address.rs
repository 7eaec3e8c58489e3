//! What counts as one client: an address, but of IPv6 a /64, which is what one customer gets.

use std::net::{IpAddr, Ipv6Addr};

/// The network that a client counts by.
pub(crate) fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_one_customer_has_is_one_client() {
        for (client, counted) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            let client: IpAddr = client.parse().unwrap();
            assert_eq!(network(client), counted.parse::<IpAddr>().unwrap());
        }
    }
}
