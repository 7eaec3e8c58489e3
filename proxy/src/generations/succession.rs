//! Letting a new process take over: it is given our listening sockets, and asks us for the rest; once it has said that it
//! serves, we go. If it never does, nothing has happened.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::Ordering;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Generations;
use super::handover::{Handover, READY, SOCKET};
use crate::observe::metrics::Upgrades;

/// Where inherited sockets begin (sd_listen_fds(3)).
const FIRST_FD: i32 = 3;

/// There is no new process.
#[derive(Debug, Error)]
pub(crate) enum UpgradeError {
    /// It could not be started.
    #[error("the new process cannot be started: {0}")]
    Start(#[from] io::Error),
    /// It has ended, most likely since its configuration is no use; it has said why.
    #[error("the new process has ended before it was ready: {0}")]
    Ended(ExitStatus),
    /// It took too long, and was killed.
    #[error("the new process was not ready within {0:?}, and was killed")]
    Late(Duration),
}

/// How a new process is started: as this one was.
#[derive(Clone, Debug)]
pub(crate) struct Succession {
    program: PathBuf,
    arguments: Vec<std::ffi::OsString>,
}

impl Succession {
    /// Remembers it, before another file takes the program's place.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            arguments: std::env::args_os().skip(1).collect(),
        })
    }

    /// Starts the new process, and returns its number once it serves. We must listen for it already. Where this is
    /// dropped before its end, there is no new process.
    pub(crate) async fn begin(
        &self,
        generations: &Generations,
        sockets: Vec<(SocketAddr, OwnedFd)>,
        upgrades: Upgrades,
        patience: Duration,
    ) -> Result<u32, UpgradeError> {
        let family = generations.family()?;
        let control = family.place(generations.number).join("control.sock");
        // Of an attempt before.
        let _ = std::fs::remove_file(&control);
        let listener = UnixListener::bind(&control)?;
        let addresses = sockets.iter().map(|(address, _)| *address).collect();
        let handover = Handover::new(
            &generations.key,
            addresses,
            family.directory().to_owned(),
            generations.number + 1,
            upgrades.with(true),
        );
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.env(SOCKET, &control);
        command.env("LISTEN_FDS", sockets.len().to_string());
        // It names a process, and the new one's number is not known yet.
        command.env_remove("LISTEN_PID");
        command.env_remove("LISTEN_FDNAMES");
        let mappings = sockets.into_iter().zip(FIRST_FD..);
        let mappings = mappings.map(|((_, parent_fd), child_fd)| FdMapping {
            parent_fd,
            child_fd,
        });
        command
            .fd_mappings(mappings.collect())
            .map_err(|_| io::Error::other("two sockets at one place"))?;
        let (successor, ended) = Successor::start(command, generations)?;
        let number = successor.number;
        let ready = tokio::select! {
            ready = timeout(patience, hand_over(&listener, &handover)) => match ready {
                Ok(ready) => ready.map_err(UpgradeError::Start),
                Err(_) => Err(UpgradeError::Late(patience)),
            },
            status = ended => Err(UpgradeError::Ended(status.unwrap_or_default())),
        };
        ready?;
        successor.takes_over();
        Ok(number)
    }
}

/// A new process that is not ready yet. Dropped, it is killed, and nothing is left of it.
struct Successor<'g> {
    generations: &'g Generations,
    number: u32,
    /// `None` once it is ready. Not its number, which another process may have by then.
    process: Option<OwnedFd>,
}

impl<'g> Successor<'g> {
    /// Starts it; its end is told.
    fn start(
        mut command: Command,
        generations: &'g Generations,
    ) -> io::Result<(Self, oneshot::Receiver<ExitStatus>)> {
        let mut child = command.spawn()?;
        // Our copies of what it was given go with it.
        drop(command);
        let process = Pid::from_child(&child);
        let process = pidfd_open(process, PidfdFlags::empty()).inspect_err(|_| {
            // It has not done anything yet.
            let _ = child.kill();
        });
        let number = child.id();
        let ended = watch(child);
        let this = Self {
            generations,
            number,
            process: Some(process?),
        };
        generations.younger.store(true, Ordering::Release);
        Ok((this, ended))
    }

    /// It is ready, and lives on.
    fn takes_over(mut self) {
        self.process = None;
    }
}

impl Drop for Successor<'_> {
    fn drop(&mut self) {
        let Some(process) = &self.process else { return };
        // It may have ended by now.
        let _ = pidfd_send_signal(process, Signal::KILL);
        self.generations.younger.store(false, Ordering::Release);
        if let Some(family) = self.generations.family.get() {
            family.clear(self.generations.number + 1);
        }
    }
}

/// Answers whoever asks, until one of them is ready.
async fn hand_over(listener: &UnixListener, handover: &Handover) -> io::Result<()> {
    let mut line = serde_json::to_vec(handover)?;
    line.push(b'\n');
    loop {
        let (mut asking, _) = listener.accept().await?;
        let told = async {
            asking.write_all(&line).await?;
            let mut word = [0; READY.len()];
            asking.read_exact(&mut word).await?;
            Ok::<_, io::Error>(word == READY)
        };
        // One that goes away has ended, which is noticed elsewhere.
        if told.await.unwrap_or_default() {
            return Ok(());
        }
    }
}

/// Waits for a child's end for as long as we live, so that it leaves nothing behind.
fn watch(mut child: Child) -> oneshot::Receiver<ExitStatus> {
    let (ended, told) = oneshot::channel();
    std::thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = ended.send(status);
        }
    });
    told
}
