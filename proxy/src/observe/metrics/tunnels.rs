//! Tunnels: how they open, what they carry, how they end, and how far away their ends are.

use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{ByRoute, DIALECTS, Latencies, Latency, Life, Lives, code, codes, observe};
use super::{Metrics, Now, whole};
use crate::tunnel::{Ended, Report, Side};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handshake {
    route: String,
    transport: &'static str,
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
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Way {
    route: String,
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySide {
    side: &'static str,
}

/// What is counted of tunnels.
#[derive(Debug)]
pub(super) struct Tunnels {
    /// Of sessions too.
    handshakes: Latencies<Handshake>,
    opened: Family<Opening, Counter>,
    open: Family<ByRoute, Gauge>,
    closed: Family<Closing, Counter>,
    lives: Lives<ByRoute>,
    messages: Family<Way, Counter>,
    bytes: Family<Way, Counter>,
    buffered: Family<ByRoute, Gauge>,
    round_trips: Latencies<BySide>,
}

impl Default for Tunnels {
    fn default() -> Self {
        Self {
            handshakes: Family::new_with_constructor(Latency),
            opened: Family::default(),
            open: Family::default(),
            closed: Family::default(),
            lives: Family::new_with_constructor(Life),
            messages: Family::default(),
            bytes: Family::default(),
            buffered: Family::default(),
            round_trips: Family::new_with_constructor(Latency),
        }
    }
}

impl Metrics {
    /// A tunnel was opened, this long after its request had come.
    pub(crate) fn opened(&self, route: &str, protocol: &'static str, took: Duration) {
        self.tunnels.opened(route, protocol, took);
    }

    /// A tunnel is over.
    pub(crate) fn closed(&self, route: &str, report: &Report) {
        let tunnels = &self.tunnels;
        tunnels.closed(route, report.ended_by, report.close, report.duration);
    }

    /// A side has answered a ping of ours.
    pub(crate) fn ponged(&self, side: Side, took: Duration) {
        self.tunnels.ponged(side, took);
    }

    /// A WebSocket of the client's, or what stands for it, has its backend, this long after it was asked for.
    pub(super) fn shook_hands(&self, route: &str, transport: &'static str, took: Duration) {
        self.tunnels.shook_hands(route, transport, took);
    }

    pub(super) fn look_at_tunnels(&self, now: &Now) {
        let tunnels = &self.tunnels;
        tunnels.buffered.clear();
        for (route, traffic) in &now.traffic {
            for (direction, passed) in [
                ("from_client", traffic.from_client),
                ("from_backend", traffic.from_backend),
            ] {
                let route = route.clone();
                let way = Way { route, direction };
                raise(&tunnels.bytes, &way, passed.bytes);
                raise(&tunnels.messages, &way, passed.messages);
            }
            let buffered = tunnels.buffered.get_or_create(&ByRoute::of(route));
            buffered.set(whole(traffic.buffered));
        }
    }
}

impl Tunnels {
    fn shook_hands(&self, route: &str, transport: &'static str, took: Duration) {
        let route = route.to_owned();
        observe(&self.handshakes, &Handshake { route, transport }, took);
    }

    fn opened(&self, route: &str, protocol: &'static str, took: Duration) {
        self.shook_hands(route, "websocket", took);
        let by_route = ByRoute::of(route);
        self.open.get_or_create(&by_route).inc();
        let route = by_route.route;
        let opening = Opening { route, protocol };
        self.opened.get_or_create(&opening).inc();
    }

    fn closed(&self, route: &str, ended: Ended, close: Option<u16>, lived: Duration) {
        let by_route = ByRoute::of(route);
        self.open.get_or_create(&by_route).dec();
        observe(&self.lives, &by_route, lived);
        let closing = Closing {
            route: by_route.route,
            ended_by: ended.as_str(),
            code: code(close),
        };
        self.closed.get_or_create(&closing).inc();
    }

    fn ponged(&self, side: Side, took: Duration) {
        let side = match side {
            Side::Client => "client",
            Side::Backend => "backend",
        };
        observe(&self.round_trips, &BySide { side }, took);
    }

    pub(super) fn pretend(&self) {
        for protocol in ["HTTP/1.1", "HTTP/2"] {
            self.opened("ROUTE", protocol, Duration::ZERO);
        }
        for dialect in DIALECTS {
            self.shook_hands("ROUTE", dialect, Duration::ZERO);
        }
        for ended in Ended::ALL {
            self.closed("ROUTE", ended, None, Duration::ZERO);
        }
        for close in codes() {
            self.closed("ROUTE", Ended::Drain, close, Duration::ZERO);
        }
        for side in [Side::Client, Side::Backend] {
            self.ponged(side, Duration::ZERO);
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        to.register(
            "towpath_handshake_duration_seconds",
            "From the request for a WebSocket, or for a session that stands for one, to its backend's 101",
            self.handshakes.clone(),
        );
        to.register(
            "towpath_tunnels_opened",
            "WebSockets opened, by the HTTP version of the client",
            self.opened.clone(),
        );
        to.register(
            "towpath_tunnels",
            "WebSockets that are open",
            self.open.clone(),
        );
        to.register(
            "towpath_tunnels_closed",
            "WebSockets that are over, by who or what ended them, and by the close code; none: there was no Close",
            self.closed.clone(),
        );
        to.register(
            "towpath_tunnel_duration_seconds",
            "How long WebSockets that are over have lived",
            self.lives.clone(),
        );
        to.register(
            "towpath_tunnel_messages",
            "Messages in tunnels, as far as their frames could be followed",
            self.messages.clone(),
        );
        to.register(
            "towpath_tunnel_bytes",
            "Bytes in tunnels, as they are on the wire",
            self.bytes.clone(),
        );
        to.register(
            "towpath_tunnel_buffered_bytes",
            "Bytes in tunnels whose receiver does not take them; their sender is not read meanwhile",
            self.buffered.clone(),
        );
        to.register(
            "towpath_ping_rtt_seconds",
            "How long pings of ours were on their way and back, by whom they went to",
            self.round_trips.clone(),
        );
    }
}

/// Counters only rise, also where two look at the same time.
fn raise(family: &Family<Way, Counter>, way: &Way, to: u64) {
    let counter = family.get_or_create(way);
    counter.inner().fetch_max(to, Ordering::Relaxed);
}
