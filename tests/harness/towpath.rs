//! The proxy as its users have it: a process, a configuration file, signals, and what it logs.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::binary::{binary, command_of};
use crate::lines::Lines;
use crate::{WebSocket, Wire, open, within_each};

/// What a story's configuration need not say: any free port, and logs that a test can read.
const DEFAULTS: [(&str, &str); 3] = [
    ("listeners:", "listeners: [{ address: 127.0.0.1:0 }]\n"),
    ("log:", "log: { format: json, level: debug }\n"),
    ("access_log:", "access_log: json\n"),
];

/// A running proxy; it ends when this is dropped, and on a failed test it shows what it said.
#[derive(Debug)]
pub struct Towpath {
    process: Child,
    log: Lines,
    access_log: Lines,
    addresses: Vec<SocketAddr>,
    directory: TempDir,
}

impl Towpath {
    /// Starts with `config`, and waits until it is ready.
    pub async fn start(config: &str) -> Self {
        Self::start_as(binary(), config).await
    }

    /// Starts from this program file.
    pub async fn start_as(program: &Path, config: &str) -> Self {
        Self::start_by(config, |file| command_of(program, ["run", "-c", file])).await
    }

    /// Starts with more in its environment.
    pub async fn start_within(config: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_by(config, |file| {
            let mut command = command_of(binary(), ["run", "-c", file]);
            command.envs(environment.iter().copied());
            command
        })
        .await
    }

    /// The same by a command of the story's own, out of the configuration file.
    pub async fn start_by(config: &str, by: impl FnOnce(&str) -> Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("towpath.yaml");
        std::fs::write(&file, complete(config)).unwrap();
        let mut process = by(file.to_str().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Lines::collect(process.stderr.take().unwrap());
        let access_log = Lines::collect(process.stdout.take().unwrap());
        let mut this = Self {
            process,
            log,
            access_log,
            addresses: Vec::new(),
            directory,
        };
        this.wait_log("ready").await;
        this.addresses = this.listening();
        this
    }

    /// Where its first listener listens.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where it said that it listens, up to now.
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.logged("listening").iter().map(address).collect()
    }

    /// The address of the admin listener.
    pub fn admin(&self) -> SocketAddr {
        address(
            self.logged("admin listening")
                .last()
                .expect("an admin listener"),
        )
    }

