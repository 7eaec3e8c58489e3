//! Whole sessions in memory, from a request to the backend's WebSocket and back, with a clock that stands still unless
//! everybody waits. What the network does to them is told elsewhere, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod backend;
mod bounds;
mod ending;
mod engine_io;
mod io;
mod opening;
mod proxy;
mod requests;
