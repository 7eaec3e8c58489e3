//! TLS toward the servers of an upstream.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::switch::{self, OnOff, Switch, on_off};

/// TLS with servers: `on`, `off` or a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Whether it is spoken. Default: off.
    pub enabled: bool,
    /// The name that the servers' certificates must be for, and that they are asked for. Default: the DNS name of the
    /// servers, if they have one and the same.
    pub server_name: Option<String>,
    /// A PEM file: who may sign their certificates. Default: whom this system trusts.
    pub ca: Option<PathBuf>,
    /// A PEM file: our own certificate, and those that sign it.
    pub certificate: Option<PathBuf>,
    /// A PEM file: its key.
    pub key: Option<PathBuf>,
    /// Whether certificates are verified. Default: on.
    pub verify: bool,
}

impl Default for UpstreamTls {
    fn default() -> Self {
        Self::switched(false)
    }
}

/// The map form of an upstream's `tls`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "`on`, `off` or a map")]
pub(crate) struct UpstreamTlsMap {
    /// The name that the servers' certificates must be for, and that they are asked for. Default: the DNS name of the
    /// servers, if they have one and the same.
    server_name: Option<String>,
    /// A PEM file: who may sign their certificates. Default: whom this system trusts.
    ca: Option<PathBuf>,
    /// A PEM file: our own certificate, and those that sign it. With `key`.
    certificate: Option<PathBuf>,
    /// A PEM file: its key. With `certificate`.
    key: Option<PathBuf>,
    /// Whether certificates are verified.
    #[serde(with = "on_off")]
    #[schemars(with = "OnOff")]
    verify: bool,
}

impl Default for UpstreamTlsMap {
    fn default() -> Self {
        Self {
            server_name: None,
            ca: None,
            certificate: None,
            key: None,
            verify: true,
        }
    }
}

impl From<UpstreamTlsMap> for UpstreamTls {
    fn from(map: UpstreamTlsMap) -> Self {
        Self {
            enabled: true,
            server_name: map.server_name,
            ca: map.ca,
            certificate: map.certificate,
            key: map.key,
            verify: map.verify,
        }
    }
}

impl Switch for UpstreamTls {
    type Map = UpstreamTlsMap;

    fn switched(on: bool) -> Self {
        Self {
            enabled: on,
            ..UpstreamTlsMap::default().into()
        }
    }
}

impl<'de> Deserialize<'de> for UpstreamTls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        switch::read(deserializer)
    }
}

impl Serialize for UpstreamTls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.enabled {
            return OnOff(false).serialize(serializer);
        }
        UpstreamTlsMap {
            server_name: self.server_name.clone(),
            ca: self.ca.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            verify: self.verify,
        }
        .serialize(serializer)
    }
}

impl JsonSchema for UpstreamTls {
    fn schema_name() -> Cow<'static, str> {
        "UpstreamTls".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        switch::schema::<Self>(generator)
    }
}
