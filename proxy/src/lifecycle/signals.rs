//! What the process is told by signals.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Stop,
    Reload,
    Upgrade,
}

/// The signals that mean something.
pub(super) struct Signals {
    hangup: Signal,
    user2: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on they do not end the process by themselves.
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            user2: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next word from outside. Cancel-safe.
    pub(super) async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.terminate.recv() => Word::Stop,
            _ = self.interrupt.recv() => Word::Stop,
            _ = self.hangup.recv() => Word::Reload,
            _ = self.user2.recv() => Word::Upgrade,
        }
    }

    /// Waits to be told to stop, while we leave: nothing else is done any more.
    pub(super) async fn stop(&mut self) {
        loop {
            match self.next().await {
                Word::Stop => return,
                Word::Reload => tracing::warn!("not reloaded: draining"),
                Word::Upgrade => tracing::warn!("not upgraded: draining"),
            }
        }
    }
}
