//! The hosts that a route serves: one, or any subdomain of one. A route for every host has no `host` at all,
//! so that `*` has no second meaning.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::address::{AddressError, is_host};
use crate::route::HostPattern;

impl FromStr for HostPattern {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let host = text.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        if host == "*" {
            return Err(AddressError::AnyHost);
        }
        // In Host an IPv6 address stands in brackets (RFC 3986 §3.2.2), in the one form that is compared here.
        let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if let Some(v6) = v6.and_then(|v6| v6.parse::<Ipv6Addr>().ok()) {
            return Ok(Self::Exact(format!("[{v6}]")));
        }
        match host.strip_prefix("*.") {
            Some(suffix) if is_host(suffix) && suffix.parse::<Ipv4Addr>().is_err() => {
                Ok(Self::Suffix(suffix.to_owned()))
            }
            None if is_host(host) => Ok(Self::Exact(host.to_owned())),
            _ => Err(AddressError::Pattern(text.to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for HostPattern {
    fn schema_name() -> Cow<'static, str> {
        "HostPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A host, or any subdomain of one.",
            "pattern": "^(\\*\\.)?[^*/]+$",
            "examples": ["example.com", "*.example.com"],
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Suffix(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_patterns() {
        let parse = |text: &str| text.parse::<HostPattern>();
        assert_eq!(
            parse("Example.COM."),
            Ok(HostPattern::Exact("example.com".into()))
        );
        assert_eq!(
            parse("*.example.com"),
            Ok(HostPattern::Suffix("example.com".into()))
        );
        assert_eq!(parse("[0:0::1]"), Ok(HostPattern::Exact("[::1]".into())));
        assert_eq!(parse("*"), Err(AddressError::AnyHost));
        for text in [
            "a.*.b",
            "*.10.0.0.1",
            "10.0.0.256",
            "[10.0.0.1]",
            "h:80",
            "http://h",
            "",
        ] {
            assert_eq!(parse(text), Err(AddressError::Pattern(text.into())));
        }
    }
}
