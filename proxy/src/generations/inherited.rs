//! What a process is given by the one that has started it: sockets that listen already, from an older process of ours or
//! from systemd (`LISTEN_FDS`, sd_listen_fds(3)).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use listenfd::ListenFd;
use thiserror::Error;
use towpath_fallback::Key;

use super::Generations;
use super::handover::{Handover, READY, SOCKET};
use crate::observe::metrics::Upgrades;

/// The old process answers at once, or never.
const PATIENCE: Duration = Duration::from_secs(5);

/// A new process could not take over.
#[derive(Debug, Error)]
pub(crate) enum InheritError {
    /// The old process is not there, or has gone.
    #[error("cannot ask the old process: {0}")]
    Socket(#[from] std::io::Error),
    /// It has said what we do not understand.
    #[error("the old process has said what this version does not understand")]
    Unknown,
}

/// What a process is given.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// Sockets, each with its address as the configuration says it.
    sockets: Vec<(SocketAddr, TcpListener)>,
    /// Where the old process waits for us to be ready.
    old: Option<UnixStream>,
    handed: Option<Handover>,
}

impl Inherited {
    /// Takes what there is; nothing, mostly. Once in a process, before it has threads.
    ///
    /// # Errors
    /// There is an old process, and it cannot be asked.
    pub(crate) fn take() -> Result<Self, InheritError> {
        let mut sockets = sockets();
        let Some(path) = std::env::var_os(SOCKET) else {
            return Ok(Self {
                sockets,
                ..Self::default()
            });
        };
        let old = UnixStream::connect(path)?;
        old.set_read_timeout(Some(PATIENCE))?;
        let mut line = String::new();
        BufReader::new(&old).read_line(&mut line)?;
        let handed: Handover = serde_json::from_str(&line).map_err(|_| InheritError::Unknown)?;
        for ((address, _), configured) in sockets.iter_mut().zip(&handed.listeners) {
            *address = *configured;
        }
        Ok(Self {
            sockets,
            old: Some(old),
            handed: Some(handed),
        })
    }

    /// The socket that listens at an address of the configuration's already, if there is one.
    pub(crate) fn socket(&mut self, configured: SocketAddr) -> Option<TcpListener> {
        let mut all = self.sockets.iter();
        let index = all.position(|(address, _)| *address == configured)?;
        // In their order, since several may be configured alike, with port 0.
        Some(self.sockets.remove(index).1)
    }

    /// The process among the others.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn generations(&self) -> Result<Generations, getrandom::Error> {
        let handed = self.handed.as_ref();
        let key = handed.and_then(Handover::key);
        let key = key.map_or_else(Key::random, Ok)?;
        Ok(match handed {
            Some(handed) => Generations::after(key, handed.number, handed.family.clone()),
            None => Generations::first(key),
        })
    }

    /// How many upgrades there were.
    pub(crate) fn upgrades(&self) -> Upgrades {
        let handed = self.handed.as_ref();
        handed.map_or_else(Upgrades::default, |it| it.upgrades)
    }

    /// Tells the old process that we serve. Sockets that nobody has wanted are closed.
    pub(crate) fn ready(self) {
        for (address, _) in &self.sockets {
            tracing::warn!(%address, "a socket was handed over that no listener of the configuration has");
        }
        if let Some(mut old) = self.old
            && let Err(error) = old.write_all(READY)
        {
            tracing::warn!(%error, "the old process cannot be told that we are ready");
        }
    }
}

/// Sockets that are inherited, by their own addresses.
fn sockets() -> Vec<(SocketAddr, TcpListener)> {
    let mut given = ListenFd::from_env();
    let sockets = (0..given.len()).filter_map(|index| {
        let socket = given.take_tcp_listener(index).ok().flatten()?;
        Some((socket.local_addr().ok()?, socket))
    });
    sockets.collect()
}
