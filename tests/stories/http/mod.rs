//! Plain HTTP beside the WebSockets: what any reverse proxy must do, and what it must not.

mod errors;
mod fields;
mod streaming;
mod upstreams;
