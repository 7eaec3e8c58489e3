//! The YAML file as types: serde reads them, schemars describes them, nothing clever happens here.
//! Each default is what an expert would have chosen; what makes no sense together is said by `check`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{networks, socket_address};
use crate::http2::Http2;
use crate::operation::{Admin, Drain, Upgrading};
use crate::or_off::OrOff;
use crate::route::Route;
use crate::tls::ListenerTls;
use crate::tracing::Tracing;
use crate::units::{ByteSize, Duration};
use crate::upstream::Upstream;

/// The whole configuration.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct Config {
    /// Where clients connect. Default: plain HTTP on `0.0.0.0:8080`.
    #[serde(default = "default_listeners")]
    pub listeners: Vec<Listener>,
    /// Named groups of servers that routes send to.
    #[serde(default)]
    pub upstreams: BTreeMap<String, Upstream>,
    /// Which requests go where. The most specific route wins, whatever the order in the file.
    pub routes: Vec<Route>,
    /// How long to wait for what; a route may override `connect`, `response` and `read`.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// What one client, and all together, may use.
    #[serde(default)]
    pub limits: Limits,
    /// Networks whose `X-Forwarded-*` and `Forwarded` headers are believed. Default: none.
    #[serde(default, deserialize_with = "networks")]
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// How connections are ended on SIGTERM.
    #[serde(default)]
    pub drain: Drain,
    /// What becomes of the old process when another takes its place.
    #[serde(default)]
    pub upgrade: Upgrading,
    /// The operator's own listener; absent: none.
    #[serde(default)]
    pub admin: Option<Admin>,
    /// The application's log, on standard error.
    #[serde(default)]
    pub log: Log,
    /// One line per request and per finished tunnel, on standard output.
    #[serde(default)]
    pub access_log: AccessLog,
    /// Traces, sent to a collector; absent: off, and what clients say of theirs is passed on as it is.
    #[serde(default)]
    pub tracing: Option<Tracing>,
    /// Worker threads, at most 1024. Default: one per core. Changing it needs a restart.
    #[serde(default)]
    pub threads: Option<NonZeroUsize>,
}

fn default_listeners() -> Vec<Listener> {
    vec![Listener::default()]
}

/// One address that clients connect to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct Listener {
    /// IP address and port, such as `0.0.0.0:8080` or `[::]:8080`. Port 0 takes any free port.
    #[serde(deserialize_with = "socket_address")]
    pub address: SocketAddr,
    /// TLS. Absent: plain text.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// Networks of proxies, such as a load balancer's, whose connections begin with a PROXY header, version 1 or 2: the
    /// address in it is the client's. Without a valid one they are closed; of anybody else, one is a bad request.
    /// Default: none.
    #[serde(default, deserialize_with = "networks")]
    #[schemars(with = "Vec<String>")]
    pub proxy_protocol: Vec<IpNet>,
    /// HTTP/2 beside HTTP/1.1. Default: `on`.
    #[serde(default)]
    pub http2: Http2,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([0, 0, 0, 0], 8080)),
            tls: None,
            proxy_protocol: Vec::new(),
            http2: Http2::default(),
        }
    }
}

/// How long to wait for what.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Timeouts {
    /// For one server to accept a connection. Default: 5s.
    pub connect: Duration,
    /// For the backend's response header or its answer to an upgrade, and between two reads of its content.
    /// Default: 60s.
    pub response: Duration,
    /// Between two reads of a request's content from the client. Default: 60s.
    pub read: Duration,
    /// For all of a plain request's content, counted from the end of its header; then it is answered 408, or over
    /// HTTP/2 its stream is reset. Default: off.
    pub request_body: OrOff<Duration>,
    /// For either side to take what is written to it. Default: 60s.
    pub write: Duration,
    /// For a client to finish its request header, counted from its first byte. Default: 10s.
    pub request_header: Duration,
    /// For a client to finish its TLS handshake. Default: 10s.
    pub tls_handshake: Duration,
    /// For a client's next request on an idle connection. Default: 60s.
    pub keep_alive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response: Duration::from_secs(60),
            read: Duration::from_secs(60),
            request_body: OrOff::Off,
            write: Duration::from_secs(60),
            request_header: Duration::from_secs(10),
            tls_handshake: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
        }
    }
}

