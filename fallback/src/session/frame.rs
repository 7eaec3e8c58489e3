//! What travels: messages, their fragments, and the close, each taking one number of its direction's sequence.

use bytes::Bytes;

/// The largest payload of a frame, in bytes; longer messages travel in fragments.
pub const FRAGMENT: usize = 65_536;

/// The longest reason of a close, in bytes (RFC 6455 §5.5.1).
pub const MAX_REASON: usize = 123;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A message, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Its payload. That of a whole text message is valid UTF-8 once it has passed the [`Inbox`](super::Inbox).
    pub payload: Bytes,
}

impl Message {
    /// A text message.
    #[must_use]
    pub fn text(payload: impl Into<Bytes>) -> Self {
        let payload = payload.into();
        Self {
            kind: Kind::Text,
            payload,
        }
    }

    /// A binary message.
    #[must_use]
    pub fn binary(payload: impl Into<Bytes>) -> Self {
        let payload = payload.into();
        Self {
            kind: Kind::Binary,
            payload,
        }
    }
}

/// How one side ended the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The status code; none is RFC 6455's 1005.
    pub code: Option<u16>,
    /// The reason, at most [`MAX_REASON`] bytes.
    pub reason: String,
    /// There was no Close: RFC 6455's 1006.
    pub abnormal: bool,
}

impl Close {
    /// A close with a code and a reason of ours.
    #[must_use]
    pub fn new(code: u16, reason: &str) -> Self {
        Self {
            code: Some(code),
            reason: reason.to_owned(),
            abnormal: false,
        }
    }

    /// The end of a conversation that nobody closed.
    #[must_use]
    pub fn abnormal() -> Self {
        Self {
            abnormal: true,
            ..Self::default()
        }
    }
}

/// One step of a direction's sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole message.
    Message(Message),
    /// A part of a message, not the last.
    Fragment(Message),
    /// The last part of the message that is under way.
    Last(Bytes),
    /// The end.
    Close(Close),
}

impl Frame {
    /// How many bytes of payload it keeps in memory.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Message(message) | Self::Fragment(message) => message.payload.len(),
            Self::Last(payload) => payload.len(),
            Self::Close(close) => close.reason.len(),
        }
    }

    /// The same, without what its message was read from. Fragments are copied in any case.
    #[must_use]
    pub fn detached(self) -> Self {
        match self {
            Self::Message(Message { kind, payload }) => Self::Message(Message {
                kind,
                payload: Bytes::copy_from_slice(&payload),
            }),
            other => other,
        }
    }
}
