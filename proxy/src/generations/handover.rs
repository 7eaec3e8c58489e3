//! What an old process tells the new one, over the socket that only they know; then it waits for one word.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use towpath_fallback::Key;

use super::family::Number;
use crate::observe::metrics::Upgrades;

/// The environment variable that names the old process' socket.
pub(super) const SOCKET: &str = "TOWPATH_UPGRADE";

/// What the new process says once it serves.
pub(super) const READY: &[u8] = b"ready\n";

/// Everything that the new process has to know.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Handover {
    /// What SockJS' tickets are signed with.
    key: String,
    /// The addresses of the inherited sockets as the configuration says them, in their order.
    pub(super) listeners: Vec<SocketAddr>,
    /// Where all generations are.
    pub(super) family: PathBuf,
    /// Which of them the new process is.
    pub(super) number: Number,
    /// How many upgrades there were, this one among them.
    pub(super) upgrades: Upgrades,
}

impl Handover {
    pub(super) fn new(
        key: &Key,
        listeners: Vec<SocketAddr>,
        family: PathBuf,
        number: Number,
        upgrades: Upgrades,
    ) -> Self {
        Self {
            key: key.to_text(),
            listeners,
            family,
            number,
            upgrades,
        }
    }

    /// `None`: it is no key.
    pub(super) fn key(&self) -> Option<Key> {
        Key::from_text(&self.key)
    }
}
