//! Load tools, and the comparison of Towpath with its peers. What the tools share is here: what processes cost, figures,
//! and the least of a client for each protocol.

pub mod client;
pub mod compare;
pub mod cost;
pub mod engine_io;
pub mod figures;
pub mod http;
pub mod native;
pub mod sockjs;
pub mod websocket;
