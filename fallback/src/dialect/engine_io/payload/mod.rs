//! A payload: the packets of one polling request or answer. Decoding gives WebSocket messages for the backend, which
//! lie in the body where they can; encoding takes the backend's messages. A body is checked whole before any of its
//! packets counts.

mod base64;
mod binary;
mod counted;
mod packets;
mod separated;

use bytes::Bytes;
use thiserror::Error;

use super::Revision;
use crate::session::{Kind, Message};

/// The most packets of one body: together they then take no more memory than a large body does.
pub const MAX_PACKETS: usize = 32_768;

/// How packets lie in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All is text, and what is binary is in base64.
    Text,
    /// Binary packets as they are, which revision 3 has for clients with XHR2.
    Binary,
}

impl Form {
    /// The form of a request's body.
    #[must_use]
    pub fn of_request(content_type: Option<&[u8]>) -> Self {
        if content_type == Some(b"application/octet-stream") {
            Self::Binary
        } else {
            Self::Text
        }
    }

    /// The `Content-Type` of an answer.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=UTF-8",
            Self::Binary => "application/octet-stream",
        }
    }
}

/// A body that is no payload.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Malformed(pub(super) &'static str);

const ENDS_EARLY: Malformed = Malformed("the payload ends early");

/// A payload that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// How the packets lie in it.
    pub form: Form,
    /// The bytes.
    pub body: Bytes,
}

/// Reads a request's body: what its packets are as WebSocket messages.
///
/// # Errors
/// It is empty or not as the revision's documents say, in whatever part, or has more than [`MAX_PACKETS`] packets.
pub fn decode(revision: Revision, form: Form, body: Bytes) -> Result<Vec<Message>, Malformed> {
    if body.is_empty() {
        return Err(Malformed("the payload is empty"));
    }
    match (revision, form) {
        (Revision::V4, Form::Text) => separated::decode(body),
        (Revision::V4, Form::Binary) => Err(Malformed("a binary payload in revision 4")),
        (Revision::V3, Form::Text) => counted::decode(body),
        (Revision::V3, Form::Binary) => binary::decode(body),
    }
}

/// Writes the backend's messages as an answer's body, in the form that the reference takes: the binary one only for
/// clients of revision 3 that take it, and only where there is something binary.
///
/// What is no packet of revision 3, a binary message without a known id, is left out: clients ignore those that come
/// by a WebSocket, too.
pub fn encode<'a, M>(revision: Revision, takes: Form, messages: M) -> Encoded
where
    M: IntoIterator<Item = &'a Message, IntoIter: Clone>,
{
    let messages = messages.into_iter();
    let form = match (revision, takes) {
        (Revision::V3, Form::Binary) if messages.clone().any(is_binary) => Form::Binary,
        _ => Form::Text,
    };
    let body = match (revision, form) {
        (Revision::V4, _) => separated::encode(messages),
        (Revision::V3, Form::Text) => counted::encode(messages),
        (Revision::V3, Form::Binary) => binary::encode(messages),
    };
    Encoded { form, body }
}

fn is_binary(message: &Message) -> bool {
    message.kind == Kind::Binary
}

#[cfg(test)]
mod tests;
