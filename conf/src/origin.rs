//! An origin of pages (RFC 6454), as text in the one form in which browsers send it: it is compared byte by byte.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use thiserror::Error;

use crate::address::is_host;

/// Sandboxed and local pages have this one (RFC 6454 §6.1), all of them.
pub(crate) const OPAQUE: &str = "null";

/// A text is not an origin.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum OriginError {
    /// Not of the form at all.
    #[error("expected an origin such as https://example.com, got `{0}`")]
    Form(String),
    /// A whole URL.
    #[error("expected an origin such as https://example.com, without path and query, got `{0}`")]
    Url(String),
    /// A wildcard.
    #[error("expected origins one by one, got `{0}`; `upstream` leaves the choice to the backend")]
    Wildcard(String),
    /// The scheme of the WebSocket, which is not its page's.
    #[error("expected the origin of a page, which is http or https, got `{0}`")]
    WebSocket(String),
    /// Not a host.
    #[error("expected a DNS name or an IP address in `{0}`")]
    Host(String),
    /// Not a port.
    #[error("expected a port between 1 and 65535 in `{0}`")]
    Port(String),
}

/// An origin in its one form: lower case, without the port that its scheme implies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin(pub(crate) String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text == OPAQUE {
            return Ok(Self(text.to_owned()));
        }
        if text.contains('*') {
            return Err(OriginError::Wildcard(text.to_owned()));
        }
        let lower = text.to_ascii_lowercase();
        let (scheme, authority) = lower
            .split_once("://")
            .filter(|(scheme, _)| is_scheme(scheme))
            .ok_or_else(|| OriginError::Form(text.to_owned()))?;
        if authority.contains(['/', '?', '#']) {
            return Err(OriginError::Url(text.to_owned()));
        }
        if matches!(scheme, "ws" | "wss") {
            return Err(OriginError::WebSocket(text.to_owned()));
        }
        let (host, port) = split_port(authority);
        let host = host_as_sent(host).ok_or_else(|| OriginError::Host(text.to_owned()))?;
        let port = port_as_sent(scheme, port).ok_or_else(|| OriginError::Port(text.to_owned()))?;
        Ok(Self(format!("{scheme}://{host}{port}")))
    }
}

/// RFC 3986 §3.1, in lower case. Extensions and embedded browsers have schemes of their own.
fn is_scheme(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(rest)
}

/// The colons of an IPv6 address begin no port.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn host_as_sent(host: &str) -> Option<String> {
    match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse().ok().map(v6_as_sent),
        None => is_host(host).then(|| host.to_owned()),
    }
}

/// RFC 5952 §4, but for the dots of its §5: browsers write none (WHATWG URL §3.5).
fn v6_as_sent(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => format!("[::ffff:{high:x}:{low:x}]"),
        _ => format!("[{address}]"),
    }
}

/// With its colon; nothing where the scheme says it already.
fn port_as_sent(scheme: &str, port: Option<&str>) -> Option<String> {
    let Some(text) = port else {
        return Some(String::new());
    };
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0)?;
    let is_default = default_port(scheme) == Some(port);
    Some(if is_default {
        String::new()
    } else {
        format!(":{port}")
    })
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OriginVisitor)
    }
}

struct OriginVisitor;

impl de::Visitor<'_> for OriginVisitor {
    type Value = Origin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an origin such as https://example.com")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Origin, E> {
        text.parse().map_err(E::custom)
    }

    /// YAML's own `null` is no value. It could be an entry left empty, so it is not taken for the origin.
    fn visit_unit<E: de::Error>(self) -> Result<Origin, E> {
        Err(E::custom(
            "expected an origin, got nothing; put the origin `null` in quotes",
        ))
    }
}

impl JsonSchema for Origin {
    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The origin of a page: scheme, host, and a port that is not the scheme's own. \
                Or the word `null`, in quotes: pages that have none.",
            "pattern": "^([A-Za-z][A-Za-z0-9+.-]*://[^/?#*@]+|null)$",
            "examples": ["https://example.com", "http://localhost:3000", "null"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, OriginError> {
        text.parse().map(|Origin(text)| text)
    }

    #[test]
    fn an_origin_has_one_form() {
        for (text, form) in [
            ("https://example.com", "https://example.com"),
            ("HTTPS://Example.COM:443", "https://example.com"),
            ("http://localhost:80", "http://localhost"),
            ("http://example.com:443", "http://example.com:443"),
            ("https://example.com:08443", "https://example.com:8443"),
            ("https://[0:0::1]", "https://[::1]"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("https://[::ffff:10.0.0.1]", "https://[::ffff:a00:1]"),
            ("chrome-extension://abc", "chrome-extension://abc"),
            ("null", "null"),
        ] {
            assert_eq!(parse(text), Ok(form.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_refused_in_its_own_words() {
        let wrong = |error: fn(String) -> OriginError, texts: &[&str]| {
            for text in texts {
                assert_eq!(parse(text), Err(error((*text).to_owned())));
            }
        };
        wrong(
            OriginError::Form,
            &["", "example.com:80", "//a", "1a://b", "NULL"],
        );
        wrong(
            OriginError::Url,
            &["https://a/", "https://a?b", "https://a/#b"],
        );
        wrong(OriginError::Wildcard, &["*", "https://*.example.com"]);
        wrong(OriginError::WebSocket, &["wss://a", "WS://a:80"]);
        wrong(
            OriginError::Host,
            &[
                "https://",
                "https://u@a",
                "https://ä.example",
                "https://[::x]",
                "https://10.0.0.256",
                "https://::1",
            ],
        );
        wrong(
            OriginError::Port,
            &[
                "https://a:",
                "https://a:0",
                "https://a:+1",
                "https://a:65536",
            ],
        );
    }
}
