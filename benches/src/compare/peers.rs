//! Whoever is compared: how each is configured (`benches/peers/`), started and stopped.

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a peer has to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whoever is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// Nobody: the load's server itself.
    Direct,
    /// Ours.
    Towpath,
    /// Ours, as `cargo build --release` makes it: without a profile.
    TowpathPlain,
    /// Ours, before servers in Node.
    TowpathNode,
    /// pingora's own proxy, which ours is made of: the floor of plain HTTP.
    Pingora,
    /// Bytes passed on by the runtime that ours runs on: the floor of opening WebSockets.
    Tokio,
    /// Debian's.
    Nginx,
    /// Debian's.
    Haproxy,
    /// Debian's.
    Caddy,
    /// sockjs-node.
    SockJsNode,
    /// engine.io.
    EngineIo,
}

/// What results call those that ours is made of, with nothing around them.
pub const FLOORS: [&str; 2] = [PINGORA, TOKIO];
const PINGORA: &str = "pingora alone";
const TOKIO: &str = "tokio alone";

impl Peer {
    /// How results name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Towpath => "Towpath",
            Self::TowpathPlain => "Towpath, built without a profile",
            Self::TowpathNode => "Towpath, Node behind it",
            Self::Pingora => PINGORA,
            Self::Tokio => TOKIO,
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Caddy => "Caddy",
            Self::SockJsNode => "sockjs-node",
            Self::EngineIo => "engine.io",
        }
    }

    /// What it says its version is.
    #[must_use]
    pub fn version(self, site: &Site) -> Option<String> {
        let (program, arguments) = match self {
            Self::Direct | Self::TowpathPlain | Self::TowpathNode => return None,
            Self::Pingora | Self::Tokio => return None,
            Self::Towpath => (site.towpath.clone(), ["--version"]),
            Self::Nginx => ("nginx".into(), ["-v"]),
            Self::Haproxy => ("haproxy".into(), ["-v"]),
            Self::Caddy => ("caddy".into(), ["version"]),
            Self::SockJsNode => return site.package("sockjs"),
            Self::EngineIo => return site.package("engine.io"),
        };
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().next()?.trim();
        Some(match self {
            Self::Towpath => format!("{line}, {}", site.towpath_from_here()),
            // It says the number alone.
            Self::Caddy => format!("{} {line}", self.name()),
            _ => line.to_owned(),
        })
    }
}

/// Where everything is: addresses, files, programs.
#[derive(Debug)]
pub struct Site {
    /// Of this run: configurations, certificates, logs.
    directory: PathBuf,
    /// Where the configurations are templates.
    templates: PathBuf,
    /// Where the load tools are built, and Towpath without a profile.
    tools: PathBuf,
    /// The Towpath that is compared.
    towpath: PathBuf,
    /// What it writes of what it does.
    access_log: &'static str,
    /// Where npm has put the servers in Node.
    modules: PathBuf,
    /// How many files a process may open.
    files: u64,
    ports: Vec<(&'static str, u16)>,
}

/// What listens, by its name in templates.
const PLACES: [&str; 7] = [
    "plain",
    "tls",
    "websockets",
    "requests",
    "engine_io",
    "node_websockets",
    "node_engine_io",
];

impl Site {
    /// A new one in `directory`. The Towpath that is compared is the one of `tools`, until another is [named](Self::compare).
    ///
    /// # Errors
    /// There are no free ports, or certificates cannot be written.
    pub fn new(
        directory: &Path,
        templates: &Path,
        tools: &Path,
        modules: &Path,
    ) -> io::Result<Self> {
        write_certificates(directory)?;
        let files = rlimit::increase_nofile_limit(u64::MAX)?;
        let mut site = Self {
            directory: directory.to_owned(),
            templates: templates.to_owned(),
            tools: tools.to_owned(),
            towpath: tools.join("towpath"),
            access_log: "off",
            modules: modules.to_owned(),
            files,
            ports: Vec::new(),
        };
        let mut free = free_ports();
        for place in PLACES {
            let port = free.next().ok_or(io::ErrorKind::AddrInUse)?;
            site.ports.push((place, port));
        }
        Ok(site)
    }

