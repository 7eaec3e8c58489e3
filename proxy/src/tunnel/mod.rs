//! The WebSocket tunnel: from a client's handshake (`upgrade`, `handshake`) to bytes both ways (`relay`, `direction`)
//! under the eyes of a scanner that knows where frames end (`scanner`, `frame`). Bytes pass as they are; what the
//! proxy adds (`control`) lands between frames, since each direction has one writer and that writer knows the boundary.

pub(crate) mod ask;
mod control;
mod direction;
mod frame;
pub(crate) mod greeting;
pub(crate) mod handshake;
pub(crate) mod opening;
mod outgoing;
mod pulse;
mod relay;
pub(crate) mod replay;
mod report;
mod scanner;
pub(crate) mod server_side;
mod stream;
pub(crate) mod upgrade;
mod witness;

use std::time::Duration;

pub(crate) use frame::Side;
pub(crate) use handshake::Extensions;
pub(crate) use relay::{Observers, relay};
pub(crate) use report::{Ended, Report};
pub(crate) use scanner::Scanner;
pub(crate) use witness::Witness;

/// How one tunnel behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// A side silent for this long is sent a ping.
    pub(crate) ping: Option<Duration>,
    /// A side silent for this long after a ping is gone.
    pub(crate) ping_timeout: Duration,
    /// Neither side has sent a frame of its own for this long: close with 1001.
    pub(crate) idle_timeout: Option<Duration>,
    /// The tunnel is this old: close with 1001.
    pub(crate) lifetime: Option<Duration>,
    /// Payload bytes of a message on the wire; one more closes with 1009.
    pub(crate) max_message: Option<u64>,
    /// Whether a fault closes with 1002, or is left to the peer.
    pub(crate) strict: bool,
    /// What the handshake agreed on.
    pub(crate) extensions: handshake::Extensions,
    /// How long a side may take nothing of what is written to it.
    pub(crate) write_timeout: Duration,
}
