//! WebSockets over plain HTTP requests, for clients whose networks block WebSockets: the sessions, and the dialects
//! that clients speak. It is HTTP in and HTTP out, on any HTTP version, and knows nothing of the proxy around it but
//! the [`Backend`] trait. The protocol is in `PROTOCOL.md`.

mod accepted;
mod admission;
mod backend;
mod body;
pub mod client;
mod clock;
pub mod cohort;
mod connection;
pub mod dialect;
mod door;
mod doors;
mod endpoint;
mod forwarding;
pub mod handshake;
mod life;
pub mod lifetime;
pub mod measure;
mod metrics;
mod origin;
mod policy;
mod presence;
mod pump;
mod serve;
pub mod session;
mod slot;
mod token;
mod websocket;

pub use accepted::Accepted;
pub use admission::Bounds;
pub use backend::{Backend, DialError, Dialled, Farewell, Handshake, Report, Traffic};
pub use body::Body;
pub use connection::{BoxedConnection, Connection};
pub use endpoint::Endpoint;
pub use metrics::Metrics;
pub use origin::Origins;
pub use policy::Policy;
pub use serve::{Fallback, TooLarge, Via, asked_cid};
pub use token::Key;
