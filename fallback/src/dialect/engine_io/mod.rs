//! Engine.IO, the transport below Socket.IO: its long polling, for a server that is spoken to by one WebSocket of the
//! same revision. The packets stay what they are; only how they lie in a request's content is translated. Revision 3
//! (Socket.IO 2) and revision 4 (Socket.IO 3 and later), as the protocol's documents say and, where those are silent,
//! as the reference does, the server of the Engine.IO project. Socket.IO 1 calls its revision 3, too, but writes text
//! payloads otherwise (UTF-8 twice); it understands these as far as they are ASCII.

mod conversation;
mod form;
pub mod jsonp;
mod line;
mod object;
pub mod open;
mod opening;
pub mod packet;
pub mod payload;
pub mod query;
pub mod refusal;
mod seats;
mod service;

pub(crate) use service::EngineIo;
pub use service::{Outcome, Service, Via};

/// Which Engine.IO is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// `EIO=3`: the client pings, payloads count characters, binary packets carry their id.
    V3,
    /// `EIO=4`: the server pings, payloads are separated, binary packets are messages.
    V4,
}
