//! Reading a header, without sockets: of every prefix of it can be said that more is needed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

use super::Addresses;

/// Version 1: a line of text, at most (§2.1).
const LONGEST_LINE: usize = 107;
const LINE_BEGINS: &[u8] = b"PROXY ";

/// Version 2: what it begins with (§2.2), and the part of it that says how long the rest is.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED: usize = 16;
/// Addresses and what is said besides (TLVs), which is skipped.
const LONGEST_REST: usize = 4096;

/// The longest header of either version.
pub(super) const LONGEST: usize = FIXED + LONGEST_REST;

/// What the bytes so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of a header.
    Incomplete,
    /// A header of so many bytes. Without addresses it is from the proxy itself, or speaks of no network.
    Complete {
        len: usize,
        addresses: Option<Addresses>,
    },
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    #[error("no PROXY header")]
    NoHeader,
    #[error("a PROXY header without valid addresses")]
    Addresses,
    #[error("a PROXY header of an unknown version or command")]
    Version,
    #[error("a PROXY header of an unknown family or protocol")]
    Family,
    #[error("a PROXY header that is too long")]
    TooLong,
}

/// Reads a header from the first bytes of a connection.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Fault> {
    if begins(bytes, SIGNATURE) {
        binary(bytes)
    } else if begins(bytes, LINE_BEGINS) {
        line(bytes)
    } else {
        Err(Fault::NoHeader)
    }
}

/// Whether `bytes` begin as `whole` does, as far as they go.
fn begins(bytes: &[u8], whole: &[u8]) -> bool {
    let len = bytes.len().min(whole.len());
    bytes.get(..len) == whole.get(..len)
}

fn line(bytes: &[u8]) -> Result<Parsed, Fault> {
    let line = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return match bytes.len() < LONGEST_LINE {
            true => Ok(Parsed::Incomplete),
            false => Err(Fault::TooLong),
        };
    };
    let text = line.get(LINE_BEGINS.len()..end).unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| Fault::Addresses)?;
    let addresses = match text.split(' ').collect::<Vec<_>>().as_slice() {
        ["UNKNOWN", ..] => None,
        ["TCP4", source, destination, from, to] => Some(Addresses {
            source: address::<Ipv4Addr>(source, from)?,
            destination: address::<Ipv4Addr>(destination, to)?,
        }),
        ["TCP6", source, destination, from, to] => Some(Addresses {
            source: address::<Ipv6Addr>(source, from)?,
            destination: address::<Ipv6Addr>(destination, to)?,
        }),
        _ => return Err(Fault::Addresses),
    };
    let len = end + 2;
    Ok(Parsed::Complete { len, addresses })
}

fn address<I: std::str::FromStr + Into<IpAddr>>(ip: &str, port: &str) -> Result<SocketAddr, Fault> {
    let ip: I = ip.parse().map_err(|_| Fault::Addresses)?;
    // Neither a sign nor zeros in front (§2.1): as it is written, and in no other way.
    let port = port.parse().ok().filter(|it: &u16| it.to_string() == port);
    let port = port.ok_or(Fault::Addresses)?;
    Ok(SocketAddr::new(ip.into(), port))
}

