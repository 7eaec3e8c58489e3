//! The end-to-end harness: the real binary as a process, raw sockets, backends and third-party peers.
//! It hides sockets and processes from the stories, not meaning. A harness that cannot go on fails its test,
//! so it panics wherever a product would return an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod balancer;
mod binary;
mod certificates;
mod chaos;
mod checklist;
mod collector;
mod contract;
mod deadline;
pub mod fallback;
mod frame;
mod handshake;
mod head;
pub mod http2;
mod http_backend;
mod http_client;
mod lines;
mod middlebox;
mod operator;
mod orphans;
mod peer;
mod program;
mod prometheus;
mod random;
mod raw_backend;
mod service_manager;
mod tools;
mod towpath;
mod tungstenite_peer;
mod warp_peer;
mod websocket;
mod wire;

pub use balancer::Balancer;
pub use binary::{binary, command, run};
pub use certificates::{Authority, KeyFiles};
pub use chaos::{Chaos, Fault, Faults};
pub use checklist::{Checks, checklist, python_checklist};
pub use collector::{Collector, Span, SpanKind};
pub use contract::Way;
pub use deadline::{DEADLINE, within, within_each};
pub use frame::{Frame, Opcode};
pub use handshake::{accept_key, handshake, switching_protocols};
pub use head::Head;
pub use http_backend::{Body, HttpBackend, full, whole};
pub use http_client::HttpClient;
pub use middlebox::{Middlebox, Responses, Upgrades};
pub use orphans::{adopt_orphans, allow_many_files, is_alive, orphan_exit_code, process_ends};
pub use peer::Peer;
pub use peer::made;
pub use program::Program;
pub use prometheus::{Prometheus, promtool};
pub use raw_backend::RawBackend;
pub use rustix::process::Signal;
pub use service_manager::{Notice, ServiceManager};
pub use tools::{curl, curl_fails, s_client, tool};
pub use towpath::Towpath;
pub use tungstenite_peer::TungstenitePeer;
pub use warp_peer::WarpPeer;
pub use websocket::{WebSocket, closed, echo, open};
pub use wire::Wire;

/// An address on which nobody listens: a connection to it is refused at once.
pub const NOBODY: &str = "127.0.0.1:1";
