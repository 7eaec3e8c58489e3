//! HTTP/2 on a listener.

use std::borrow::Cow;
use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::switch::{self, OnOff, Switch, on_off};

/// HTTP/2: `on`, `off` or a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// Whether it is spoken: with TLS where the client prefers it (ALPN), without where the client begins with it
    /// (prior knowledge). Default: on.
    pub enabled: bool,
    /// Requests and WebSockets of one connection at once, at most, from 1 to 10000. Default: 100.
    pub streams: NonZeroU32,
    /// Whether WebSockets may come as streams (RFC 8441); where not, browsers open a connection for each. Default: on.
    pub websocket: bool,
}

impl Default for Http2 {
    fn default() -> Self {
        Self::switched(true)
    }
}

/// The map form of `http2`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "`on`, `off` or a map")]
pub(crate) struct Http2Map {
    /// Requests and WebSockets of one connection at once, at most.
    #[schemars(range(min = 1, max = 10_000))]
    streams: NonZeroU32,
    /// Whether WebSockets may come as streams (RFC 8441); where not, browsers open a connection for each.
    #[serde(with = "on_off")]
    #[schemars(with = "OnOff")]
    websocket: bool,
}

impl Default for Http2Map {
    fn default() -> Self {
        const STREAMS: NonZeroU32 = NonZeroU32::new(100).unwrap();
        Self {
            streams: STREAMS,
            websocket: true,
        }
    }
}

impl From<Http2Map> for Http2 {
    fn from(map: Http2Map) -> Self {
        Self {
            enabled: true,
            streams: map.streams,
            websocket: map.websocket,
        }
    }
}

impl Switch for Http2 {
    type Map = Http2Map;

    fn switched(on: bool) -> Self {
        Self {
            enabled: on,
            ..Http2Map::default().into()
        }
    }
}

impl<'de> Deserialize<'de> for Http2 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        switch::read(deserializer)
    }
}

impl Serialize for Http2 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.enabled {
            return OnOff(false).serialize(serializer);
        }
        Http2Map {
            streams: self.streams,
            websocket: self.websocket,
        }
        .serialize(serializer)
    }
}

impl JsonSchema for Http2 {
    fn schema_name() -> Cow<'static, str> {
        "Http2".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        switch::schema::<Self>(generator)
    }
}
