//! Writing a header: to servers that want to know whose a connection is.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use towpath_conf::ProxyVersion;

use super::Addresses;

/// What version 2 begins with (§2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The header of a connection that was made for a client; `None`: for ourselves.
pub(crate) fn encode(version: ProxyVersion, addresses: Option<Addresses>) -> Vec<u8> {
    let pair = addresses.map(alike);
    match version {
        ProxyVersion::V1 => line(pair),
        ProxyVersion::V2 => binary(pair),
    }
}

/// A header has addresses of one family: IPv4 where both are, IPv6 otherwise.
fn alike(addresses: Addresses) -> (SocketAddr, SocketAddr) {
    let canonical =
        |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (
        canonical(addresses.source),
        canonical(addresses.destination),
    );
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let mapped =
        |address: SocketAddr| SocketAddr::new(to_ipv6(address.ip()).into(), address.port());
    (mapped(source), mapped(destination))
}

fn to_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn line(pair: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let Some((source, destination)) = pair else {
        return b"PROXY UNKNOWN\r\n".to_vec();
    };
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    let (from_port, to_port) = (source.port(), destination.port());
    format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n").into_bytes()
}

fn binary(pair: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    let Some((source, destination)) = pair else {
        // LOCAL, of no family, with nothing more to say.
        header.extend([0x20, 0, 0, 0]);
        return header;
    };
    let (family, len) = if source.is_ipv4() {
        (0x11, 12)
    } else {
        (0x21, 36)
    };
    header.extend([0x21, family, 0, len]);
    for address in [source, destination] {
        match address.ip() {
            IpAddr::V4(address) => header.extend(address.octets()),
            IpAddr::V6(address) => header.extend(address.octets()),
        }
    }
    header.extend(source.port().to_be_bytes());
    header.extend(destination.port().to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::parse::{Parsed, parse};
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for version in [ProxyVersion::V1, ProxyVersion::V2] {
            for (source, destination) in [
                ("192.0.2.7:12345", "10.0.0.1:443"),
                ("[2001:db8::7]:1", "[::1]:65535"),
            ] {
                let addresses = Some(Addresses {
                    source: source.parse().unwrap(),
                    destination: destination.parse().unwrap(),
                });
                let header = encode(version, addresses);
                let len = header.len();
                assert_eq!(
                    parse(&header),
                    Ok(Parsed::Complete { len, addresses }),
                    "{source}"
                );
            }
            let own = encode(version, None);
            let (len, addresses) = (own.len(), None);
            assert_eq!(parse(&own), Ok(Parsed::Complete { len, addresses }));
        }
    }

    #[test]
    fn both_addresses_are_of_one_family() {
        let addresses = Addresses {
            source: "192.0.2.7:1".parse().unwrap(),
            destination: "[2001:db8::1]:2".parse().unwrap(),
        };
        let header = encode(ProxyVersion::V1, Some(addresses));
        assert_eq!(header, b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 2\r\n");
    }
}
