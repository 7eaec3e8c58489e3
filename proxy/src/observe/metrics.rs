//! What the proxy counts of requests, handshakes, tunnels, pings and itself, by Prometheus' conventions. Labels are names
//! from the configuration and words from closed lists, so that no client can make more of them.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::attempts::Fate;
use crate::tunnel::{Report, Side};

/// Bounds of latencies, in seconds.
const LATENCIES: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// A histogram of [`LATENCIES`].
#[derive(Clone, Copy, Debug)]
struct Latency;

impl MetricConstructor<Histogram> for Latency {
    fn new_metric(&self) -> Histogram {
        Histogram::new(LATENCIES)
    }
}

type Latencies<L> = Family<L, Histogram, Latency>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Opening {
    route: String,
    protocol: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closing {
    route: String,
    ended_by: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySide {
    side: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDirection {
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVerdict {
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDialect {
    dialect: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfServers {
    upstream: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfConfig {
    hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBuild {
    version: &'static str,
}

/// Seconds, with their fractions.
type Seconds = Gauge<f64, AtomicU64>;

/// The metrics of the proxy.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Family<Answered, Counter>,
    request_duration: Latencies<ByRoute>,
    handshake_duration: Latencies<ByRoute>,
    tunnels_opened: Family<Opening, Counter>,
    tunnels: Family<ByRoute, Gauge>,
    tunnels_closed: Family<Closing, Counter>,
    tunnel_messages: Family<ByDirection, Counter>,
    tunnel_bytes: Family<ByDirection, Counter>,
    ping_rtt: Latencies<BySide>,
    checks: Family<ByVerdict, Counter>,
    session_requests: Latencies<ByDialect>,
    connections: Gauge,
    servers: Family<OfServers, Gauge>,
    reloads: Family<ByResult, Counter>,
    reload_successful: Gauge,
    reload_time: Seconds,
    config: Family<OfConfig, Gauge>,
    upgrades: Family<ByResult, Counter>,
    build: Family<OfBuild, Gauge>,
    ready: Gauge,
    started: Seconds,
    cpu: Counter<f64, AtomicU64>,
    resident: Gauge,
    files: Gauge,
    max_files: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            requests: Family::default(),
            request_duration: Family::new_with_constructor(Latency),
            handshake_duration: Family::new_with_constructor(Latency),
            tunnels_opened: Family::default(),
            tunnels: Family::default(),
            tunnels_closed: Family::default(),
            tunnel_messages: Family::default(),
            tunnel_bytes: Family::default(),
            ping_rtt: Family::new_with_constructor(Latency),
            checks: Family::default(),
            session_requests: Family::new_with_constructor(Latency),
            connections: Gauge::default(),
            servers: Family::default(),
            reloads: Family::default(),
            reload_successful: Gauge::default(),
            reload_time: Seconds::default(),
            config: Family::default(),
            upgrades: Family::default(),
            build: Family::default(),
            ready: Gauge::default(),
            started: Seconds::default(),
            cpu: Counter::default(),
            resident: Gauge::default(),
            files: Gauge::default(),
            max_files: Gauge::default(),
        };
        // What may never happen is 0, not absent.
        for result in ["success", "failure"] {
            let _ = metrics.reloads.get_or_create(&ByResult { result });
            let _ = metrics.upgrades.get_or_create(&ByResult { result });
        }
        for verdict in VERDICTS {
            let _ = metrics.checks.get_or_create(&ByVerdict { verdict });
        }
        let version = env!("CARGO_PKG_VERSION");
        metrics.build.get_or_create(&OfBuild { version }).set(1);
        metrics.started.set(seconds_of_the_era());
        metrics
    }
}

/// What a check may find.
const VERDICTS: [&str; 5] = ["unseen", "connecting", "refused", "open", "closed"];

/// What changes by itself, as it is now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Now {
    /// Of clients.
    pub(crate) connections: usize,
    /// Bytes and messages of all tunnels: of clients, of backends.
    pub(crate) traffic: [(u64, u64); 2],
    /// Whether new connections are wanted.
    pub(crate) ready: bool,
    /// How many servers of an upstream are how.
    pub(crate) servers: Vec<(String, &'static str, usize)>,
}

impl Metrics {
    /// A request was answered, or not at all.
    pub(crate) fn answered(&self, route: &str, status: Option<StatusCode>, took: Duration) {
        let (route, code) = (route.to_owned(), class(status));
        let labels = Answered { route, code };
        self.requests.get_or_create(&labels).inc();
        let by_route = ByRoute {
            route: labels.route,
        };
        self.request_duration
            .get_or_create(&by_route)
            .observe(took.as_secs_f64());
    }

    /// A tunnel was opened, this long after its request had come.
    pub(crate) fn opened(&self, route: &str, protocol: &'static str, took: Duration) {
        let by_route = ByRoute {
            route: route.to_owned(),
        };
        self.handshake_duration
            .get_or_create(&by_route)
            .observe(took.as_secs_f64());
        self.tunnels.get_or_create(&by_route).inc();
        let route = by_route.route;
        let opening = Opening { route, protocol };
        self.tunnels_opened.get_or_create(&opening).inc();
    }

    /// A tunnel is over.
    pub(crate) fn closed(&self, route: &str, report: &Report) {
        let by_route = ByRoute {
            route: route.to_owned(),
        };
        self.tunnels.get_or_create(&by_route).dec();
        let closing = Closing {
            route: by_route.route,
            ended_by: report.ended_by.as_str(),
            code: code(report.close),
        };
        self.tunnels_closed.get_or_create(&closing).inc();
    }

    /// A side has answered a ping of ours.
    pub(crate) fn ponged(&self, side: Side, took: Duration) {
        let side = match side {
            Side::Client => "client",
            Side::Backend => "backend",
        };
        self.ping_rtt
            .get_or_create(&BySide { side })
            .observe(took.as_secs_f64());
    }

    /// A client has asked what became of its WebSocket.
    pub(crate) fn checked(&self, fate: &Fate) {
        let verdict = match fate {
            Fate::Unseen => "unseen",
            Fate::Connecting => "connecting",
            Fate::Refused { .. } => "refused",
            Fate::Open { .. } => "open",
            Fate::Closed { .. } => "closed",
        };
        self.checks.get_or_create(&ByVerdict { verdict }).inc();
    }

    /// A request of a session was answered; a poll takes as long as it is held.
    pub(crate) fn session_answered(&self, dialect: &'static str, took: Duration) {
        self.session_requests
            .get_or_create(&ByDialect { dialect })
            .observe(took.as_secs_f64());
    }

    /// A configuration was put in force.
    pub(crate) fn configured(&self, hash: &str) {
        self.config.clear();
        let hash = hash.to_owned();
        self.config.get_or_create(&OfConfig { hash }).set(1);
        self.reload_successful.set(1);
        self.reload_time.set(seconds_of_the_era());
    }

    /// A reload has come to its end.
    pub(crate) fn reloaded(&self, worked: bool) {
        let result = result(worked);
        self.reloads.get_or_create(&ByResult { result }).inc();
        self.reload_successful.set(worked.into());
    }

    /// An upgrade has come to its end, in the old process.
    pub(crate) fn upgraded(&self, worked: bool) {
        let result = result(worked);
        self.upgrades.get_or_create(&ByResult { result }).inc();
    }

    /// How many checks have found what.
    pub(crate) fn verdicts(&self) -> [(&'static str, u64); 5] {
        VERDICTS.map(|verdict| {
            let count = self.checks.get_or_create(&ByVerdict { verdict }).get();
            (verdict, count)
        })
    }

    /// Brings what is only looked at up to date.
    pub(crate) fn look(&self, now: &Now) {
        self.connections.set(whole(now.connections));
        self.ready.set(now.ready.into());
        for (direction, (bytes, messages)) in
            ["from_client", "from_backend"].iter().zip(now.traffic)
        {
            let way = ByDirection { direction };
            raise(&self.tunnel_bytes, &way, bytes);
            raise(&self.tunnel_messages, &way, messages);
        }
        self.servers.clear();
        for (upstream, state, count) in &now.servers {
            let upstream = upstream.clone();
            let labels = OfServers { upstream, state };
            self.servers.get_or_create(&labels).set(whole(*count));
        }
        let process = super::process::look();
        let used = process.cpu - self.cpu.get();
        if used > 0.0 {
            self.cpu.inc_by(used);
        }
        self.resident.set(whole(process.resident));
        self.files.set(whole(process.files));
        self.max_files.set(whole(process.max_files));
    }

    /// Makes them visible, under their own names.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.register_requests(registry);
        self.register_tunnels(registry);
        self.register_operation(registry);
    }

    fn register_requests(&self, to: &mut Registry) {
        to.register(
            "towpath_requests",
            "Requests that were no upgrades and none of a session's, by route and by the class of their status; none: the client left first",
            self.requests.clone(),
        );
        to.register(
            "towpath_request_duration_seconds",
            "From such a request's header to the end of its answer, by route",
            self.request_duration.clone(),
        );
        to.register(
            "towpath_session_request_duration_seconds",
            "From the header of a request of a fallback session to the end of its answer, by dialect; polls are held",
            self.session_requests.clone(),
        );
        to.register(
            "towpath_connections",
            "Connections of clients that are open, tunnels included",
            self.connections.clone(),
        );
        to.register(
            "towpath_websocket_checks",
            "Clients that asked over HTTP what became of their WebSocket, by what they were told; unseen: it is blocked on its way",
            self.checks.clone(),
        );
    }

    fn register_tunnels(&self, to: &mut Registry) {
        to.register(
            "towpath_handshake_duration_seconds",
            "From a handshake's header to its 101, by route",
            self.handshake_duration.clone(),
        );
        to.register(
            "towpath_tunnels_opened",
            "WebSockets opened, by route and by the HTTP version of the client",
            self.tunnels_opened.clone(),
        );
        to.register(
            "towpath_tunnels",
            "WebSockets that are open, by route",
            self.tunnels.clone(),
        );
        to.register(
            "towpath_tunnels_closed",
            "WebSockets that are over, by route, by who or what ended them, and by the close code, none if there was no Close",
            self.tunnels_closed.clone(),
        );
        to.register(
            "towpath_tunnel_messages",
            "Messages in tunnels, as far as their frames could be followed",
            self.tunnel_messages.clone(),
        );
        to.register(
            "towpath_tunnel_bytes",
            "Bytes in tunnels, as they are on the wire",
            self.tunnel_bytes.clone(),
        );
        to.register(
            "towpath_ping_rtt_seconds",
            "How long pings of ours were on their way and back, by whom they went to",
            self.ping_rtt.clone(),
        );
    }

    fn register_operation(&self, to: &mut Registry) {
        to.register(
            "towpath_upstream_servers",
            "Servers of an upstream, by state: healthy, ejected (left out for its failures) or unhealthy (by its checks)",
            self.servers.clone(),
        );
        to.register(
            "towpath_config_reloads",
            "Reloads of the configuration, by result",
            self.reloads.clone(),
        );
        to.register(
            "towpath_config_last_reload_successful",
            "Whether the last reload worked",
            self.reload_successful.clone(),
        );
        to.register(
            "towpath_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was put in force",
            self.reload_time.clone(),
        );
        to.register(
            "towpath_config_info",
            "The hash of the configuration in force, as `towpath status` says it",
            self.config.clone(),
        );
        to.register(
            "towpath_upgrades",
            "Upgrades that this process was asked for, by result",
            self.upgrades.clone(),
        );
        to.register(
            "towpath_ready",
            "Whether new connections are wanted",
            self.ready.clone(),
        );
        to.register(
            "towpath_build_info",
            "The version that runs",
            self.build.clone(),
        );
        to.register(
            "process_start_time_seconds",
            "When the process began",
            self.started.clone(),
        );
        to.register(
            "process_cpu_seconds",
            "Processor time, the kernel's share included",
            self.cpu.clone(),
        );
        to.register(
            "process_resident_memory_bytes",
            "Memory that is resident",
            self.resident.clone(),
        );
        to.register(
            "process_open_fds",
            "File descriptors that are open",
            self.files.clone(),
        );
        to.register(
            "process_max_fds",
            "File descriptors that may be open",
            self.max_files.clone(),
        );
    }
}

/// Counters only rise, also where two look at the same time.
fn raise(family: &Family<ByDirection, Counter>, way: &ByDirection, to: u64) {
    let counter = family.get_or_create(way);
    counter
        .inner()
        .fetch_max(to, std::sync::atomic::Ordering::Relaxed);
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn result(worked: bool) -> &'static str {
    match worked {
        true => "success",
        false => "failure",
    }
}

fn class(status: Option<StatusCode>) -> &'static str {
    match status.map(|status| status.as_u16() / 100) {
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(5) => "5xx",
        _ => "none",
    }
}

/// Registered codes by themselves, those of libraries and of applications together (RFC 6455 §7.4.2).
fn code(close: Option<u16>) -> String {
    match close {
        None => "none".to_owned(),
        Some(code @ 1000..=1015) => code.to_string(),
        Some(3000..=3999) => "3xxx".to_owned(),
        Some(4000..=4999) => "4xxx".to_owned(),
        Some(_) => "other".to_owned(),
    }
}

fn seconds_of_the_era() -> f64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn text(metrics: &Metrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn codes_that_peers_choose_make_few_labels() {
        let codes = [
            None,
            Some(1000),
            Some(1016),
            Some(3001),
            Some(4999),
            Some(7),
        ];
        let labels = codes.map(code);
        assert_eq!(labels, ["none", "1000", "other", "3xxx", "4xxx", "other"]);
    }

    #[test]
    fn traffic_never_falls() {
        let metrics = Metrics::default();
        for bytes in [10, 5] {
            metrics.look(&Now {
                traffic: [(bytes, 1), (0, 0)],
                ..Now::default()
            });
        }
        let text = text(&metrics);
        let line = r#"towpath_tunnel_bytes_total{direction="from_client"} 10"#;
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn what_has_not_happened_is_zero() {
        let text = text(&Metrics::default());
        for line in [
            r#"towpath_config_reloads_total{result="failure"} 0"#,
            r#"towpath_websocket_checks_total{verdict="unseen"} 0"#,
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
