//! `routes`: which requests go where, and what happens to them on the way.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::engine_io::EngineIo;
use crate::one_or_many::OneOrMany;
use crate::or_off::OrOff;
use crate::pattern::Pattern;
use crate::redirect::Redirect;
use crate::rewrite::Rewrite;
use crate::sockjs::SockJs;
use crate::switch::on_off;
use crate::tls::RouteTls;
use crate::units::{ByteSize, Duration};

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
