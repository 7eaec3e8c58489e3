//! SockJS 0.3.3: an unmodified sockjs-client on one side, an ordinary WebSocket on the other. What travels over its
//! HTTP transports is numbered by nobody, so a request that breaks off ends its session, as the protocol has it.

mod conversation;
mod endpoint;
mod escape;
mod frame;
mod line;
mod messages;
mod opening;
mod query;
mod response;
mod service;
mod sessions;
mod tombstones;
mod transport;

pub use conversation::{Binary, Settings};
pub use endpoint::Endpoint;
pub use frame::array;
pub use messages::{Malformed, Messages};
pub(crate) use service::SockJs;
pub use service::{BaseUrl, Name, Service, Via};
pub use transport::Receiving;
