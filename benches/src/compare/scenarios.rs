//! What is compared: which load, on whom.

use std::io;
use std::process::Command;

use super::peers::{Backend, Peer, Running, Site};
use crate::figures::Figures;

/// One load, and whom it is put on.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// For `--scenario`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Whom it is put on.
    pub peers: &'static [Peer],
    /// What is put on them.
    load: Load,
}

#[derive(Clone, Copy, Debug)]
enum Load {
    /// `ws-load` with these arguments, in plain text or with TLS.
    WebSockets(&'static [&'static str], Wire),
    /// As many idle WebSockets as files allow, to a peer that has just begun; at most so many.
    Idle(usize, Wire),
    /// `http-load` with these arguments.
    Requests(&'static [&'static str]),
    /// `poll-load` with these arguments, for one dialect.
    Polls(Dialect, &'static [&'static str]),
    /// `poll-load` with these arguments, for streams.
    Streams(&'static [&'static str]),
    /// As many held polls as files allow, to a proxy that has just begun.
    HeldPolls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Plain,
    Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Native,
    SockJs,
    EngineIo,
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Rounds of each scenario.
    pub rounds: usize,
    /// Seconds of each load.
    pub seconds: f64,
    /// Whether fewer connections are enough.
    pub is_quick: bool,
}

const PROXIES: &[Peer] = &[Peer::Towpath, Peer::Nginx, Peer::Haproxy, Peer::Caddy];
const ALL: &[Peer] = &[
    Peer::Direct,
    Peer::Towpath,
    Peer::Nginx,
    Peer::Haproxy,
    Peer::Caddy,
];

const WITH_FLOOR: &[Peer] = &[
    Peer::Direct,
    Peer::Towpath,
    Peer::TowpathPlain,
    Peer::Tokio,
    Peer::Nginx,
    Peer::Haproxy,
    Peer::Caddy,
];

/// All of them, in the order of the results.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "echo",
        title: "WebSocket echo, 64 B, 100 connections",
        peers: WITH_FLOOR,
        load: Load::WebSockets(&["--size", "64"], Wire::Plain),
    },
    Scenario {
        name: "echo-large",
        title: "WebSocket echo, 16 KiB, 20 connections",
        peers: ALL,
        load: Load::WebSockets(&["--size", "16384", "--connections", "20"], Wire::Plain),
    },
    Scenario {
        name: "stream",
        title: "WebSocket stream to the client, 1 KiB, 20 connections",
        peers: ALL,
        load: Load::WebSockets(
            &[
                "--mode",
                "stream",
                "--path",
                "/stream",
                "--connections",
                "20",
            ],
            Wire::Plain,
        ),
    },
    Scenario {
        name: "upgrade",
        title: "WebSockets opened and closed, 20 at a time",
        peers: WITH_FLOOR,
        load: Load::WebSockets(&["--mode", "upgrade", "--connections", "20"], Wire::Plain),
    },
    Scenario {
        name: "echo-tls",
        title: "WebSocket echo over TLS, 64 B, 100 connections",
        peers: PROXIES,
        load: Load::WebSockets(&["--size", "64"], Wire::Tls),
    },
    Scenario {
        name: "http",
        title: "Plain HTTP, keep-alive GET of 100 B, 100 connections",
        peers: &[
            Peer::Direct,
            Peer::Towpath,
            Peer::TowpathPlain,
            Peer::Pingora,
            Peer::Nginx,
            Peer::Haproxy,
            Peer::Caddy,
        ],
        load: Load::Requests(&[]),
    },
    Scenario {
        name: "native",
        title: "Native fallback, echo round trips, 50 sessions",
        peers: &[Peer::Towpath],
        load: Load::Polls(Dialect::Native, &[]),
    },
    Scenario {
        name: "sockjs",
        title: "SockJS xhr, echo round trips, 50 sessions; the servers' own cost included",
        peers: &[
            Peer::Towpath,
            Peer::TowpathPlain,
            Peer::TowpathNode,
            Peer::SockJsNode,
        ],
        load: Load::Polls(Dialect::SockJs, &[]),
    },
    Scenario {
        name: "engine-io",
        title: "Engine.IO polling, echo round trips, 50 sessions; the servers' own cost included",
        peers: &[Peer::Towpath, Peer::TowpathNode, Peer::EngineIo],
        load: Load::Polls(Dialect::EngineIo, &[]),
    },
    Scenario {
        name: "sockjs-stream",
        title: "SockJS xhr_streaming, stream to the client, 1 KiB, 20 sessions",
        peers: &[Peer::Towpath],
        load: Load::Streams(&["--mode", "stream", "--sessions", "20"]),
    },
    Scenario {
        name: "idle",
        title: "Idle WebSockets",
        peers: PROXIES,
        load: Load::Idle(10_000, Wire::Plain),
    },
    Scenario {
        name: "idle-tls",
        title: "Idle WebSockets over TLS",
        peers: PROXIES,
        load: Load::Idle(2_000, Wire::Tls),
    },
    Scenario {
        name: "held-polls",
        title: "Held polls of the native fallback",
        peers: &[Peer::Towpath],
        load: Load::HeldPolls,
    },
    // Right before the next one, whose figures are divided by its: minutes lie between them and the first.
    Scenario {
        name: "few",
        title: "WebSocket echo, 64 B, 100 connections, once more",
        peers: ALL,
        load: Load::WebSockets(&["--size", "64"], Wire::Plain),
    },
    Scenario {
        name: "scale",
        title: "WebSocket echo, 64 B, as many connections as files allow",
        peers: ALL,
        load: Load::WebSockets(&["--size", "64", "--connections", "{tunnels}"], Wire::Plain),
    },
];

