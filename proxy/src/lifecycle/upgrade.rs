//! An upgrade as the old process sees it: a new one is started, and until that serves, everything is as before.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;

use super::listeners::Listening;
use super::notify;
use super::server::{Leave, Server};
use super::signals::Word;
use crate::admin::orders::{Answer, Order};
use crate::gate::Gate;
use crate::generations::{self, Succession, UpgradeError};
use crate::shared::Shared;

/// What whoever orders something hears meanwhile.
const BUSY: &str = "not now: an upgrade is under way";

impl Server {
    /// Lets a new process take over. `None`: there is none, and everything is as before.
    pub(super) async fn upgrade(&mut self, answer: Option<Answer>) -> Option<Leave> {
        tracing::info!("upgrading");
        let upgraded = {
            let sockets = self.listeners.iter().chain(&self.admin);
            let sockets = sockets.map(Listening::hand_over).collect();
            let succession = self.succession.as_ref();
            let mut upgrading = pin!(succeed(succession, &self.shared, &self.gate, sockets));
            loop {
                tokio::select! {
                    upgraded = &mut upgrading => break upgraded,
                    word = self.signals.next() => match word {
                        // There is no new process then, and whoever has asked for it hears no more.
                        Word::Stop => return Some(Leave::Told),
                        Word::Reload | Word::Upgrade => tracing::warn!("{BUSY}"),
                    },
                    Some(order) = self.orders.recv() => match order {
                        Order::Drain(answer) => {
                            let _ = answer.send(Ok(()));
                            return Some(Leave::Told);
                        }
                        order => order.refuse(BUSY),
                    },
                }
            }
        };
        self.shared.metrics.upgraded(upgraded.is_ok());
        let told = match upgraded {
            Ok(pid) => {
                self.stand_aside().await;
                tracing::info!(
                    pid,
                    "upgraded: the new process is ready, and this one keeps what it has"
                );
                self.watchdog = None;
                notify::succeeded_by(pid);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "not upgraded: this process goes on");
                Err(error.to_string())
            }
        };
        let leave = told.is_ok().then_some(Leave::Succeeded);
        if let Some(answer) = answer {
            let _ = answer.send(told);
        }
        leave
    }

    /// Closes the listening sockets here: whoever comes after it is said that we are upgraded comes to the new process.
    async fn stand_aside(&mut self) {
        self.shared.supersede();
        for listening in self.listeners.drain(..).chain(self.admin.take()) {
            listening.stop().await;
        }
    }
}

/// Starts a new process with our sockets, and waits until it serves.
async fn succeed(
    succession: Option<&Succession>,
    shared: &Shared,
    gate: &Arc<Gate>,
    sockets: io::Result<Vec<(SocketAddr, OwnedFd)>>,
) -> Result<u32, UpgradeError> {
    let succession = succession.ok_or_else(|| {
        io::Error::other("its configuration came from standard input, or it has no program")
    })?;
    // Before there is anybody to ask us.
    generations::listen(&shared.generations, gate)?;
    let patience = shared.snapshot().config.upgrade.ready.get();
    let upgrades = shared.metrics.upgrades();
    succession
        .begin(&shared.generations, sockets?, upgrades, patience)
        .await
}
