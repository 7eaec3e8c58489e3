//! The YAML file as types: serde reads them, schemars describes them, nothing clever happens here.
//! Each default is what an expert would have chosen; what makes no sense together is said by `check`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{HostPort, networks, socket_address};
use crate::auth::Auth;
use crate::balancing::{Outliers, Retries, Sticky};
use crate::engine_io::EngineIo;
use crate::http2::Http2;
use crate::one_or_many::OneOrMany;
use crate::operation::{Admin, Drain, Upgrading};
use crate::or_off::OrOff;
use crate::pattern::Pattern;
use crate::redirect::Redirect;
use crate::rewrite::Rewrite;
use crate::sockjs::SockJs;
use crate::switch::on_off;
use crate::tls::{ListenerTls, RouteTls};
use crate::tracing::Tracing;
use crate::units::{ByteSize, Duration};
use crate::upstream_tls::UpstreamTls;

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

/// Which requests, to which upstream, and how.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct Route {
    /// A name for logs. Default: `routes[N]`.
    #[serde(default)]
    pub name: Option<String>,
    /// Hosts: exact (`chat.example.com`) or any subdomain (`*.example.com`). Absent: every host.
    #[serde(default)]
    pub host: OneOrMany<HostPattern>,
    /// A path prefix, matched by whole segments: `/ws` matches `/ws` and `/ws/a`, not `/wsx`.
    /// Or `{ exact: /ws }`, or `{ regex: ... }`. Default: `/`.
    #[serde(default)]
    pub path: PathPattern,
    /// What the client has spoken: to us, or to a trusted proxy, as that says. Absent: either.
    #[serde(default)]
    pub scheme: Option<Scheme>,
    /// Methods. Absent: all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Header values that must match, all of them.
    #[serde(default)]
    pub headers: BTreeMap<String, Pattern>,
    /// Query parameters that must match, all of them.
    #[serde(default)]
    pub query: BTreeMap<String, Pattern>,
    /// What the connection must have proven. Default: nothing.
    #[serde(default)]
    pub tls: RouteTls,
    /// A name from `upstreams`, or one server as `host:port`. Required, unless there is a `redirect`.
    #[serde(default)]
    pub upstream: String,
    /// Sends clients elsewhere instead. Default: none.
    #[serde(default)]
    pub redirect: Option<Redirect>,
    /// Changes of the path on its way to the backend. Default: none.
    #[serde(default)]
    pub rewrite: Rewrite,
    /// Who may take this route. Default: anybody.
    #[serde(default)]
    pub auth: Auth,
    /// Whose pages may open WebSockets, and sessions of the fallback where that says nothing else; others are refused with
    /// 403. Who is no browser has no Origin, and passes. Default: upstream.
    #[serde(default)]
    pub origins: Origins,
    /// Whether plain responses are compressed that are not yet, for clients that say that they can read it: with zstd,
    /// Brotli or gzip. Default: off.
    #[serde(default, with = "on_off")]
    #[schemars(with = "crate::switch::OnOff")]
    pub compression: bool,
    /// What happens to WebSockets. Default: `on`.
    #[serde(default)]
    pub websocket: WebSocket,
    /// Whether and how WebSockets are carried over plain HTTP requests, for clients whose network blocks them. `on`
    /// where nothing is said of it, but `off` where `websocket` refuses upgrades.
    #[serde(default)]
    pub fallback: Fallback,
    /// Changes to the request before the backend sees it.
    #[serde(default)]
    pub request_headers: HeaderChanges,
    /// Changes to the backend's response before the client sees it; a 101 is changed too.
    #[serde(default)]
    pub response_headers: HeaderChanges,
    /// Overrides the global `limits.body_size`.
    #[serde(default)]
    pub body_size: Option<OrOff<ByteSize>>,
    /// Overrides of the global `timeouts`.
    #[serde(default)]
    pub timeouts: RouteTimeouts,
}

/// With TLS or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Without.
    Http,
    /// With.
    Https,
}

/// A route's path.
#[derive(Clone, Debug)]
pub enum PathPattern {
    /// Whole segments from the start. Always begins with `/`, and ends with it only if it is `/`.
    Prefix(String),
    /// The whole path.
    Exact(String),
    /// A regular expression, found anywhere in the path unless anchored.
    Regex(regex::Regex),
}

/// A route's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host, in lower case, without port.
    Exact(String),
    /// Any subdomain of this domain, at any depth (`example.com` for `*.example.com`).
    Suffix(String),
}

