//! `fallback`: `on`, `off` or a map; and the Origins that may use it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::switch::Switch;
use crate::units::{ByteSize, Duration};

/// What a route does for clients whose networks block WebSockets: `on`, `off`, or a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// Whether there is one.
    pub enabled: bool,
    /// The longest that a poll is held, from 100ms to 1h. Default: 25s.
    pub hold: Duration,
    /// How long a session outlives its last answered request, from 500ms to 24h. Default: 60s.
    pub resume: Duration,
    /// How long the backend may take to accept a session. Default: 15s.
    pub open_timeout: Duration,
    /// Whether clients may have streams instead of polls where those get through. Default: on.
    pub stream: Switch,
    /// Which Origins may open sessions. Default: upstream.
    pub origins: Origins,
    /// The longest message either way, from 1KiB to 256MiB; a longer one closes the session with 1009.
    /// Default: the route's `websocket.max_message`, or 16MiB.
    pub max_message: Option<ByteSize>,
    /// What is held for a client that does not take it, from 64KiB to 64MiB; then its backend is not read.
    /// Default: 1MiB.
    pub buffer: ByteSize,
    /// Further fields of the request that opens a session which the backend gets. Default: none.
    pub forward_headers: Vec<String>,
}

/// The map form.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "`on`, `off` or a map")]
struct FallbackMap {
    /// The longest that a poll is held, from 100ms to 1h.
    hold: Duration,
    /// How long a session outlives its last answered request, from 500ms to 24h.
    resume: Duration,
    /// How long the backend may take to accept a session.
    open_timeout: Duration,
    /// Whether clients may have streams instead of polls where those get through.
    stream: Switch,
    /// Which Origins may open sessions.
    origins: Origins,
    /// The longest message either way, from 1KiB to 256MiB; a longer one closes the session with 1009.
    /// Default: the route's `websocket.max_message`, or 16MiB.
    max_message: Option<ByteSize>,
    /// What is held for a client that does not take it, from 64KiB to 64MiB; then its backend is not read.
    buffer: ByteSize,
    /// Further fields of the request that opens a session which the backend gets, beside `Cookie`, `Authorization`,
    /// `Origin`, `User-Agent` and `Accept-Language`.
    forward_headers: Vec<String>,
}

impl Default for FallbackMap {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(25),
            resume: Duration::from_secs(60),
            open_timeout: Duration::from_secs(15),
            stream: Switch::ON,
            origins: Origins::Upstream,
            max_message: None,
            buffer: ByteSize::new(1 << 20),
            forward_headers: Vec::new(),
        }
    }
}

impl From<FallbackMap> for Fallback {
    fn from(map: FallbackMap) -> Self {
        let FallbackMap {
            hold,
            resume,
            open_timeout,
            stream,
            origins,
            max_message,
            buffer,
            forward_headers,
        } = map;
        Self {
            enabled: true,
            hold,
            resume,
            open_timeout,
            stream,
            origins,
            max_message,
            buffer,
            forward_headers,
        }
    }
}

impl Default for Fallback {
    fn default() -> Self {
        FallbackMap::default().into()
    }
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FallbackVisitor)
    }
}

struct FallbackVisitor;

impl<'de> de::Visitor<'de> for FallbackVisitor {
    type Value = Fallback;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`on`, `off` or a map")
    }

    fn visit_bool<E>(self, enabled: bool) -> Result<Fallback, E> {
        Ok(Fallback {
            enabled,
            ..Fallback::default()
        })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Fallback, E> {
        match text {
            "on" => self.visit_bool(true),
            "off" => self.visit_bool(false),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Fallback, A::Error> {
        FallbackMap::deserialize(MapAccessDeserializer::new(map)).map(Fallback::from)
    }
}

impl JsonSchema for Fallback {
    fn schema_name() -> Cow<'static, str> {
        "Fallback".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<FallbackMap>();
        json_schema!({
            "description": "`on`, `off`, or a map.",
            "anyOf": [{ "enum": ["on", "off", true, false] }, map],
        })
    }
}

/// Which Origins may open sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Those that the upstream accepts: it gets the Origin in its handshake, and may refuse.
    #[default]
    Upstream,
    /// Only that of the request's own host.
    SameOrigin,
    /// Only these, such as `https://example.com`.
    List(Vec<Origin>),
}

/// An Origin as browsers write it (RFC 6454 §6.1), in lower case and without its scheme's own port; or `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin(String);

impl Origin {
    /// As a browser writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "null" {
            return Ok(Self(text.to_owned()));
        }
        let expected = || {
            format!(
                "expected an origin such as https://example.com or http://localhost:3000, got `{text}`"
            )
        };
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://").ok_or_else(expected)?;
        let own_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return Err(expected()),
        };
        let host = rest.strip_suffix(own_port).unwrap_or(rest);
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (host, None),
        };
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b);
        let fits = !name.is_empty()
            && name.bytes().all(is_name)
            && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        fits.then(|| Self(format!("{scheme}://{host}")))
            .ok_or_else(expected)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Origin {
    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An Origin as browsers write it, or `null`.",
            "pattern": "^([Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+|null)$",
            "examples": ["https://example.com", "http://localhost:3000"],
        })
    }
}

impl Serialize for Origins {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Upstream => serializer.serialize_str("upstream"),
            Self::SameOrigin => serializer.serialize_str("same_origin"),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OriginsVisitor)
    }
}

struct OriginsVisitor;

impl<'de> de::Visitor<'de> for OriginsVisitor {
    type Value = Origins;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`upstream`, `same_origin` or a list of origins")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Origins, E> {
        match text {
            "upstream" => Ok(Origins::Upstream),
            "same_origin" => Ok(Origins::SameOrigin),
            _ if text.contains("://") => text
                .parse()
                .map(|one| Origins::List(vec![one]))
                .map_err(E::custom),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Origins, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Origins::List)
    }
}

impl JsonSchema for Origins {
    fn schema_name() -> Cow<'static, str> {
        "Origins".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Origin>();
        json_schema!({
            "description": "Which Origins may open sessions: those that the upstream accepts, that of the request's own \
                host, or a list.",
            "anyOf": [{ "enum": ["upstream", "same_origin"] }, one, { "type": "array", "items": one }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for (text, origin) in [
            ("https://Example.COM", Some("https://example.com")),
            ("https://example.com:443", Some("https://example.com")),
            ("http://example.com:443", Some("http://example.com:443")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("http://[::1]", Some("http://[::1]")),
            ("null", Some("null")),
            ("https://example.com/", None),
            ("https://*.example.com", None),
            ("https://user@example.com", None),
            ("https://example.com:0", None),
            ("wss://example.com", None),
            ("example.com", None),
            ("https://", None),
            ("", None),
        ] {
            let parsed: Result<Origin, _> = text.parse();
            assert_eq!(parsed.as_ref().ok().map(Origin::as_str), origin, "{text}");
        }
    }
}