fn binary(bytes: &[u8]) -> Result<Parsed, Fault> {
    let Some([.., command, family, high, low]) = bytes.first_chunk::<FIXED>() else {
        return Ok(Parsed::Incomplete);
    };
    let rest = usize::from(u16::from_be_bytes([*high, *low]));
    if rest > LONGEST_REST {
        return Err(Fault::TooLong);
    }
    let is_proxied = match command {
        0x20 => false,
        0x21 => true,
        _ => return Err(Fault::Version),
    };
    let len = FIXED + rest;
    let Some(rest) = bytes.get(FIXED..len) else {
        return Ok(Parsed::Incomplete);
    };
    let addresses = match (is_proxied, family) {
        (true, 0x11) => Some(pair::<4, Ipv4Addr>(rest)?),
        (true, 0x21) => Some(pair::<16, Ipv6Addr>(rest)?),
        // Of nothing, of datagrams, of a local socket: the connection is what it is (§2.2).
        (true, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => None,
        (true, _) => return Err(Fault::Family),
        // Of the proxy itself, whatever the family is.
        (false, _) => None,
    };
    Ok(Parsed::Complete { len, addresses })
}

/// Two addresses and two ports (§2.2).
fn pair<const N: usize, I: From<[u8; N]> + Into<IpAddr>>(rest: &[u8]) -> Result<Addresses, Fault> {
    let read = || {
        let (source, rest) = rest.split_first_chunk::<N>()?;
        let (destination, rest) = rest.split_first_chunk::<N>()?;
        let (from, rest) = rest.split_first_chunk::<2>()?;
        let (to, _) = rest.split_first_chunk::<2>()?;
        let address = |ip: &[u8; N], port: &[u8; 2]| {
            SocketAddr::new(I::from(*ip).into(), u16::from_be_bytes(*port))
        };
        Some(Addresses {
            source: address(source, from),
            destination: address(destination, to),
        })
    };
    read().ok_or(Fault::Addresses)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    fn addresses(source: &str, destination: &str) -> Option<Addresses> {
        Some(Addresses {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        })
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let len = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &len, rest].concat()
    }

    fn headers() -> Vec<(Vec<u8>, Option<Addresses>)> {
        let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0x01, 0xbb];
        let mut v6 = [0; 36];
        (v6[15], v6[31], v6[33], v6[35]) = (1, 2, 3, 4);
        vec![
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 443\r\n".to_vec(),
                addresses("192.0.2.7:12345", "10.0.0.1:443"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 ::1 1 65535\r\n".to_vec(),
                addresses("[2001:db8::7]:1", "[::1]:65535"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (
                b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n".to_vec(),
                None,
            ),
            (
                v2(0x21, 0x11, &v4),
                addresses("192.0.2.7:12345", "10.0.0.1:443"),
            ),
            // Something of no interest comes after the addresses.
            (
                v2(0x21, 0x11, &[&v4[..], &[4, 0, 1, 0]].concat()),
                addresses("192.0.2.7:12345", "10.0.0.1:443"),
            ),
            (v2(0x21, 0x21, &v6), addresses("[::1]:3", "[::2]:4")),
            (v2(0x20, 0x00, &[]), None),
            (v2(0x20, 0x11, &v4), None),
            (v2(0x20, 0xff, &[1; 5]), None),
            (v2(0x21, 0x12, &v4), None),
            (v2(0x21, 0x00, &[]), None),
            (v2(0x21, 0x31, &[0; 216]), None),
        ]
    }

    #[test]
    fn a_header_is_known_when_its_last_byte_is_there_and_not_before() {
        for (header, addresses) in headers() {
            let len = header.len();
            for end in 0..len {
                let parsed = parse(&header[..end]);
                assert_eq!(parsed, Ok(Parsed::Incomplete), "{end} of {header:?}");
            }
            let more = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
            assert_eq!(parse(&more), Ok(Parsed::Complete { len, addresses }));
        }
    }

    #[test]
    fn what_is_none_is_told_at_once() {
        let long_line = format!("PROXY UNKNOWN {}", "x".repeat(LONGEST_LINE));
        for (bytes, fault) in [
            (&b"GET / HTTP/1.1\r\n"[..], Fault::NoHeader),
            (b"\r\n\r\nX", Fault::NoHeader),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 12345\r\n", Fault::Addresses),
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 65536\r\n",
                Fault::Addresses,
            ),
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 +1 443\r\n",
                Fault::Addresses,
            ),
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 080 443\r\n",
                Fault::Addresses,
            ),
            (
                b"PROXY TCP4 192.0.2.07 10.0.0.1 80 443\r\n",
                Fault::Addresses,
            ),
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 80 443 \r\n",
                Fault::Addresses,
            ),
            (
                b"PROXY TCP4 192.0.2.7 10.0.0.1 80 443\nX\r\n",
                Fault::Addresses,
            ),
            (b"PROXY UNKNOWNX\r\n", Fault::Addresses),
            (b"PROXY TCP4 ::1 ::1 1 443\r\n", Fault::Addresses),
            (b"PROXY TCP5 a b 1 2\r\n", Fault::Addresses),
            (b"PROXY TCP4  192.0.2.7 10.0.0.1 1 2\r\n", Fault::Addresses),
            (long_line.as_bytes(), Fault::TooLong),
            (&v2(0x31, 0x11, &[]), Fault::Version),
            (&v2(0x22, 0x11, &[]), Fault::Version),
            (&v2(0x21, 0x13, &[0; 12]), Fault::Family),
            (&v2(0x21, 0x41, &[0; 12]), Fault::Family),
            (&v2(0x21, 0x11, &[0; 11]), Fault::Addresses),
            (&v2(0x21, 0x21, &[0; 35]), Fault::Addresses),
            (
                &v2(0x21, 0x11, &[0; LONGEST_REST + 1])[..FIXED],
                Fault::TooLong,
            ),
        ] {
            assert_eq!(parse(bytes), Err(fault), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..3) {
            let beginning = [&b""[..], LINE_BEGINS, SIGNATURE][kind as usize];
            if let Ok(Parsed::Complete { len, .. }) = parse(&[beginning, &bytes].concat()) {
                prop_assert!(len <= beginning.len() + bytes.len() && len <= LONGEST);
            }
        }
    }
}
