//! What an old process tells the new one, over the socket that only they know; then it waits for one word.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use towpath_fallback::Key;

use super::Predecessor;

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
    /// Who came before the new process, the youngest first.
    pub(super) predecessors: Vec<Predecessor>,
}

impl Handover {
    pub(super) fn new(
        key: &Key,
        listeners: Vec<SocketAddr>,
        predecessors: Vec<Predecessor>,
    ) -> Self {
        Self {
            key: key.to_text(),
            listeners,
            predecessors,
        }
    }

    /// `None`: it is no key.
    pub(super) fn key(&self) -> Option<Key> {
        Key::from_text(&self.key)
    }
}
