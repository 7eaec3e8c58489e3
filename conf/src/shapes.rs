//! Values with a short form: a server as text or a map, `websocket: off` or a map. Written by hand, since serde's
//! untagged enums give no useful errors.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::address::HostPort;
use crate::or_off::OrOff;
use crate::route::{Framing, Upgrade, WebSocket, WebSocketUpstream};
use crate::switch::{self, Switch};
use crate::units::{ByteSize, Duration};
use crate::upstream::Server;

/// A server's map form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "host:port or a map")]
struct ServerMap {
    /// Host (a DNS name or an IP address) and port.
    address: HostPort,
    /// Its share relative to the others, at most 256.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 1, max = 256))]
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
pub(crate) struct WebSocketMap {
    /// Whether upgrades pass.
    upgrade: Upgrade,
    /// A side that has been silent for this long is sent a ping.
    ping: OrOff<Duration>,
    /// A side that leaves a ping unanswered, and is otherwise silent, for this long is gone.
    ping_timeout: Duration,
    /// A tunnel in which neither side has sent a frame of its own for this long is closed with 1001.
    idle_timeout: OrOff<Duration>,
    /// A tunnel, or a session of the fallback, that has lived for about this long (a tenth more or less, so that not all
    /// end at once) is closed with 1001. Its client comes back and shows anew who it is.
    max_lifetime: OrOff<Duration>,
    /// A longer message, in bytes on the wire, closes the tunnel with 1009.
    max_message: OrOff<ByteSize>,
    /// What happens to a peer that breaks RFC 6455's framing.
    framing: Framing,
    /// Over what WebSockets reach the servers.
    upstream: WebSocketUpstream,
}

impl Default for WebSocketMap {
    fn default() -> Self {
        Self {
            upgrade: Upgrade::Allow,
            ping: OrOff::On(Duration::from_secs(30)),
            ping_timeout: Duration::from_secs(60),
            idle_timeout: OrOff::Off,
            max_lifetime: OrOff::Off,
            max_message: OrOff::Off,
            framing: Framing::Relay,
            upstream: WebSocketUpstream::Http1,
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
            max_lifetime,
            max_message,
            framing,
            upstream,
        } = map;
        Self {
            upgrade,
            ping,
            ping_timeout,
            idle_timeout,
            max_lifetime,
            max_message,
            framing,
            upstream,
        }
    }
}

impl Default for WebSocket {
    fn default() -> Self {
        WebSocketMap::default().into()
    }
}

impl Switch for WebSocket {
    type Map = WebSocketMap;

    fn switched(on: bool) -> Self {
        Self {
            upgrade: if on { Upgrade::Allow } else { Upgrade::Deny },
            ..Self::default()
        }
    }
}

impl<'de> Deserialize<'de> for WebSocket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        switch::read(deserializer)
    }
}

impl JsonSchema for WebSocket {
    fn schema_name() -> Cow<'static, str> {
        "WebSocket".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        switch::schema::<Self>(generator)
    }
}
