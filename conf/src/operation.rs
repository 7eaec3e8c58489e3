//! What concerns the operator: how the process ends, how another takes its place, and where it can be spoken to.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::socket_address;
use crate::units::Duration;

/// How connections are ended on SIGTERM and SIGINT.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Drain {
    /// `/ready` says no for this long before nobody new is let in. Default: 0s.
    pub delay: Duration,
    /// The Close frames of all tunnels and sessions are spread over this long. Until its own, a session goes on.
    /// Default: 10s.
    pub spread: Duration,
    /// What is left this long after the signal is cut off. Default: 30s.
    pub timeout: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(0),
            spread: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}

/// How one process takes the place of another (SIGUSR2, or `towpath upgrade`).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Upgrading {
    /// The new process must be ready this soon, or the old one goes on alone. Default: 1m.
    pub ready: Duration,
    /// For so long the old process keeps its tunnels and sessions, then it drains. Default: 1h.
    pub timeout: Duration,
}

impl Default for Upgrading {
    fn default() -> Self {
        Self {
            ready: Duration::from_secs(60),
            timeout: Duration::from_secs(3600),
        }
    }
}

/// The operator's listener.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct Admin {
    /// IP address and port: the operator's page at `/`, `/health`, `/ready`, `/metrics`, and what `towpath status`, `reload`,
    /// `drain` and `upgrade` speak to. An address that is not of loopback needs a `token_file`.
    #[serde(deserialize_with = "socket_address")]
    pub address: SocketAddr,
    /// A file with a token of at least 16 characters in its first line, which everything but `/health` and `/ready` then
    /// asks for: as `Authorization: Bearer`, or as the password of whatever name. A changed file is read again.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}
