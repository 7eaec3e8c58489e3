//! The process itself: its servers, its configuration, its generations, and what it takes of the machine.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};

use super::{Metrics, Now, OfServer, whole};
use crate::observe::process;

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
struct OneServer {
    upstream: String,
    server: String,
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

/// How a server may fare.
const STATES: [&str; 3] = ["healthy", "ejected", "unhealthy"];

/// What is told of the process.
#[derive(Debug)]
pub(super) struct Operation {
    servers: Family<OfServers, Gauge>,
    server_up: Family<OneServer, Gauge>,
    server_active: Family<OneServer, Gauge>,
    reloads: Family<ByResult, Counter>,
    reload_successful: Gauge,
    reload_time: Seconds,
    config: Family<OfConfig, Gauge>,
    upgrades: Family<ByResult, Counter>,
    predecessors: Gauge,
    build: Family<OfBuild, Gauge>,
    ready: Gauge,
    started: Seconds,
    cpu: Counter<f64, AtomicU64>,
    resident: Gauge,
    files: Gauge,
    max_files: Gauge,
}

impl Default for Operation {
    fn default() -> Self {
        let operation = Self {
            servers: Family::default(),
            server_up: Family::default(),
            server_active: Family::default(),
            reloads: Family::default(),
            reload_successful: Gauge::default(),
            reload_time: Seconds::default(),
            config: Family::default(),
            upgrades: Family::default(),
            predecessors: Gauge::default(),
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
            let _ = operation.reloads.get_or_create(&ByResult { result });
            let _ = operation.upgrades.get_or_create(&ByResult { result });
        }
        let version = env!("CARGO_PKG_VERSION");
        operation.build.get_or_create(&OfBuild { version }).set(1);
        operation.started.set(seconds_of_the_era());
        operation
    }
}

/// How many upgrades there were. Whoever asks for them asks the newest process, so each begins where the last one ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upgrades {
    worked: u64,
    failed: u64,
}

impl Upgrades {
    /// And another one.
    pub(crate) fn with(self, worked: bool) -> Self {
        Self {
            worked: self.worked + u64::from(worked),
            failed: self.failed + u64::from(!worked),
        }
    }
}

impl Metrics {
    /// A configuration was put in force.
    pub(crate) fn configured(&self, hash: &str) {
        let operation = &self.operation;
        operation.config.clear();
        let hash = hash.to_owned();
        operation.config.get_or_create(&OfConfig { hash }).set(1);
        operation.reload_successful.set(1);
        operation.reload_time.set(seconds_of_the_era());
    }

    /// A reload has come to its end.
    pub(crate) fn reloaded(&self, worked: bool) {
        let result = result(worked);
        let reloads = &self.operation.reloads;
        reloads.get_or_create(&ByResult { result }).inc();
        self.operation.reload_successful.set(worked.into());
    }

    /// An upgrade has come to its end, in the old process.
    pub(crate) fn upgraded(&self, worked: bool) {
        let result = result(worked);
        let upgrades = &self.operation.upgrades;
        upgrades.get_or_create(&ByResult { result }).inc();
    }

    /// How many upgrades there were, in this process and those before it.
    pub(crate) fn upgrades(&self) -> Upgrades {
        let count = |worked| {
            let result = result(worked);
            let upgrades = &self.operation.upgrades;
            upgrades.get_or_create(&ByResult { result }).get()
        };
        Upgrades {
            worked: count(true),
            failed: count(false),
        }
    }

    /// There were so many upgrades before this process.
    pub(crate) fn inherit(&self, upgrades: Upgrades) {
        for (worked, count) in [(true, upgrades.worked), (false, upgrades.failed)] {
            let result = result(worked);
            let upgrades = &self.operation.upgrades;
            upgrades.get_or_create(&ByResult { result }).inc_by(count);
        }
    }

    pub(super) fn look_at_operation(&self, now: &Now) {
        let operation = &self.operation;
        operation.ready.set(now.ready.into());
        operation.predecessors.set(whole(now.predecessors));
        operation.look_at_servers(&now.servers);
        let process = process::look();
        let used = process.cpu - operation.cpu.get();
        if used > 0.0 {
            operation.cpu.inc_by(used);
        }
        operation.resident.set(whole(process.resident));
        operation.files.set(whole(process.files));
        operation.max_files.set(whole(process.max_files));
    }
}

impl Operation {
    /// Those that are gone since the last look are forgotten.
    fn look_at_servers(&self, servers: &[OfServer]) {
        self.servers.clear();
        self.server_up.clear();
        self.server_active.clear();
        let mut counts = HashMap::new();
        for server in servers {
            let upstream = server.upstream.as_str();
            for state in STATES {
                let count = counts.entry((upstream, state)).or_insert(0);
                *count += i64::from(state == server.state);
            }
            let one = OneServer {
                upstream: upstream.to_owned(),
                server: server.address.to_string(),
            };
            let is_up = server.state == "healthy";
            self.server_up.get_or_create(&one).set(is_up.into());
            let active = self.server_active.get_or_create(&one);
            active.set(whole(server.active));
        }
        for ((upstream, state), count) in counts {
            let upstream = upstream.to_owned();
            let labels = OfServers { upstream, state };
            self.servers.get_or_create(&labels).set(count);
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        self.register_servers(to);
        self.register_configuration(to);
        self.register_process(to);
    }

    fn register_servers(&self, to: &mut Registry) {
        to.register(
            "towpath_upstream_servers",
            "Servers of an upstream, by state: healthy, ejected (left out for its failures) or unhealthy (by its checks)",
            self.servers.clone(),
        );
        to.register(
            "towpath_upstream_server_up",
            "Whether a server is chosen: 0 while it is ejected or unhealthy",
            self.server_up.clone(),
        );
        to.register(
            "towpath_upstream_server_active",
            "Requests, tunnels and sessions that a server has at the moment",
            self.server_active.clone(),
        );
    }

    fn register_configuration(&self, to: &mut Registry) {
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
    }

    fn register_process(&self, to: &mut Registry) {
        to.register(
            "towpath_upgrades",
            "Upgrades that this process was asked for, by result",
            self.upgrades.clone(),
        );
        to.register(
            "towpath_predecessors",
            "Earlier processes that still have tunnels or sessions",
            self.predecessors.clone(),
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

fn result(worked: bool) -> &'static str {
    match worked {
        true => "success",
        false => "failure",
    }
}

fn seconds_of_the_era() -> f64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap_or_default().as_secs_f64()
}
