//! Letting a new process take over: it is given our listening sockets, and asks us for the rest; once it has said that it
//! serves, we go. If it never does, nothing has happened.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::handover::{Handover, READY, SOCKET};
use super::{Generations, Predecessor};

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
    #[error("the new process was not ready within {0:?}")]
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

    /// Starts the new process, and returns its number once it serves.
    pub(crate) async fn begin(
        &self,
        generations: &Generations,
        sockets: Vec<(SocketAddr, OwnedFd)>,
        patience: Duration,
    ) -> Result<u32, UpgradeError> {
        let home = generations.home()?.path().to_owned();
        let control = home.join("control.sock");
        // Of an attempt before.
        let _ = std::fs::remove_file(&control);
        let listener = UnixListener::bind(&control)?;
        let mut predecessors = vec![Predecessor { directory: home }];
        predecessors.extend(generations.living().iter().cloned());
        let addresses = sockets.iter().map(|(address, _)| *address).collect();
        let handover = Handover::new(&generations.key, addresses, predecessors);
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
        let child = command.spawn()?;
        drop(command);
        let number = child.id();
        let ended = watch(child);
        tokio::select! {
            ready = timeout(patience, hand_over(&listener, &handover)) => match ready {
                Ok(ready) => ready.map(|()| number).map_err(UpgradeError::Start),
                Err(_) => {
                    kill(number);
                    Err(UpgradeError::Late(patience))
                }
            },
            status = ended => Err(UpgradeError::Ended(status.unwrap_or_default())),
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

fn kill(number: u32) {
    let number = i32::try_from(number).unwrap_or_default();
    if let Some(process) = rustix::process::Pid::from_raw(number) {
        // It may have ended by now.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
    }
}
