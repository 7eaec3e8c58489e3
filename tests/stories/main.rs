//! The end-to-end stories. Each starts the real binary on ports of its own; see `tests/harness`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod admin;
mod bad_network;
mod balance;
mod browser;
mod cli;
mod demo;
mod drain;
mod edge_limits;
mod engine_io;
mod examples;
mod experience;
mod fallback;
mod filters;
mod http;
mod http2;
mod packaging;
mod peers;
mod proxy_protocol;
mod raw;
mod raw_h2;
mod reload;
mod routing;
mod slow_clients;
mod sockjs;
mod sockjs_wire;
mod succession;
mod systemd;
mod tls;
mod tracing;
mod tunnel;
mod upstream_http2;
mod upstream_tls;
