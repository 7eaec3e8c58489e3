//! Who may take a route.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::switch::on_off;
use crate::units::Duration;

/// How a route's clients prove who they are; with both, both must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Auth {
    /// By a name and a password. Absent: not.
    pub basic: Option<BasicAuth>,
    /// By asking another server. Absent: not.
    pub forward: Option<ForwardAuth>,
}

/// Names and passwords (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct BasicAuth {
    /// A file as `htpasswd -B` writes it: a name and a bcrypt hash on each line. A changed file is read again.
    pub users: PathBuf,
    /// What browsers show when they ask.
    #[serde(default = "realm")]
    pub realm: String,
    /// Whether the backend sees the client's Authorization. It finds the name in `X-Forwarded-User` in any case.
    /// Default: off.
    #[serde(default, with = "on_off")]
    #[schemars(with = "crate::switch::OnOff")]
    pub pass: bool,
}

fn realm() -> String {
    "towpath".to_owned()
}

/// A server that is asked about each request, with the fields of that: 2xx lets it pass, any other answer below 500 is
/// the client's, and without an answer it is refused with 503.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct ForwardAuth {
    /// A name from `upstreams`, or one server as `host:port`.
    pub upstream: String,
    /// The path of the question. `X-Forwarded-Method` and `X-Forwarded-Uri` say what is asked about.
    #[serde(default = "root")]
    pub path: String,
    /// Fields of the answer that the backend gets in the place of the client's own.
    #[serde(default)]
    pub copy: Vec<String>,
    /// For the answer.
    #[serde(default = "patience")]
    pub timeout: Duration,
}

fn root() -> String {
    "/".to_owned()
}

fn patience() -> Duration {
    Duration::from_secs(5)
}
