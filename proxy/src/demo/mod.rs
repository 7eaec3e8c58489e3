//! The demo's app server: a chat over WebSockets and the page for it. It is an ordinary server that knows nothing of
//! Towpath, and stands behind it as any other would.

mod chat;
mod server;

pub(crate) use server::Demo;
