//! A client of `towpath/1` (fallback/PROTOCOL.md) with a codec of its own, so that it checks Towpath's. It is as
//! strict as the document: whatever the proxy may not say fails the test.

mod client;
mod conversation;
mod exchange;
mod frame;
mod io;
mod message;
mod number;
mod open;
mod session;
mod stream;

pub use client::{Ended, FallbackClient, Pace};
pub use frame::{Frame, Kind};
pub use io::{Answer, Io, Status, Unreadable};
pub use message::Message;
pub use open::{Opened, Opening};
pub use session::Session;
pub use stream::Stream;
