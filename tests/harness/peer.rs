//! A third-party server in a process of its own. All of them keep the contract of `tests/peers/README.md`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::binary::target_directory;
use crate::lines::Lines;

/// A running peer; it ends when this is dropped.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    errors: Lines,
    _process: Child,
}

impl Peer {
    /// A server in Node, from `tests/peers/node`.
    pub async fn node(script: &str) -> Self {
        Self::node_with(script, &[]).await
    }

    /// A server in Node, from `tests/peers/node`, with these arguments.
    pub async fn node_with(script: &str, arguments: &[&str]) -> Self {
        let mut command = node(script);
        command.args(arguments);
        Self::spawn(command).await
    }

    /// A server in Python, from `tests/peers/python`.
    pub async fn python(script: &str) -> Self {
        Self::python_with(script, &[]).await
    }

    /// A server in Python, from `tests/peers/python`, with these arguments.
    pub async fn python_with(script: &str, arguments: &[&str]) -> Self {
        let mut command = python(script);
        command.args(arguments);
        Self::spawn(command).await
    }

    /// A server in Go, from `tests/peers/go`.
    pub async fn go(name: &str) -> Self {
        Self::spawn(Command::new(made("go").join(name))).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    async fn spawn(mut command: Command) -> Self {
        command
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let errors = Lines::collect(process.stderr.take().unwrap());
        let output = Lines::collect(process.stdout.take().unwrap());
        let port = |line: &str| line.strip_prefix("listening ")?.parse::<u16>().ok();
        let port = output.find(&format!("{command:?} listens"), port).await;
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            errors,
            _process: process,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the peer's errors\n{}", self.errors.all().join("\n"));
        }
    }
}

/// A script of `tests/peers/node`, to be run.
pub(crate) fn node(script: &str) -> Command {
    let directory = made("node");
    // Where the system's Node is too old, the setup has put one there.
    let own = directory.join("node_modules/.bin/node");
    let mut command = Command::new(if own.exists() { own } else { "node".into() });
    // The scripts are linked to, and their packages are beside the link.
    command.args(["--preserve-symlinks", "--preserve-symlinks-main"]);
    command.arg(directory.join("scripts").join(script));
    command
}

/// A script of `tests/peers/python`, to be run.
pub(crate) fn python(script: &str) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/python");
    let mut command = Command::new(made("venv").join("bin/python"));
    command.arg("-B").arg(scripts.join(script));
    command
}

/// What `tests/setup all` has made.
pub fn made(what: &str) -> PathBuf {
    let path = target_directory().join("peers").join(what);
    assert!(
        path.exists(),
        "{} is missing: run `tests/setup all` first",
        path.display()
    );
    path
}
