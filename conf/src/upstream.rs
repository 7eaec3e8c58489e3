//! `upstreams`: servers, how one of them is chosen, and how they are watched.

use std::fmt;
use std::num::NonZeroU32;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{HostPort, networks};
use crate::balancing::{Outliers, Retries, Sticky};
use crate::or_off::OrOff;
use crate::switch::on_off;
use crate::units::Duration;
use crate::upstream_tls::UpstreamTls;

/// A group of servers that do the same job.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct Upstream {
    /// The servers. A DNS name stands for all its addresses and is resolved again every `resolve`.
    pub servers: Vec<Server>,
    /// How a server is chosen.
    #[serde(default)]
    pub balance: Balance,
    /// What `balance: hash` hashes. Default: the client's address.
    #[serde(default)]
    pub hash: HashOn,
    /// Active health checks. Absent: none; a server that refuses connections is skipped all the same.
    #[serde(default)]
    pub health: Option<Health>,
    /// Whether clients are sent to the same server again, by a cookie. Not with `balance: hash`. Default: off.
    #[serde(default)]
    pub sticky: Sticky,
    /// Whether servers that fail requests are left out for a while. Default: on.
    #[serde(default)]
    pub outliers: Outliers,
    /// How often other servers are tried for requests whose first one could not be reached.
    #[serde(default)]
    pub retries: Retries,
    /// A server that is new or well again gets a share that grows to its full one in this time. Not with
    /// `balance: hash`. Default: off.
    #[serde(default = "off")]
    pub slow_start: OrOff<Duration>,
    /// TLS with the servers. Default: off.
    #[serde(default)]
    pub tls: UpstreamTls,
    /// Whether each connection to a server begins with a PROXY header, which says whose it is: `v1` or `v2`. Such
    /// connections are not used again for others. Default: off.
    #[serde(default = "no_header")]
    pub proxy_protocol: OrOff<ProxyVersion>,
    /// Whether plain requests go to the servers over HTTP/2: with TLS to those that know it, without TLS to all of them
    /// (prior knowledge). Default: off.
    #[serde(default, with = "on_off")]
    #[schemars(with = "crate::switch::OnOff")]
    pub http2: bool,
    /// Networks that the servers' names may not lead to, such as `169.254.0.0/16`, where clouds keep their secrets.
    /// Default: none.
    #[serde(default, deserialize_with = "networks")]
    #[schemars(with = "Vec<String>")]
    pub denied_networks: Vec<IpNet>,
    /// How often DNS names are resolved again.
    #[serde(default = "default_resolve")]
    pub resolve: Duration,
    /// Idle keep-alive connections kept for plain HTTP are closed after this long.
    #[serde(default = "default_keep_alive")]
    pub keep_alive: Duration,
}

impl Upstream {
    /// The name that the servers' certificates must be for; `None`: they have no name, or several.
    pub fn server_name(&self) -> Option<&str> {
        let own = self.tls.server_name.as_deref();
        let first = self.servers.first()?.address.host.as_str();
        let is_one = self
            .servers
            .iter()
            .all(|server| server.address.host == first);
        let is_name = first.parse::<std::net::IpAddr>().is_err();
        own.or(Some(first).filter(|_| is_one && is_name))
    }

    /// A group of at most one server, with all defaults.
    pub(crate) fn of(address: Option<HostPort>) -> Self {
        Self {
            servers: address
                .map(|address| Server {
                    address,
                    weight: NonZeroU32::MIN,
                })
                .into_iter()
                .collect(),
            balance: Balance::default(),
            hash: HashOn::default(),
            health: None,
            sticky: Sticky::default(),
            outliers: Outliers::default(),
            retries: Retries::default(),
            slow_start: OrOff::Off,
            tls: UpstreamTls::default(),
            proxy_protocol: OrOff::Off,
            http2: false,
            denied_networks: Vec::new(),
            resolve: default_resolve(),
            keep_alive: default_keep_alive(),
        }
    }
}

fn no_header() -> OrOff<ProxyVersion> {
    OrOff::Off
}

fn off() -> OrOff<Duration> {
    OrOff::Off
}

fn default_resolve() -> Duration {
    Duration::from_secs(30)
}

fn default_keep_alive() -> Duration {
    Duration::from_secs(60)
}

/// One server: `host:port`, or a map with a weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Host (a DNS name or an IP address) and port.
    pub address: HostPort,
    /// Its share relative to the others, at most 256. Default: 1.
    pub weight: NonZeroU32,
}

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Bytes.
    V2,
}

impl fmt::Display for ProxyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        })
    }
}

/// How a server of a group is chosen. Weights count in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Any.
    Random,
    /// The one with the fewest live tunnels and requests for its weight.
    LeastConnections,
    /// The same client on the same server while the group stays as it is (Ketama).
    Hash,
}

/// What a consistent hash is taken of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HashOn {
    /// The client's address.
    #[default]
    ClientAddress,
    /// A request header's value.
    Header(String),
    /// A cookie's value.
    Cookie(String),
    /// A query parameter's value.
    Query(String),
}

/// Active health checks of one upstream group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct Health {
    /// Ask for this path over HTTP and expect a 2xx. Absent: a TCP connection is enough.
    #[serde(default)]
    pub path: Option<String>,
    /// The Host header of the check, as host or host:port. Default: the server's own address.
    #[serde(default)]
    pub host: Option<String>,
    /// Time between two checks of a server.
    #[serde(default = "default_health_interval")]
    pub interval: Duration,
    /// A check that takes longer has failed.
    #[serde(default = "default_health_timeout")]
    pub timeout: Duration,
    /// Successes in a row that make a server healthy again.
    #[serde(default = "one")]
    pub healthy: NonZeroU32,
    /// Failures in a row that make a server unhealthy.
    #[serde(default = "two")]
    pub unhealthy: NonZeroU32,
}

fn default_health_interval() -> Duration {
    Duration::from_secs(5)
}

fn default_health_timeout() -> Duration {
    Duration::from_secs(1)
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn two() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(1)
}