/// What a route does with WebSockets: `on`, `off`, or a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebSocket {
    /// Whether upgrades pass.
    pub upgrade: Upgrade,
    /// A side that has been silent for this long is sent a ping. Default: 30s.
    pub ping: OrOff<Duration>,
    /// A side that leaves a ping unanswered, and is otherwise silent, for this long is gone. Default: 60s.
    pub ping_timeout: Duration,
    /// A tunnel in which neither side has sent a frame of its own for this long is closed with 1001.
    /// Default: off.
    pub idle_timeout: OrOff<Duration>,
    /// A tunnel, or a session of the fallback, that has lived for about this long (a tenth more or less, so that not all
    /// end at once) is closed with 1001. Its client comes back and shows anew who it is. Default: off.
    pub max_lifetime: OrOff<Duration>,
    /// A longer message, in bytes on the wire, closes the tunnel with 1009. Default: off.
    pub max_message: OrOff<ByteSize>,
    /// What happens to a peer that breaks RFC 6455's framing. Default: relay.
    pub framing: Framing,
    /// Over what WebSockets reach the servers. Default: http1.
    pub upstream: WebSocketUpstream,
}

/// Whether a route lets WebSockets pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Upgrade {
    /// WebSockets and plain HTTP alike.
    #[default]
    Allow,
    /// An upgrade is refused with 403. There is no fallback either, unless the route says so.
    Deny,
    /// Anything but an upgrade is refused with 426; the fallback's requests pass.
    Require,
}

/// Over what a route's WebSockets reach its servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebSocketUpstream {
    /// A connection for each, upgraded from HTTP/1.1.
    #[default]
    Http1,
    /// Streams of HTTP/2 connections that they share (RFC 8441), with TLS or with prior knowledge. A server that does not
    /// announce it is not reached.
    H2,
}

/// What happens to bytes that are not RFC 6455 frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Relay them as they are, without scanning any further: the peer is the judge.
    #[default]
    Relay,
    /// Close both sides with 1002.
    Strict,
}

/// How a route carries WebSockets over plain HTTP requests: `on`, `off`, or a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// Whether it does. Off by itself where WebSockets are refused and nothing is said of the fallback.
    pub enabled: bool,
    /// The longest that a poll is held, from 1s to 5m. Default: 25s.
    pub hold: Duration,
    /// A session whose client has not been heard of since its last answer, for this long, is over; from 5s to 1h.
    /// Default: 60s.
    pub resume: Duration,
    /// For the backend to answer the handshake, from 1s to 5m. Default: 15s.
    pub open_timeout: Duration,
    /// Whether clients may ask for streams. Default: on.
    pub stream: bool,
    /// Whose pages may open sessions. Default: upstream.
    pub origins: Origins,
    /// A longer message ends the session with 1009, from 1KiB to 256MiB. Never more than `websocket.max_message`
    /// of the route. Default: 16MiB.
    pub max_message: ByteSize,
    /// While the client has left this much unacknowledged the backend is not read, from 64KiB to 64MiB. Default: 1MiB.
    pub buffer: ByteSize,
    /// Names of header fields of the opening request that reach the backend, as written, beside `Cookie`,
    /// `Authorization`, `Origin`, `User-Agent` and `Accept-Language`. Default: none.
    pub forward_headers: Vec<String>,
    /// Where clients that speak SockJS are served, and how; `None`: nowhere. Default: off.
    pub sockjs: Option<SockJs>,
    /// Where clients that speak Engine.IO are served, which are Socket.IO's, and how; `None`: nowhere. Default: off.
    pub engine_io: Option<EngineIo>,
    /// A request of a SockJS or Engine.IO client with more content than this is refused, from 64KiB to 64MiB.
    /// Default: 2MiB.
    pub max_body: ByteSize,
}

/// Whose pages may open WebSockets and fallback sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Whatever the backend accepts: its handshake has the Origin.
    #[default]
    Upstream,
    /// Pages whose host and port are those of the request.
    SameOrigin,
    /// Exactly these, each as a browser sends it: lower case, without the scheme's own port. Or `null`.
    List(Vec<String>),
}

/// Header changes; applied in the order remove, set, add.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct HeaderChanges {
    /// Replace all values of a header.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Add a value.
    #[serde(default)]
    pub add: BTreeMap<String, String>,
    /// Remove all values.
    #[serde(default)]
    pub remove: Vec<String>,
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

/// A route's own timeouts.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
pub struct RouteTimeouts {
    /// See `timeouts.connect`.
    #[serde(default)]
    pub connect: Option<Duration>,
    /// See `timeouts.response`.
    #[serde(default)]
    pub response: Option<Duration>,
    /// See `timeouts.read`.
    #[serde(default)]
    pub read: Option<Duration>,
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
