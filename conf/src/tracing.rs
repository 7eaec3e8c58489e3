//! Tracing: where spans go, which traces are sampled, and how many spans wait. The words are those of OpenTelemetry's
//! own settings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::client_url::has_host;
use crate::switch::on_off;
use crate::units::Duration;

/// Where a collector takes spans, if nobody says otherwise.
const PATH: &str = "/v1/traces";

/// A URL of [`endpoint`], as far as a regular expression can say it.
const ENDPOINT: &str = r"^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+(/[^?#\s]*)?$";

/// Spans of requests, WebSockets and sessions, sent to a collector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct Tracing {
    /// Where a collector takes OTLP over HTTP, as protobuf: an http or https URL. One without a path gets `/v1/traces`. With
    /// https, it is verified by whom this system trusts.
    #[serde(deserialize_with = "endpoint")]
    #[schemars(regex(pattern = ENDPOINT))]
    pub endpoint: String,
    /// What this proxy is called in traces.
    #[serde(default = "service_name")]
    pub service_name: String,
    /// What else its spans say of where they come from, such as `deployment.environment.name`.
    #[serde(default)]
    pub resource: BTreeMap<String, String>,
    /// Which traces are sampled.
    #[serde(default)]
    pub sampling: Sampling,
    /// Fields of the requests to the collector. Secrets come by `${VAR}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// For the collector to take a batch, all tries together; then its spans are lost. Longer than 0s, at most 1m.
    #[serde(default = "timeout")]
    pub timeout: Duration,
    /// How spans are gathered.
    #[serde(default)]
    pub batch: Batch,
}

/// Which traces are sampled; nothing is kept of the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Sampling {
    /// Of the traces that begin here, from 0 to 1. Default: 1.
    pub ratio: Ratio,
    /// Whether a trace that a client has begun is sampled if the client says so, and only then. Where clients are not to
    /// be believed, `ratio` is for theirs, too. Default: on.
    #[serde(with = "on_off")]
    #[schemars(with = "crate::switch::OnOff")]
    pub parent: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            ratio: Ratio(1.0),
            parent: true,
        }
    }
}

/// How spans are gathered on their way to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Batch {
    /// Spans that wait, at most 65536; more are dropped and counted. Default: 2048.
    #[schemars(range(min = 1, max = 65_536))]
    pub queue: NonZeroUsize,
    /// Spans of one request to the collector, at most as many as may wait. Default: 512.
    #[schemars(range(min = 1, max = 65_536))]
    pub size: NonZeroUsize,
    /// A batch that is not full is sent after this long. Longer than 0s, at most 1m. Default: 5s.
    pub delay: Duration,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            queue: NonZeroUsize::MIN.saturating_add(2047),
            size: NonZeroUsize::MIN.saturating_add(511),
            delay: Duration::from_secs(5),
        }
    }
}

fn service_name() -> String {
    "towpath".to_owned()
}

fn timeout() -> Duration {
    Duration::from_secs(10)
}

/// A share of all, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Ratio(f64);

impl Ratio {
    /// As a number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RatioVisitor)
    }
}

struct RatioVisitor;

impl de::Visitor<'_> for RatioVisitor {
    type Value = Ratio;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 1")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Ratio, E> {
        match (0.0..=1.0).contains(&number) {
            true => Ok(Ratio(number)),
            false => Err(E::invalid_value(de::Unexpected::Float(number), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Ratio, E> {
        match number {
            0 => Ok(Ratio(0.0)),
            1 => Ok(Ratio(1.0)),
            _ => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
        }
    }

    /// What comes out of `${VAR}` is text.
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Ratio, E> {
        match text.parse() {
            Ok(number) => self.visit_f64(number),
            Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

impl JsonSchema for Ratio {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Ratio".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"?#@".contains(c);
    if !has_host(&text) || !text.is_ascii() || !text.chars().all(is_plain) {
        // A URL that is no use may have a password in it.
        return Err(de::Error::custom(
            "expected an http or https URL without user, query and fragment, such as http://127.0.0.1:4318",
        ));
    }
    let authority = text.split('/').nth(2).unwrap_or_default();
    let port = authority
        .rsplit_once(':')
        .filter(|_| !authority.ends_with(']'));
    if let Some((_, port)) = port.filter(|(_, port)| port.parse::<u16>().is_err()) {
        let message = format!("expected a port from 0 to 65535, got `{port}`");
        return Err(de::Error::custom(message));
    }
    let path = text.splitn(4, '/').nth(3).unwrap_or_default();
    match path {
        "" => Ok(format!("{}{PATH}", text.trim_end_matches('/'))),
        _ => Ok(text),
    }
}
