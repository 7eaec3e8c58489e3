//! What the process says of itself, as JSON.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

use crate::observe::live::Traffic as Carried;
use crate::shared::Shared;

/// How the last reload went.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LastReload {
    /// What it was for: a signal, a changed file, an order.
    pub(crate) cause: &'static str,
    /// Seconds of the Unix era.
    at: u64,
    /// Why it was not taken.
    error: Option<String>,
}

impl LastReload {
    /// One that has just ended.
    pub(crate) fn now(cause: &'static str, error: Option<String>) -> Self {
        let at = seconds(SystemTime::now());
        Self { cause, at, error }
    }

    /// Whether the configuration was put in force.
    pub(crate) fn worked(&self) -> bool {
        self.error.is_none()
    }
}

/// The whole status.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    version: &'static str,
    pid: u32,
    ready: bool,
    draining: bool,
    started: u64,
    uptime_seconds: u64,
    /// Processes before this one that still have tunnels or sessions.
    predecessors: usize,
    config_hash: String,
    last_reload: Option<LastReload>,
    connections: usize,
    tunnels: usize,
    sessions: usize,
    session_memory_bytes: usize,
    traffic: Traffic,
    /// How many clients that asked were told what of their WebSocket.
    checks: serde_json::Map<String, Value>,
    upstreams: Vec<Upstream>,
}

#[derive(Debug, Serialize)]
struct Traffic {
    tunnel_client_bytes: u64,
    tunnel_client_messages: u64,
    tunnel_backend_bytes: u64,
    tunnel_backend_messages: u64,
    tunnel_buffered_bytes: usize,
}

#[derive(Debug, Serialize)]
struct Upstream {
    name: String,
    servers: Vec<Server>,
}

/// One server of an upstream.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Server {
    /// Where it is.
    pub(crate) address: SocketAddr,
    /// `healthy`, `ejected` or `unhealthy`.
    pub(crate) state: &'static str,
    /// Requests and tunnels that it has at the moment.
    pub(crate) active: usize,
}

impl Status {
    pub(super) fn of(shared: &Shared) -> Self {
        let snapshot = shared.snapshot();
        let carried = Carried::sum(&shared.live.traffic());
        let verdicts = shared.metrics.verdicts();
        let upstreams = snapshot.groups().map(|group| Upstream {
            name: group.name().to_owned(),
            servers: group.servers(),
        });
        let mut upstreams: Vec<_> = upstreams.collect();
        upstreams.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            ready: shared.is_ready(),
            draining: shared.is_draining(),
            started: seconds(shared.started),
            uptime_seconds: shared.started.elapsed().unwrap_or(Duration::ZERO).as_secs(),
            predecessors: shared.generations.predecessors(),
            config_hash: snapshot.hash.clone(),
            last_reload: shared.last_reload(),
            connections: shared.connections.open(),
            tunnels: shared.live.tunnels(),
            sessions: shared.fallback.sessions(),
            session_memory_bytes: shared.fallback.memory(),
            traffic: Traffic {
                tunnel_client_bytes: carried.from_client.bytes,
                tunnel_client_messages: carried.from_client.messages,
                tunnel_backend_bytes: carried.from_backend.bytes,
                tunnel_backend_messages: carried.from_backend.messages,
                tunnel_buffered_bytes: carried.buffered,
            },
            checks: verdicts
                .iter()
                .map(|(verdict, count)| ((*verdict).to_owned(), (*count).into()))
                .collect(),
            upstreams,
        }
    }
}

/// The configuration in force, without what may be a secret.
pub(super) fn config(shared: &Shared) -> Value {
    let mut config = serde_json::to_value(&shared.snapshot().config).unwrap_or_default();
    redact(&mut config, false);
    // Each collector has its own name for the field with its key.
    if let Some(headers) = config.pointer_mut("/tracing/headers") {
        redact(headers, true);
    }
    config
}

/// Values of fields that go to backends may be credentials.
fn redact(value: &mut Value, secret: bool) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.to_ascii_lowercase();
                let names_one = [
                    "authorization",
                    "token",
                    "secret",
                    "password",
                    "api-key",
                    "cookie",
                ]
                .iter()
                .any(|word| key.contains(word) && !key.ends_with("_file"));
                redact(value, secret || names_one);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|it| redact(it, secret)),
        Value::String(text) if secret => "(not shown)".clone_into(text),
        _ => {}
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let mut config = json!({
            "request_headers": { "set": { "X-Api-Key": "k", "Authorization": "Bearer x", "X-Env": "prod" } },
            "admin": { "token_file": "/etc/token" },
        });
        redact(&mut config, false);
        assert_eq!(
            config,
            json!({
                "request_headers": {
                    "set": { "X-Api-Key": "(not shown)", "Authorization": "(not shown)", "X-Env": "prod" }
                },
                "admin": { "token_file": "/etc/token" },
            })
        );
    }
}