    /// The URL of `path` for a WebSocket client.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address())
    }

    /// A raw connection to it.
    pub async fn connect(&self) -> Wire {
        Wire::connect(self.address()).await
    }

    /// A WebSocket through it.
    pub async fn websocket(&self, path: &str) -> WebSocket {
        open(self.address(), path).await
    }

    /// The process' number.
    pub fn pid(&self) -> u32 {
        self.process.id().expect("the process runs")
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self
            .process
            .id()
            .and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        kill_process(pid.expect("the process runs"), signal).unwrap();
    }

    /// Puts another configuration in the place of the first; the process is not told.
    pub fn rewrite(&self, config: &str) {
        std::fs::write(self.config_file(), complete(config)).unwrap();
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.config_directory().join("towpath.yaml")
    }

    /// The directory of the configuration file, for what a story wants to put beside it.
    pub fn config_directory(&self) -> &Path {
        self.directory.path()
    }

    /// Puts another configuration in force by SIGHUP.
    pub async fn reload(&self, config: &str) {
        let before = self.logged("configuration reloaded").len();
        self.rewrite(config);
        self.signal(Signal::HUP);
        let reloaded = nth(before, |event| event["message"] == "configuration reloaded");
        find(&self.log, "the reload", reloaded).await;
    }

    /// The first event with this message.
    pub async fn wait_log(&self, message: &str) -> Value {
        self.wait_event(message, |_| true).await
    }

    /// The first event with this message that is `wanted`.
    pub async fn wait_event(&self, message: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let what = format!("the event {message:?} in the log");
        find(&self.log, &what, |event| {
            event["message"] == message && wanted(event)
        })
        .await
    }

    /// All events so far that have this message.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        all(&self.log, |event| event["message"] == message)
    }

    /// The access log's first line of this kind (`request` or `tunnel`) that is `wanted`.
    pub async fn access(&self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let what = format!("a {kind} line in the access log");
        find(&self.access_log, &what, |line| {
            line["kind"] == kind && wanted(line)
        })
        .await
    }

    /// The access log's first `count` lines of this kind.
    pub async fn accesses(&self, kind: &str, count: usize) -> Vec<Value> {
        let last = nth(count - 1, |line| line["kind"] == kind);
        find(&self.access_log, &format!("{count} {kind} lines"), last).await;
        all(&self.access_log, |line| line["kind"] == kind)
    }

    /// All that it has written to its logs so far.
    pub fn written(&self) -> String {
        [self.log.all(), self.access_log.all()].concat().join("\n")
    }

    /// Waits for the process to end by itself, and gives its exit code.
    pub async fn exit_code(&mut self) -> Option<i32> {
        self.exit_code_after(1).await
    }

    /// The same after so many `events` of which nothing is heard.
    pub async fn exit_code_after(&mut self, events: u32) -> Option<i32> {
        within_each(events, "the process ends", self.process.wait())
            .await
            .unwrap()
            .code()
    }

    /// How many files and sockets the process has open.
    pub fn descriptors(&self) -> usize {
        let pid = self.pid();
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count()
    }

    /// How many sockets it has open that listen.
    pub fn listening_sockets(&self) -> usize {
        let process = format!("/proc/{}", self.pid());
        let open: Vec<_> = std::fs::read_dir(format!("{process}/fd"))
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .collect();
        // A line for each socket of the machine: among others its state, of which `0A` is LISTEN, and its inode.
        let sockets = std::fs::read_to_string(format!("{process}/net/tcp")).unwrap();
        let listening = sockets.lines().filter_map(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            (columns.get(3) == Some(&"0A")).then(|| format!("socket:[{}]", columns[9]))
        });
        listening
            .filter(|socket| open.iter().any(|open| open.as_os_str() == socket.as_str()))
            .count()
    }

    /// What the process holds of the machine's memory, in bytes.
    pub fn memory(&self) -> u64 {
        let pid = self.pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kibibytes
            .expect("the kernel says it")
            .parse::<u64>()
            .unwrap()
            * 1024
    }

    /// Whether the process still runs.
    pub fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for Towpath {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (log, access) = (self.log.all().join("\n"), self.access_log.all().join("\n"));
            eprintln!("--- towpath's log\n{log}\n--- towpath's access log\n{access}\n---");
        }
    }
}

/// Adds what a story's configuration leaves unsaid.
fn complete(config: &str) -> String {
    let said = |key: &str| config.lines().any(|line| line.starts_with(key));
    let defaults = DEFAULTS
        .iter()
        .filter(|(key, _)| !said(key))
        .map(|(_, text)| *text);
    defaults.chain([config]).collect()
}

fn address(event: &Value) -> SocketAddr {
    event["address"]
        .as_str()
        .expect("an address")
        .parse()
        .unwrap()
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// Waits for the first line that is `wanted`.
async fn find(lines: &Lines, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    lines.find(what, |line| parse(line).filter(&wanted)).await
}

/// The lines so far that are `wanted`.
fn all(lines: &Lines, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    lines
        .all()
        .iter()
        .filter_map(|line| parse(line))
        .filter(wanted)
        .collect()
}

/// Of the lines that are `wanted`, the one that has `before` others before it.
fn nth(before: usize, wanted: impl Fn(&Value) -> bool) -> impl Fn(&Value) -> bool {
    let left = Cell::new(before);
    move |line| wanted(line) && left.replace(left.get().saturating_sub(1)) == 0
}
