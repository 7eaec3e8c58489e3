//! TLS of a listener, and what a route demands of it. Paths only: what stands in the files is for the proxy to read.

use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::switch::on_off;

/// How a listener speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct ListenerTls {
    /// A PEM file: the certificate and those that sign it. It is also for clients that name no server, or an unknown
    /// one. A changed file is read again.
    pub certificate: PathBuf,
    /// A PEM file: the certificate's private key.
    pub key: PathBuf,
    /// More certificates. Which one a client gets is decided by the names in them: an exact name comes before a
    /// wildcard, and what the client can verify before what it cannot.
    #[serde(default)]
    pub more: Vec<KeyPair>,
    /// The oldest version spoken. Default: 1.2.
    #[serde(default)]
    pub minimum_version: TlsVersion,
    /// Certificates of clients. Absent: none are asked for.
    #[serde(default)]
    pub client_certificates: Option<ClientCertificates>,
}

impl ListenerTls {
    /// All certificates with their keys, in the order of the file.
    pub fn key_pairs(&self) -> impl Iterator<Item = KeyPair> {
        let first = KeyPair {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        };
        std::iter::once(first).chain(self.more.iter().cloned())
    }
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct KeyPair {
    /// A PEM file: the certificate and those that sign it.
    pub certificate: PathBuf,
    /// A PEM file: the certificate's private key.
    pub key: PathBuf,
}

/// How clients prove who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct ClientCertificates {
    /// A PEM file: who may sign clients' certificates.
    pub ca: PathBuf,
    /// Whether a client without a certificate is turned away. A route may still demand one if this is off. Default: on.
    #[serde(default = "on", with = "on_off")]
    #[schemars(with = "crate::switch::OnOff")]
    pub required: bool,
}

fn on() -> bool {
    true
}

/// What a route demands of the connection that its requests come over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct RouteTls {
    /// Whether the request's host must be the one that the client named in its TLS handshake; otherwise it is
    /// answered 421, and so is a request without TLS. Default: off.
    #[serde(with = "on_off")]
    #[schemars(with = "crate::switch::OnOff")]
    pub strict_sni: bool,
    /// Whether a request needs a client certificate that was verified; without one it is answered 403. It makes
    /// `strict_sni` hold as well. Default: off.
    #[serde(with = "on_off")]
    #[schemars(with = "crate::switch::OnOff")]
    pub client_certificate: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246, with suites that keep past traffic secret only.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl TlsVersion {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

impl Serialize for TlsVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TlsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TlsVersionVisitor)
    }
}

#[derive(Clone, Copy)]
struct TlsVersionVisitor;

impl de::Visitor<'_> for TlsVersionVisitor {
    type Value = TlsVersion;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`1.2` or `1.3`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<TlsVersion, E> {
        match text {
            "1.2" => Ok(TlsVersion::Tls12),
            "1.3" => Ok(TlsVersion::Tls13),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    /// What YAML makes of a version that is not quoted.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<TlsVersion, E> {
        self.visit_str(&number.to_string())
            .map_err(|_: E| E::invalid_value(de::Unexpected::Float(number), &self))
    }
}

impl JsonSchema for TlsVersion {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TlsVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["1.2", "1.3", 1.2, 1.3] })
    }
}