impl Scenario {
    /// How often it is worth repeating.
    #[must_use]
    pub fn rounds(&self, pace: Pace) -> usize {
        match self.load {
            // Memory is the same each time, and thousands of connections take long to open.
            Load::Idle(..) | Load::HeldPolls => 1,
            _ if matches!(self.name, "few" | "scale") => pace.rounds.min(2),
            // Where a few hundredths decide.
            _ if matches!(self.name, "echo" | "upgrade" | "sockjs") => 2 * pace.rounds - 1,
            _ => pace.rounds,
        }
    }

    /// Puts the load on a peer.
    ///
    /// # Errors
    /// Something does not start, or the load fails.
    pub fn run(&self, peer: Peer, site: &Site, pace: Pace) -> io::Result<Figures> {
        let backends = self.backends(peer);
        let backends: io::Result<Vec<_>> =
            backends.iter().map(|it| site.start_backend(*it)).collect();
        let backends = backends?;
        let running = match peer {
            Peer::Direct => None,
            peer => Some(site.start(peer)?),
        };
        let mut command = self.command(peer, site, pace);
        for process in self.watched(peer, running.as_ref(), &backends) {
            command.args(["--pid", &process.to_string()]);
        }
        let output = command.arg("--json").output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            let last_words = site.last_words(peer);
            let (scenario, peer) = (self.name, peer.name());
            return Err(io::Error::other(format!(
                "{scenario} on {peer}: {why}\n{last_words}"
            )));
        }
        serde_json::from_slice(&output.stdout).map_err(io::Error::other)
    }

    /// The servers that a peer needs.
    fn backends(&self, peer: Peer) -> Vec<Backend> {
        let is_engine_io = matches!(self.load, Load::Polls(Dialect::EngineIo, _));
        match (peer, is_engine_io) {
            (Peer::SockJsNode | Peer::EngineIo, _) => Vec::new(),
            (Peer::TowpathNode, true) => vec![Backend::NodeEngineIo],
            (Peer::TowpathNode, false) => vec![Backend::NodeEcho],
            (_, true) => vec![Backend::EngineIo],
            (_, false) => vec![Backend::Echo],
        }
    }

    /// Whose cost counts: the proxy's; where a peer is its own server, the servers' of others too.
    fn watched(&self, peer: Peer, running: Option<&Running>, backends: &[Running]) -> Vec<u32> {
        let counts_servers = peer == Peer::Direct
            || matches!(
                self.load,
                Load::Polls(Dialect::SockJs | Dialect::EngineIo, _)
            );
        let backends = backends.iter().filter(|_| counts_servers);
        running
            .into_iter()
            .chain(backends)
            .map(Running::pid)
            .collect()
    }

    fn command(&self, peer: Peer, site: &Site, pace: Pace) -> Command {
        let seconds = pace.seconds.to_string();
        let tool = match self.load {
            Load::WebSockets(..) | Load::Idle(..) => "ws-load",
            Load::Requests(_) => "http-load",
            Load::Polls(..) | Load::Streams(_) | Load::HeldPolls => "poll-load",
        };
        let mut command = Command::new(site.tool(tool));
        let tunnels = |most: usize| {
            let most = if pace.is_quick { most.min(1_000) } else { most };
            site.tunnels().min(most).to_string()
        };
        let place = match (peer, self.load) {
            (Peer::Direct, Load::Requests(_)) => "requests",
            (Peer::Direct, _) => "websockets",
            (_, Load::WebSockets(_, Wire::Tls) | Load::Idle(_, Wire::Tls)) => "tls",
            _ => "plain",
        };
        command.arg(site.address(place));
        match self.load {
            Load::WebSockets(arguments, wire) => {
                let arguments = arguments.iter().map(|it| match *it {
                    "{tunnels}" => tunnels(10_000),
                    other => other.to_owned(),
                });
                command.args(arguments).args(["--seconds", &seconds]);
                secure(&mut command, wire, site);
            }
            Load::Idle(most, wire) => {
                command.args(["--mode", "idle", "--connections", &tunnels(most)]);
                if pace.is_quick {
                    command.args(["--return-seconds", "2"]);
                }
                secure(&mut command, wire, site);
            }
            Load::Requests(arguments) => {
                command.args(arguments).args(["--seconds", &seconds]);
            }
            Load::Polls(dialect, arguments) => {
                let (dialect, path) = dialect.of(peer);
                command.args(["--dialect", dialect, "--path", path]);
                command.args(arguments).args(["--seconds", &seconds]);
            }
            Load::Streams(arguments) => {
                command.args(["--dialect", "sockjs", "--path", "/stream/text"]);
                command.args(arguments).args(["--seconds", &seconds]);
            }
            Load::HeldPolls => {
                // Each has two connections of its client's, of which there may be as many as tunnels; some are left over.
                let sessions = tunnels(10_000).parse::<usize>().unwrap_or_default() * 2 / 5;
                command.args(["--mode", "hold", "--path", "/echo"]);
                command.args(["--sessions", &sessions.to_string()]);
            }
        }
        command
    }
}