/// Bounds on what is accepted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Limits {
    /// Client connections at one time; more are answered 503 and closed. Never more than about half of the process' open
    /// files, since most need another one to a server. Default: 100000.
    pub connections: NonZeroUsize,
    /// Client connections at one time from one address, which for IPv6 is a /64; more are answered 429 and closed.
    /// Default: off.
    pub connections_per_address: OrOff<NonZeroUsize>,
    /// Size of a request's line and headers, from 1KiB to 1MiB; more is answered 431. Default: 32KiB.
    pub header_size: ByteSize,
    /// Requests of one address, which for IPv6 is a /64, in a second, and as many at once after a second without any;
    /// more are answered 429. A WebSocket handshake is one, and so is each poll of the fallback. Default: off.
    pub requests_per_second: OrOff<NonZeroU32>,
    /// WebSocket handshakes of one address, which for IPv6 is a /64, in a second, and as many at once after a second
    /// without any; more are answered 429. Default: off.
    pub upgrades_per_second: OrOff<NonZeroU32>,
    /// Networks of clients for which `requests_per_second` and `upgrades_per_second` do not hold. Default: none.
    #[serde(deserialize_with = "networks")]
    #[schemars(with = "Vec<String>")]
    pub exempt: Vec<IpNet>,
    /// Requests over one connection, the last of which closes it; over HTTP/2, its client is told to open no more
    /// streams. Default: off.
    pub keep_alive_requests: OrOff<NonZeroU32>,
    /// Content of a plain request; more is answered 413, without a word to the backend where it was announced. A route
    /// may say otherwise; the fallback has bounds of its own. Default: off.
    pub body_size: OrOff<ByteSize>,
    /// Fallback sessions at one time; more are told that the proxy is busy. Default: 50000.
    pub sessions: NonZeroUsize,
    /// Fallback sessions at one time from one address, which for IPv6 is a /64; more are told that the proxy is busy.
    /// Default: 1024.
    pub sessions_per_address: OrOff<NonZeroUsize>,
    /// Fallback sessions that one address, which for IPv6 is a /64, may open each second; more are told that the proxy
    /// is busy. Default: 50.
    pub opens_per_second: OrOff<NonZeroU32>,
    /// What all fallback sessions together may buffer; at least `buffer` and `max_message` of each route's fallback.
    /// Default: 512MiB.
    pub session_memory: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: NonZeroUsize::MIN.saturating_add(99_999),
            connections_per_address: OrOff::Off,
            header_size: ByteSize::new(32 << 10),
            requests_per_second: OrOff::Off,
            upgrades_per_second: OrOff::Off,
            exempt: Vec::new(),
            keep_alive_requests: OrOff::Off,
            body_size: OrOff::Off,
            sessions: NonZeroUsize::MIN.saturating_add(49_999),
            sessions_per_address: OrOff::On(NonZeroUsize::MIN.saturating_add(1023)),
            opens_per_second: OrOff::On(NonZeroU32::MIN.saturating_add(49)),
            session_memory: ByteSize::new(512 << 20),
        }
    }
}

/// The application's log.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Log {
    /// The least severe level that is written.
    pub level: Level,
    /// How a line looks.
    pub format: LogFormat,
}

/// Severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A person must act.
    Error,
    /// A person should look.
    Warn,
    /// Life cycle.
    #[default]
    Info,
    /// Per request.
    Debug,
    /// Everything.
    Trace,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The access log's format, or `off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessLog {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// None.
    Off,
}