    /// The Towpath that is compared is this one from now on.
    pub fn compare(&mut self, towpath: &Path) {
        towpath.clone_into(&mut self.towpath);
    }

    /// Whether there is something to compare it with: the same program, built without a profile.
    #[must_use]
    pub fn has_plain_build(&self) -> bool {
        self.towpath != self.tool("towpath")
    }

    /// Where the Towpath is that is compared, as seen from where this runs.
    fn towpath_from_here(&self) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        let path = self.towpath.strip_prefix(here);
        path.unwrap_or(&self.towpath).display().to_string()
    }

    /// Towpath writes its access log from now on, as it does if nothing else is said.
    pub fn log_accesses(&mut self) {
        self.access_log = "text";
    }

    /// How many tunnels a proxy can carry, which takes two files each, less a fifth: nginx begins to close connections before it has used all. 10,000 if it may be.
    #[must_use]
    pub fn tunnels(&self) -> usize {
        usize::try_from(self.files.saturating_mul(2) / 5).map_or(10_000, |it| it.min(10_000))
    }

    /// The address of a place.
    #[must_use]
    pub fn address(&self, place: &str) -> String {
        let port = self.ports.iter().find(|(name, _)| *name == place);
        format!("127.0.0.1:{}", port.map_or(0, |(_, port)| *port))
    }

    /// The certificate that vouches for all peers.
    #[must_use]
    pub fn authority(&self) -> String {
        self.path("certificate.pem")
    }

    /// The end of what a peer has said.
    #[must_use]
    pub fn last_words(&self, peer: Peer) -> String {
        let said = fs::read_to_string(self.log(peer.name())).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.directory
            .join(format!("{}.log", name.replace([' ', ','], "-")))
    }

    /// A program that was built with this one.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        self.tools.join(name)
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    fn package(&self, name: &str) -> Option<String> {
        let path = self
            .modules
            .join("node_modules")
            .join(name)
            .join("package.json");
        let json: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        Some(format!("{name} {}", json.get("version")?.as_str()?))
    }

    /// Fills a template, and gives the path of what came of it.
    fn configuration(&self, template: &str) -> io::Result<String> {
        let text = fs::read_to_string(self.templates.join(template))?;
        let path = self.directory.join(template);
        fs::write(&path, self.fill(&text))?;
        Ok(path.display().to_string())
    }

    fn fill(&self, template: &str) -> String {
        let mut text = template.to_owned();
        for (place, port) in &self.ports {
            text = text.replace(&format!("{{{place}_port}}"), &port.to_string());
            text = text.replace(&format!("{{{place}}}"), &self.address(place));
        }
        text.replace("{dir}", &self.directory.display().to_string())
            .replace("{access_log}", self.access_log)
            .replace("{files}", &self.files.saturating_sub(100).to_string())
            .replace("{tunnels}", &(self.tunnels() + 50).to_string())
    }

