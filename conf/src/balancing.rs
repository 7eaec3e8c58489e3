//! What a group makes of its experience: who goes where again, who is left out for a while, how often is tried again.

use std::borrow::Cow;
use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::or_off::OrOff;
use crate::switch::{self, OnOff, Switch};
use crate::units::Duration;

/// Sticky sessions by a cookie: `on`, `off` or a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// Whether clients are told their server. Default: off.
    pub enabled: bool,
    /// The cookie's name. Default: `towpath_server`.
    pub cookie: String,
    /// How long browsers keep it. Default: off, until they are closed.
    pub lifetime: OrOff<Duration>,
    /// A secret that several nodes share, so that a cookie holds for all of them, and after a restart. Default: a random
    /// one of this process.
    pub secret: Option<String>,
}

/// The map form of `sticky`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "`on`, `off` or a map")]
pub(crate) struct StickyMap {
    /// The cookie's name.
    cookie: String,
    /// How long browsers keep it; `off`: until they are closed.
    lifetime: OrOff<Duration>,
    /// A secret that several nodes share, so that a cookie holds for all of them, and after a restart. Default: a random
    /// one of this process.
    secret: Option<String>,
}

impl Default for StickyMap {
    fn default() -> Self {
        Self {
            cookie: "towpath_server".to_owned(),
            lifetime: OrOff::Off,
            secret: None,
        }
    }
}

impl From<StickyMap> for Sticky {
    fn from(map: StickyMap) -> Self {
        Self {
            enabled: true,
            cookie: map.cookie,
            lifetime: map.lifetime,
            secret: map.secret,
        }
    }
}

impl Switch for Sticky {
    type Map = StickyMap;

    fn switched(on: bool) -> Self {
        Self {
            enabled: on,
            ..StickyMap::default().into()
        }
    }
}

impl Default for Sticky {
    fn default() -> Self {
        Self::switched(false)
    }
}

impl<'de> Deserialize<'de> for Sticky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        switch::read(deserializer)
    }
}

impl Serialize for Sticky {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OnOff(self.enabled).serialize(serializer)
    }
}

impl JsonSchema for Sticky {
    fn schema_name() -> Cow<'static, str> {
        "Sticky".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        switch::schema::<Self>(generator)
    }
}

/// Passive health: a server that fails requests is left out for a while. `on`, `off` or a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outliers {
    /// Whether servers are left out. Default: on.
    pub enabled: bool,
    /// Failures in a row: no connection, no answer, or 502, 503 or 504. Default: 5.
    pub failures: NonZeroU32,
    /// How long, the first time; each further time that much longer, up to ten times. Default: 30s.
    pub eject: Duration,
    /// The share of a group's servers that may be left out at once, in percent. Default: 50.
    pub max_ejected: u8,
}

/// The map form of `outliers`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "`on`, `off` or a map")]
pub(crate) struct OutliersMap {
    /// Failures in a row: no connection, no answer, or 502, 503 or 504.
    failures: NonZeroU32,
    /// How long, the first time; each further time that much longer, up to ten times.
    eject: Duration,
    /// The share of a group's servers that may be left out at once, in percent.
    #[schemars(range(max = 100))]
    max_ejected: u8,
}

impl Default for OutliersMap {
    fn default() -> Self {
        Self {
            failures: NonZeroU32::MIN.saturating_add(4),
            eject: Duration::from_secs(30),
            max_ejected: 50,
        }
    }
}

impl From<OutliersMap> for Outliers {
    fn from(map: OutliersMap) -> Self {
        Self {
            enabled: true,
            failures: map.failures,
            eject: map.eject,
            max_ejected: map.max_ejected,
        }
    }
}

impl Switch for Outliers {
    type Map = OutliersMap;

    fn switched(on: bool) -> Self {
        Self {
            enabled: on,
            ..OutliersMap::default().into()
        }
    }
}

impl Default for Outliers {
    fn default() -> Self {
        Self::switched(true)
    }
}

impl<'de> Deserialize<'de> for Outliers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        switch::read(deserializer)
    }
}

impl Serialize for Outliers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OnOff(self.enabled).serialize(serializer)
    }
}

impl JsonSchema for Outliers {
    fn schema_name() -> Cow<'static, str> {
        "Outliers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        switch::schema::<Self>(generator)
    }
}

/// How often another server is tried for a request whose first one could not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Retries {
    /// For a hundred requests of the last ten seconds, so many times. Default: 20.
    #[schemars(range(max = 1000))]
    pub percent: u16,
    /// And so many times a second, however few requests there are. Default: 10.
    pub per_second: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            percent: 20,
            per_second: 10,
        }
    }
}
