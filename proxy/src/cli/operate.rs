//! The verbs that speak to a running process: `status`, `reload`, `drain`, `upgrade` and `healthcheck`, over its admin
//! listener.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::{ConfigArg, fail, load, print};
use crate::admin::read_token;

/// Longer than an upgrade may take; everything else is answered at once.
const PATIENCE: Duration = Duration::from_secs(600);

/// A health check that takes longer has failed.
const HEALTH: Duration = Duration::from_secs(3);

/// Where a running process listens for its operator.
#[derive(Debug, Args)]
pub(super) struct At {
    /// The admin listener, instead of the one in the configuration
    #[arg(long, value_name = "IP:PORT", conflicts_with = "config")]
    admin: Option<std::net::SocketAddr>,
    /// A file with the token that it asks for, instead of the one in the configuration
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArg,
}

/// A running process.
struct Running {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Running {
    fn find(at: &At, patience: Duration) -> Result<Self, ExitCode> {
        let mut token_file = at.token_file.clone();
        let address = match at.admin {
            Some(address) => address,
            None => {
                let (_, config) = load(&at.config.config)?;
                let Some(admin) = config.admin else {
                    return Err(fail(
                        &"the configuration has no `admin` listener; give --admin",
                    ));
                };
                token_file = token_file.or(admin.token_file);
                admin.address
            }
        };
        let token = token_file.map(|file| read_token(&file)).transpose();
        let config = Agent::config_builder()
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .proxy(None);
        Ok(Self {
            agent: config.build().into(),
            url: format!("http://{address}"),
            token: token.map_err(|error| fail(&error))?,
        })
    }

    fn get(&self, path: &str) -> Result<String, String> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        self.take(request.call())
    }

    fn post(&self, path: &str) -> Result<String, String> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        self.take(request.send_empty())
    }

    fn take(&self, answered: Result<Response<Body>, ureq::Error>) -> Result<String, String> {
        let mut response = answered.map_err(|error| format!("{}: {error}", self.url))?;
        let text = response.body_mut().read_to_string();
        let text = text.map_err(|error| format!("{}: {error}", self.url))?;
        match response.status().is_success() {
            true => Ok(text),
            false => Err(text.trim_end().to_owned()),
        }
    }
}

/// Says how a process fares.
pub(super) fn status(at: &At, json: bool) -> ExitCode {
    ask(at, PATIENCE, |running| {
        let text = running.get("/api/status")?;
        if json {
            return Ok(format!("{text}\n"));
        }
        let status = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Ok(describe(&status))
    })
}

/// Tells a process to do something, and waits until it has.
pub(super) fn order(at: &At, verb: &str) -> ExitCode {
    ask(at, PATIENCE, |running| {
        running.post(&format!("/api/{verb}"))
    })
}

/// Whether a process lives and wants connections: for Docker's HEALTHCHECK and the like.
pub(super) fn health(at: &At) -> ExitCode {
    ask(at, HEALTH, |running| running.get("/ready"))
}

fn ask(
    at: &At,
    patience: Duration,
    what: impl FnOnce(&Running) -> Result<String, String>,
) -> ExitCode {
    let running = match Running::find(at, patience) {
        Ok(running) => running,
        Err(code) => return code,
    };
    match what(&running) {
        Ok(text) => print(&text),
        Err(why) => fail(&why),
    }
}

/// For people: one thing a line.
fn describe(status: &Value) -> String {
    let text = |key: &str| match &status[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let ready = match (status["ready"].as_bool(), status["draining"].as_bool()) {
        (Some(true), _) => "ready",
        (_, Some(true)) => "draining",
        _ => "not ready",
    };
    let mut lines = vec![
        format!(
            "towpath {}, process {}, {ready}",
            text("version"),
            text("pid")
        ),
        format!("up            {} s", text("uptime_seconds")),
        format!("configuration {}", text("config_hash")),
    ];
    if let Some(error) = status.pointer("/last_reload/error").and_then(Value::as_str) {
        lines.push(format!("last reload   failed: {error}"));
    }
    if status["predecessors"]
        .as_u64()
        .is_some_and(|count| count > 0)
    {
        lines.push(format!("predecessors  {}", text("predecessors")));
    }
    lines.push(format!("connections   {}", text("connections")));
    lines.push(format!("tunnels       {}", text("tunnels")));
    lines.push(format!("sessions      {}", text("sessions")));
    for upstream in status["upstreams"].as_array().into_iter().flatten() {
        let name = upstream["name"].as_str().unwrap_or_default();
        lines.push(format!("upstream {name}"));
        for server in upstream["servers"].as_array().into_iter().flatten() {
            let field = |key: &str| server[key].as_str().unwrap_or_default().to_owned();
            let active = &server["active"];
            lines.push(format!(
                "  {} {}, {active} active",
                field("address"),
                field("state")
            ));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_told_line_by_line() {
        let status = json!({
            "version": "1.2.3", "pid": 7, "ready": true, "draining": false, "uptime_seconds": 60,
            "config_hash": "abc", "last_reload": { "error": "no" }, "predecessors": 1,
            "connections": 3, "tunnels": 2, "sessions": 1,
            "upstreams": [{ "name": "app", "servers": [
                { "address": "10.0.0.1:80", "state": "healthy", "active": 2 },
            ]}],
        });
        let expected = "towpath 1.2.3, process 7, ready\n\
            up            60 s\n\
            configuration abc\n\
            last reload   failed: no\n\
            predecessors  1\n\
            connections   3\n\
            tunnels       2\n\
            sessions      1\n\
            upstream app\n  10.0.0.1:80 healthy, 2 active\n";
        assert_eq!(describe(&status), expected);
    }
}
