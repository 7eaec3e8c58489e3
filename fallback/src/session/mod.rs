//! The core of a session, without sockets: what the client sends goes in with its numbers, what the backend sends goes
//! in as it comes, time is passed in; out come messages for the backend, numbered frames for the client, and the
//! moments at which something must be done. All dialects share it. Its rules are those of `PROTOCOL.md`, §4, §6 and §9.

mod frame;
mod inbox;
mod outbox;
mod stall;
mod state;

pub use frame::{Close, FRAGMENT, Frame, Kind, MAX_REASON, Message};
pub use inbox::{Accepted, Fault, Inbox};
pub use outbox::{NeverSent, Outbox};
pub use state::{Client, Ended, Limits, Session, ToBackend, Took};
