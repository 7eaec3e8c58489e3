//! What there is to tell of a tunnel that is over.

use std::time::Duration;

use super::frame::Side;

/// The tale of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// From the 101 to the end.
    pub(crate) duration: Duration,
    /// What the client sent.
    pub(crate) from_client: Traffic,
    /// What the backend sent.
    pub(crate) from_backend: Traffic,
    /// The code of the first Close that was seen or sent (1005: without a code); `None` if there was none.
    pub(crate) close: Option<u16>,
    /// Who or what ended it.
    pub(crate) ended_by: Ended,
    /// How long the client took to answer the last ping of ours.
    pub(crate) client_rtt: Option<Duration>,
    /// How long the backend took.
    pub(crate) backend_rtt: Option<Duration>,
}

/// What one side sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Bytes on the wire, after the handshake.
    pub(crate) bytes: u64,
    /// Complete data messages, as far as its frames could be followed.
    pub(crate) messages: u64,
}

/// Who or what ended a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// This side, by a Close.
    By(Side),
    /// This side, by ending its stream without one.
    Left(Side),
    /// This side's connection broke.
    Reset(Side),
    /// The proxy is draining.
    Drain,
    /// The operator wanted it to.
    Operator,
    /// `idle_timeout`.
    Idle,
    /// `max_lifetime`.
    Lifetime,
    /// This side left a ping unanswered.
    PingTimeout(Side),
    /// This side took nothing of what was written to it.
    WriteTimeout(Side),
    /// This side's message was above `max_message`.
    MessageTooBig(Side),
    /// This side broke the framing.
    Fault(Side),
}

impl Ended {
    /// One for each word that there is for it.
    pub(crate) const ALL: [Self; 16] = [
        Self::By(Side::Client),
        Self::By(Side::Backend),
        Self::Reset(Side::Client),
        Self::Reset(Side::Backend),
        Self::Drain,
        Self::Operator,
        Self::Idle,
        Self::Lifetime,
        Self::PingTimeout(Side::Client),
        Self::PingTimeout(Side::Backend),
        Self::WriteTimeout(Side::Client),
        Self::WriteTimeout(Side::Backend),
        Self::MessageTooBig(Side::Client),
        Self::MessageTooBig(Side::Backend),
        Self::Fault(Side::Client),
        Self::Fault(Side::Backend),
    ];

    /// As it stands in the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::By(Side::Client) | Self::Left(Side::Client) => "client",
            Self::By(Side::Backend) | Self::Left(Side::Backend) => "backend",
            Self::Reset(Side::Client) => "client_reset",
            Self::Reset(Side::Backend) => "backend_reset",
            Self::Drain => "drain",
            Self::Operator => "operator",
            Self::Idle => "idle_timeout",
            Self::Lifetime => "max_lifetime",
            Self::PingTimeout(Side::Client) => "client_ping_timeout",
            Self::PingTimeout(Side::Backend) => "backend_ping_timeout",
            Self::WriteTimeout(Side::Client) => "client_write_timeout",
            Self::WriteTimeout(Side::Backend) => "backend_write_timeout",
            Self::MessageTooBig(Side::Client) => "client_message_too_big",
            Self::MessageTooBig(Side::Backend) => "backend_message_too_big",
            Self::Fault(Side::Client) => "client_protocol_error",
            Self::Fault(Side::Backend) => "backend_protocol_error",
        }
    }
}
