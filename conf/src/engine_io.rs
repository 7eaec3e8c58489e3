//! A route's Engine.IO, for clients that speak that protocol already: Socket.IO's, and engine.io-client.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::dialect::{self, Dialect};

/// Engine.IO: `on`, `off`, its path, or a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "`on`, `off`, a path or a map"
)]
#[schemars(
    rename = "EngineIoMap",
    description = "The map form of `fallback.engine_io`."
)]
pub struct EngineIo {
    /// The path of its requests, with or without the `/` at the end: both are served. Default: `/socket.io/`.
    #[serde(deserialize_with = "path")]
    #[schemars(regex(pattern = dialect::PATH))]
    pub path: String,
    /// How polling reaches the backend. Default: auto.
    pub mode: EngineIoMode,
}

/// How the polling of an Engine.IO client reaches the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineIoMode {
    /// As one WebSocket, or as it is to a backend that allows nothing but polling.
    #[default]
    Auto,
    /// Always as one WebSocket.
    Translate,
    /// Always as it is.
    Pass,
}

impl Default for EngineIo {
    fn default() -> Self {
        Self {
            path: "/socket.io/".to_owned(),
            mode: EngineIoMode::Auto,
        }
    }
}

impl Dialect for EngineIo {
    const NAME: &'static str = "EngineIo";

    fn at<E: de::Error>(path: &str) -> Result<Self, E> {
        dialect::bare::<E>(path)?;
        Ok(Self {
            path: path.to_owned(),
            ..Self::default()
        })
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    dialect::bare::<D::Error>(&text)?;
    Ok(text)
}
