//! What a route says of the fallback.

use std::time::Duration;

use http::HeaderName;

use crate::origin::Origins;
use crate::session::Limits;

/// What a route says of its sessions.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which Origins may open them.
    pub origins: Origins,
    /// The longest that a poll is held.
    pub hold: Duration,
    /// How long the backend may take to accept.
    pub open_timeout: Duration,
    /// Whether streams are given.
    pub stream: bool,
    /// The bounds of each.
    pub limits: Limits,
    /// Fields of `open` that the backend gets beside the usual.
    pub forward_headers: Vec<HeaderName>,
}
