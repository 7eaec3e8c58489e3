//! Values that may be written in more than one way: a server as text or map, `websocket: off` or a map,
//! a path as text or map, one host or several. Written by hand, since serde's untagged enums give no useful errors.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::ops::Deref;

use regex::RegexBuilder;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::address::HostPort;
use crate::model::{Framing, PathPattern, Server, Upgrade, WebSocket};
use crate::pattern::{REGEX_SIZE_LIMIT, explain};
use crate::units::{ByteSize, Duration, OrOff};

/// No value, one, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany<T>(Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for OneOrMany<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(text)).map(|one| OneOrMany(vec![one]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMany)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// A server's map form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "host:port or a map")]
struct ServerMap {
    /// Host (a DNS name or an IP address) and port.
    address: HostPort,
    /// Its share relative to the others.
    #[serde(default = "default_weight")]
    weight: NonZeroU32,
}

fn default_weight() -> NonZeroU32 {
    NonZeroU32::MIN
}

impl<'de> Deserialize<'de> for Server {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ServerVisitor)
    }
}

struct ServerVisitor;

impl<'de> de::Visitor<'de> for ServerVisitor {
    type Value = Server;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("host:port or a map with `address` and `weight`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Server, E> {
        let address = text.parse().map_err(E::custom)?;
        Ok(Server {
            address,
            weight: default_weight(),
        })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Server, A::Error> {
        let ServerMap { address, weight } =
            ServerMap::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Server { address, weight })
    }
}

impl JsonSchema for Server {
    fn schema_name() -> Cow<'static, str> {
        "Server".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<HostPort>();
        let map = generator.subschema_for::<ServerMap>();
        json_schema!({ "description": "One server: `host:port`, or a map with a weight.", "anyOf": [text, map] })
    }
}

/// The map form of `websocket`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "`on`, `off` or a map")]
struct WebSocketMap {
    /// Whether upgrades pass.
    upgrade: Upgrade,
    /// A side that has been silent for this long is sent a ping.
    ping: OrOff<Duration>,
    /// A side that leaves a ping unanswered, and is otherwise silent, for this long is gone.
    ping_timeout: Duration,
    /// A tunnel in which neither side has sent a frame of its own for this long is closed with 1001.
    idle_timeout: OrOff<Duration>,
    /// A longer message, in bytes on the wire, closes the tunnel with 1009.
    max_message: OrOff<ByteSize>,
    /// What happens to a peer that breaks RFC 6455's framing.
    framing: Framing,
}

impl Default for WebSocketMap {
    fn default() -> Self {
        Self {
            upgrade: Upgrade::Allow,
            ping: OrOff::On(Duration::from_secs(30)),
            ping_timeout: Duration::from_secs(60),
            idle_timeout: OrOff::Off,
            max_message: OrOff::Off,
            framing: Framing::Relay,
        }
    }
}

impl From<WebSocketMap> for WebSocket {
    fn from(map: WebSocketMap) -> Self {
        let WebSocketMap {
            upgrade,
            ping,
            ping_timeout,
            idle_timeout,
            max_message,
            framing,
        } = map;
        Self {
            upgrade,
            ping,
            ping_timeout,
            idle_timeout,
            max_message,
            framing,
        }
    }
}

impl Default for WebSocket {
    fn default() -> Self {
        WebSocketMap::default().into()
    }
}

impl<'de> Deserialize<'de> for WebSocket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WebSocketVisitor)
    }
}

struct WebSocketVisitor;

impl<'de> de::Visitor<'de> for WebSocketVisitor {
    type Value = WebSocket;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`on`, `off` or a map")
    }

    fn visit_bool<E>(self, on: bool) -> Result<WebSocket, E> {
        let upgrade = if on { Upgrade::Allow } else { Upgrade::Deny };
        Ok(WebSocket {
            upgrade,
            ..WebSocket::default()
        })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<WebSocket, E> {
        match text {
            "on" => self.visit_bool(true),
            "off" => self.visit_bool(false),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<WebSocket, A::Error> {
        WebSocketMap::deserialize(MapAccessDeserializer::new(map)).map(WebSocket::from)
    }
}

impl JsonSchema for WebSocket {
    fn schema_name() -> Cow<'static, str> {
        "WebSocket".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<WebSocketMap>();
        json_schema!({
            "description": "`on`, `off`, or a map.",
            "anyOf": [{ "enum": ["on", "off", true, false] }, map],
        })
    }
}

/// The map form of a path.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PathForm {
    Prefix(String),
    Exact(String),
    Regex(String),
}

impl Default for PathPattern {
    fn default() -> Self {
        Self::Prefix("/".to_owned())
    }
}

impl PathPattern {
    fn prefix<E: de::Error>(text: &str) -> Result<Self, E> {
        let path = absolute(text)?;
        let trimmed = path.trim_end_matches('/');
        Ok(Self::Prefix(
            if trimmed.is_empty() { "/" } else { trimmed }.to_owned(),
        ))
    }

    fn regex<E: de::Error>(text: &str) -> Result<Self, E> {
        RegexBuilder::new(text)
            .size_limit(REGEX_SIZE_LIMIT)
            .build()
            .map(Self::Regex)
            .map_err(|e| E::custom(explain(&e)))
    }
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prefix(a), Self::Prefix(b)) | (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

fn absolute<E: de::Error>(text: &str) -> Result<&str, E> {
    if text.starts_with('/') && !text.contains(['?', '#']) {
        Ok(text)
    } else {
        Err(E::custom(format_args!(
            "expected a path that begins with `/`, without query, got `{text}`"
        )))
    }
}

impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PathVisitor)
    }
}

struct PathVisitor;

impl<'de> de::Visitor<'de> for PathVisitor {
    type Value = PathPattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, or a map with `prefix`, `exact` or `regex`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PathPattern, E> {
        PathPattern::prefix(text)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PathPattern, A::Error> {
        match PathForm::deserialize(MapAccessDeserializer::new(map))? {
            PathForm::Prefix(text) => PathPattern::prefix(&text),
            PathForm::Exact(text) => Ok(PathPattern::Exact(absolute(&text)?.to_owned())),
            PathForm::Regex(text) => PathPattern::regex(&text),
        }
    }
}

impl JsonSchema for PathPattern {
    fn schema_name() -> Cow<'static, str> {
        "PathPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let form = |key: &str| {
            json_schema!({
                "type": "object",
                "properties": { key: { "type": "string" } },
                "required": [key],
                "additionalProperties": false,
            })
        };
        json_schema!({
            "description": "A prefix of whole segments, or `{ exact: ... }`, or `{ regex: ... }`.",
            "anyOf": [{ "type": "string", "pattern": "^/" }, form("prefix"), form("exact"), form("regex")],
        })
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Prefix(path) => serializer.serialize_str(path),
            Self::Exact(path) => serializer.collect_map([("exact", path)]),
            Self::Regex(regex) => serializer.collect_map([("regex", regex.as_str())]),
        }
    }
}