    /// Starts a server behind the proxies.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_backend(&self, backend: Backend) -> io::Result<Running> {
        let (mut command, place) = match backend {
            Backend::Echo => {
                let mut command = Command::new(self.tool("ws-echo"));
                command.args(["--http", &self.address("requests")]);
                command.args(["--address", &self.address("websockets")]);
                (command, "websockets")
            }
            Backend::EngineIo => {
                let mut command = Command::new(self.tool("ws-echo"));
                command.args(["--engine-io", "--address", &self.address("engine_io")]);
                (command, "engine_io")
            }
            Backend::NodeEcho => (
                self.node("websocket-server.mjs", "node_websockets")?,
                "node_websockets",
            ),
            Backend::NodeEngineIo => (
                self.node("engine-io-server.mjs", "node_engine_io")?,
                "node_engine_io",
            ),
        };
        self.run(&mut command, "backend", place)
    }

    /// Starts a peer.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, peer: Peer) -> io::Result<Running> {
        let mut command = match peer {
            Peer::Direct => return Err(io::Error::other("nobody is there to be started")),
            Peer::Towpath | Peer::TowpathNode | Peer::TowpathPlain => {
                let mut command = match peer {
                    Peer::TowpathPlain => Command::new(self.tool("towpath")),
                    _ => Command::new(&self.towpath),
                };
                command.args(["run", "-c", &self.configuration("towpath.yaml")?]);
                command
            }
            Peer::Pingora => {
                let mut command = Command::new(self.tool("pingora-proxy"));
                command.args([self.address("plain"), self.address("requests")]);
                command
            }
            Peer::Tokio => {
                let mut command = Command::new(self.tool("tcp-relay"));
                command.args([self.address("plain"), self.address("websockets")]);
                command
            }
            Peer::Nginx => {
                let mut command = Command::new("nginx");
                command.args([
                    "-p",
                    &self.path(""),
                    "-c",
                    &self.configuration("nginx.conf")?,
                ]);
                command
            }
            Peer::Haproxy => {
                let mut command = Command::new("haproxy");
                command.args(["-db", "-f", &self.configuration("haproxy.cfg")?]);
                command
            }
            Peer::Caddy => {
                let mut command = Command::new("caddy");
                let file = self.configuration("Caddyfile")?;
                command.args(["run", "--adapter", "caddyfile", "--config", &file]);
                command.env("GOMAXPROCS", "1").env("HOME", &self.directory);
                command
            }
            Peer::SockJsNode => self.node("sockjs-server.mjs", "plain")?,
            Peer::EngineIo => self.node("engine-io-server.mjs", "plain")?,
        };
        self.run(&mut command, peer.name(), "plain")
    }

    fn node(&self, script: &str, place: &str) -> io::Result<Command> {
        let script = fs::canonicalize(self.templates.join(script))?;
        let port = self.ports.iter().find(|(name, _)| *name == place);
        let mut command = Command::new("node");
        command.arg(script).current_dir(&self.modules);
        command.arg(port.map_or(0, |(_, port)| *port).to_string());
        Ok(command)
    }

    /// Starts a program and waits until it listens.
    fn run(&self, command: &mut Command, name: &str, place: &str) -> io::Result<Running> {
        let log = self.log(name);
        let output = File::create(&log)?;
        command.stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        let mut running = Running(command.spawn()?);
        let (address, end) = (self.address(place), Instant::now() + PATIENCE);
        while TcpStream::connect(&address).is_err() {
            let is_over = running.0.try_wait()?.is_some();
            if is_over || Instant::now() > end {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(io::Error::other(format!("{name} does not listen:\n{said}")));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

/// A server behind the proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// WebSockets and plain requests.
    Echo,
    /// The same, as an Engine.IO server.
    EngineIo,
    /// WebSockets, by `ws`.
    NodeEcho,
    /// engine.io.
    NodeEngineIo,
}

/// A process that ends with this.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // By a signal that it can hear, since it may have children. Whether it is gone already makes no difference.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end && matches!(self.0.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Below those that the system gives to clients: thousands of them would sooner or later have one of ours.
fn free_ports() -> impl Iterator<Item = u16> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let begin = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or_default();
    (begin..32_000).filter(is_free)
}

/// One certificate that vouches for itself.
fn write_certificates(directory: &Path) -> io::Result<()> {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let signed = signed.map_err(io::Error::other)?;
    let (certificate, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
    fs::write(directory.join("certificate.pem"), &certificate)?;
    fs::write(directory.join("key.pem"), &key)?;
    fs::write(directory.join("both.pem"), certificate + &key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn templates_are_filled_to_the_last_brace() {
        let directory = tempfile::tempdir().unwrap();
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let site = Site::new(directory.path(), &templates, Path::new("."), Path::new(".")).unwrap();
        for template in ["nginx.conf", "haproxy.cfg", "Caddyfile", "towpath.yaml"] {
            let path = site.configuration(template).unwrap();
            let text = fs::read_to_string(path).unwrap();
            for place in PLACES
                .iter()
                .chain(&["dir", "files", "tunnels", "tls_port", "access_log"])
            {
                assert!(!text.contains(&format!("{{{place}}}")), "{place}: {text}");
            }
        }
        assert!(site.fill("at {plain};").starts_with("at 127.0.0.1:"));
    }
}