impl Dialect {
    /// What `poll-load` calls it, and where a peer speaks it.
    fn of(self, peer: Peer) -> (&'static str, &'static str) {
        match (self, peer) {
            (Self::Native, _) => ("towpath", "/echo"),
            (Self::SockJs, Peer::TowpathNode) => ("sockjs", "/node-sockjs"),
            (Self::SockJs, _) => ("sockjs", "/sockjs"),
            (Self::EngineIo, Peer::TowpathNode) => ("engine-io", "/node-engine.io/"),
            (Self::EngineIo, _) => ("engine-io", "/engine.io/"),
        }
    }
}

fn secure(command: &mut Command, wire: Wire, site: &Site) {
    if wire == Wire::Tls {
        command.args(["--authority", &site.authority()]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_unique_and_ours_is_always_in_it() {
        let names: BTreeSet<_> = SCENARIOS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        for scenario in SCENARIOS {
            assert!(scenario.peers.contains(&Peer::Towpath), "{}", scenario.name);
        }
    }

    #[test]
    fn no_placeholder_is_left_in_a_command() {
        let directory = tempfile::tempdir().unwrap();
        let here = Path::new(".");
        let site = Site::new(directory.path(), here, here, here).unwrap();
        let pace = Pace {
            rounds: 1,
            seconds: 1.0,
            is_quick: true,
        };
        for scenario in SCENARIOS {
            for peer in scenario.peers {
                let command = format!("{:?}", scenario.command(*peer, &site, pace));
                assert!(!command.contains('{'), "{command}");
            }
        }
    }
}
