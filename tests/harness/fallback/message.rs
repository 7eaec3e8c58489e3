//! Messages as an application has them, cut into frames and put together again (§3).

use super::frame::LONGEST;
use super::{Frame, Kind, Unreadable};

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say it")]
pub enum Message {
    Text(String),
    Binary(Vec<u8>),
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl Message {
    /// The frames that carry it.
    pub(super) fn into_frames(self) -> Vec<Frame> {
        let (whole, part, payload) = match self {
            Self::Text(text) => (Kind::Text, Kind::TextPart, text.into_bytes()),
            Self::Binary(bytes) => (Kind::Binary, Kind::BinaryPart, bytes),
        };
        if payload.len() <= LONGEST {
            return vec![Frame::new(whole, payload)];
        }
        let mut frames: Vec<_> = payload
            .chunks(LONGEST)
            .map(|chunk| Frame::new(part, chunk))
            .collect();
        if let Some(last) = frames.last_mut() {
            last.kind = Kind::LastPart;
        }
        frames
    }
}

/// Puts parts together.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    under_way: Option<(Kind, Vec<u8>)>,
}

impl Assembly {
    /// Takes the next frame; gives the message that it ends.
    pub(super) fn take(&mut self, frame: Frame) -> Result<Option<Message>, Unreadable> {
        match (frame.kind, self.under_way.take()) {
            (Kind::Text, None) => text(frame.payload),
            (Kind::Binary, None) => Ok(Some(Message::Binary(frame.payload))),
            (Kind::TextPart | Kind::BinaryPart, None) => {
                self.under_way = Some((frame.kind, frame.payload));
                Ok(None)
            }
            (part, Some((kind, mut payload))) if part == kind => {
                payload.extend(frame.payload);
                self.under_way = Some((kind, payload));
                Ok(None)
            }
            (Kind::LastPart, Some((kind, mut payload))) => {
                payload.extend(frame.payload);
                match kind {
                    Kind::TextPart => text(payload),
                    _ => Ok(Some(Message::Binary(payload))),
                }
            }
            (kind, under_way) => {
                let under_way = under_way.map(|(kind, _)| kind);
                Err(Unreadable::wrong(format!("{kind:?} after {under_way:?}")))
            }
        }
    }
}

fn text(payload: Vec<u8>) -> Result<Option<Message>, Unreadable> {
    let text = String::from_utf8(payload).map_err(|_| Unreadable::wrong("a text that is none"))?;
    Ok(Some(Message::Text(text)))
}
