//! Towpath, a WebSocket reverse proxy: the binary's library.
//!
//! A connection's way through is best read in this order: `gate` (one entry per connection), `gateway`
//! (one entry per request), `classify` and `router`, then `tunnel` for a WebSocket or pingora's own
//! HTTP proxy for everything else. `lifecycle` holds it together; `upstream` knows the servers.

mod address;
mod admin;
mod allowances;
mod answer;
mod attempts;
mod changes;
mod classify;
pub mod cli;
mod configuration;
mod demo;
mod fallback;
mod field_lines;
mod fields;
mod filters;
mod forwarded;
mod gate;
mod gateway;
mod generations;
mod http_error;
mod incoming;
mod keepalive;
mod lifecycle;
pub mod measure;
mod observe;
mod proxy_protocol;
mod rates;
mod reading;
mod router;
mod secrets;
mod shared;
mod snapshot;
mod spelling;
mod tls;
mod traces;
mod tunnel;
mod upstream;
