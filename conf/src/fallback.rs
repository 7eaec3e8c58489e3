//! A route's fallback as it is written: `on`, `off`, or a map.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::dialect::Spoken;
use crate::engine_io::EngineIo;
use crate::route::{Fallback, Origins};
use crate::sockjs::SockJs;
use crate::switch::{self, OnOff, Switch};
use crate::units::{ByteSize, Duration};

/// The map form of `fallback`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "`on`, `off` or a map")]
pub(crate) struct FallbackMap {
    /// The longest that a poll is held, from 1s to 5m.
    hold: Duration,
    /// A session whose client has not been heard of since its last answer, for this long, is over; from 5s to 1h.
    resume: Duration,
    /// For the backend to answer the handshake, from 1s to 5m.
    open_timeout: Duration,
    /// Whether clients may ask for streams, which spare them the polling where nothing on the way buffers them.
    stream: OnOff,
    /// Whose pages may open sessions.
    origins: Origins,
    /// A longer message ends the session with 1009, from 1KiB to 256MiB. Where `websocket.max_message` is less,
    /// that holds here too.
    max_message: ByteSize,
    /// While the client has left this much unacknowledged the backend is not read, from 64KiB to 64MiB.
    buffer: ByteSize,
    /// Header fields of the opening request that reach the backend beside `Cookie`, `Authorization`, `Origin`,
    /// `User-Agent` and `Accept-Language`.
    forward_headers: Vec<String>,
    /// Whether clients that speak SockJS are served, too, and where.
    sockjs: Spoken<SockJs>,
    /// Whether clients that speak Engine.IO are served, too, which are Socket.IO's, and where.
    engine_io: Spoken<EngineIo>,
    /// A request of a SockJS or Engine.IO client with more content than this is refused, from 64KiB to 64MiB.
    max_body: ByteSize,
}

impl Default for FallbackMap {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(25),
            resume: Duration::from_secs(60),
            open_timeout: Duration::from_secs(15),
            stream: OnOff(true),
            origins: Origins::default(),
            max_message: ByteSize::new(16 << 20),
            buffer: ByteSize::new(1 << 20),
            forward_headers: Vec::new(),
            sockjs: Spoken(None),
            engine_io: Spoken(None),
            max_body: ByteSize::new(2 << 20),
        }
    }
}

impl From<FallbackMap> for Fallback {
    fn from(map: FallbackMap) -> Self {
        let FallbackMap {
            hold,
            resume,
            open_timeout,
            stream: OnOff(stream),
            origins,
            max_message,
            buffer,
            forward_headers,
            sockjs: Spoken(sockjs),
            engine_io: Spoken(engine_io),
            max_body,
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
            sockjs,
            engine_io,
            max_body,
        }
    }
}

impl Default for Fallback {
    fn default() -> Self {
        FallbackMap::default().into()
    }
}

impl Switch for Fallback {
    type Map = FallbackMap;

    fn switched(on: bool) -> Self {
        Self {
            enabled: on,
            ..Self::default()
        }
    }
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        switch::read(deserializer)
    }
}

impl JsonSchema for Fallback {
    fn schema_name() -> Cow<'static, str> {
        "Fallback".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        switch::schema::<Self>(generator)
    }
}

/// As it could have been written.
impl Serialize for Fallback {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            enabled,
            hold,
            resume,
            open_timeout,
            stream,
            origins,
            max_message,
            buffer,
            forward_headers,
            sockjs,
            engine_io,
            max_body,
        } = self.clone();
        if !enabled {
            return OnOff(false).serialize(serializer);
        }
        let map = FallbackMap {
            hold,
            resume,
            open_timeout,
            stream: OnOff(stream),
            origins,
            max_message,
            buffer,
            forward_headers,
            sockjs: Spoken(sockjs),
            engine_io: Spoken(engine_io),
            max_body,
        };
        map.serialize(serializer)
    }
}
