//! Addresses: of a server to connect to, of a socket to listen on, and of networks.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A host (DNS name or IP address) and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// A DNS name in lower case, or an IP address without brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

/// A text is not a host and port, or not a pattern of hosts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// A URL where an address is wanted.
    #[error("expected host:port, got the URL `{0}`; write host:port, without scheme and path")]
    Url(String),
    /// No port.
    #[error("expected host:port, got `{0}` without a port")]
    NoPort(String),
    /// Not a port.
    #[error("expected a port between 1 and 65535 in `{0}`")]
    Port(String),
    /// Not a host.
    #[error("expected a DNS name or an IP address in `{0}`")]
    Host(String),
    /// Not a socket's address.
    #[error("expected an IP address and a port such as 0.0.0.0:8080, got `{0}`")]
    Socket(String),
    /// Not a network.
    #[error("expected a network such as 10.0.0.0/8 or an IP address, got `{0}`")]
    Network(String),
    /// Not a host pattern.
    #[error("expected a host such as example.com or *.example.com, without port, got `{0}`")]
    Pattern(String),
    /// A pattern for every host.
    #[error("expected a host, got `*`; a route without `host` serves every host")]
    AnyHost,
}

impl HostPort {
    /// The address, where the host is one and not a name.
    pub fn ip(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.host.parse().ok()?, self.port))
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.contains('/') {
            return Err(AddressError::Url(text.to_owned()));
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(AddressError::NoPort(text.to_owned()));
        }
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port > 0);
        let port = port.ok_or_else(|| AddressError::Port(text.to_owned()))?;
        let v6 = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let valid = match v6 {
            Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
            None => is_host(host),
        };
        if !valid {
            return Err(AddressError::Host(text.to_owned()));
        }
        Ok(Self {
            host: v6.unwrap_or(host).to_ascii_lowercase(),
            port,
        })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A DNS name or an IPv4 address. Labels may have underscores, which real networks use; no name ends in a label of
/// digits (RFC 3696 §2), so that `10.0.0.256` is a mistake and not a name.
pub(crate) fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 253
        && name.split('.').all(is_label)
        && (!numeric || text.parse::<Ipv4Addr>().is_ok())
}

impl<'de> Deserialize<'de> for HostPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for HostPort {
    fn schema_name() -> Cow<'static, str> {
        "HostPort".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A DNS name or an IP address, and a port.",
            "pattern": "^[^/]+:[0-9]+$",
            "examples": ["127.0.0.1:3000", "app.internal:8080", "[::1]:3000"],
        })
    }
}

/// Reads a listener's address.
pub(crate) fn socket_address<'de, D: Deserializer<'de>>(d: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(d)?;
    text.parse()
        .map_err(|_| de::Error::custom(AddressError::Socket(text)))
}

/// Reads a list of networks; a bare address is the network of that one address.
pub(crate) fn networks<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<IpNet>, D::Error> {
    Ok(Vec::<Network>::deserialize(d)?
        .into_iter()
        .map(|Network(net)| net)
        .collect())
}

struct Network(IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let network = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map(Self)
            .map_err(|_| de::Error::custom(AddressError::Network(text)))
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_round_trip() {
        for text in [
            "127.0.0.1:3000",
            "app.internal:8080",
            "[::1]:3000",
            "my_service:1",
        ] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
        assert_eq!(
            "[::1]:80".parse::<HostPort>().unwrap().ip(),
            Some("[::1]:80".parse().unwrap())
        );
        assert_eq!("App:80".parse::<HostPort>().unwrap().ip(), None);
    }

    #[test]
    fn what_is_no_address_is_refused_in_its_own_words() {
        let error = |text: &str| text.parse::<HostPort>().unwrap_err();
        assert_eq!(
            error("http://h:80"),
            AddressError::Url("http://h:80".into())
        );
        assert_eq!(error("h"), AddressError::NoPort("h".into()));
        assert_eq!(error("::1"), AddressError::NoPort("::1".into()));
        for text in ["h:", "h:0", "h:65536", "h:+1"] {
            assert_eq!(error(text), AddressError::Port(text.into()));
        }
        for text in [
            ":80",
            "a b:80",
            "[::x]:80",
            "a..b:80",
            "10.0.0.256:80",
            "80:80",
        ] {
            assert_eq!(error(text), AddressError::Host(text.into()));
        }
    }
}
