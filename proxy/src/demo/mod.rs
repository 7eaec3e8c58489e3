//! What `towpath demo` puts around Towpath. Behind it, an app server: a chat over WebSockets and the page for it, an
//! ordinary server that knows nothing of Towpath. In front of it, a network that can be told to block WebSockets.

mod chat;
mod head;
mod listen;
mod network;
mod room;
mod server;

pub(crate) use network::Network;
pub(crate) use server::Demo;
