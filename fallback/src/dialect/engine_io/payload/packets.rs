//! The packets of a body as they are found.

use bytes::Bytes;

use super::{MAX_PACKETS, Malformed, base64};
use crate::dialect::engine_io::Revision;
use crate::dialect::engine_io::packet::{BASE64, Id};
use crate::session::{Kind, Message};

/// Messages that lie in a body, or beside it where they had to be decoded.
pub(super) struct Packets {
    revision: Revision,
    body: Bytes,
    messages: Vec<Message>,
    /// How many of the body's bytes are messages as they lie.
    used: usize,
}

impl Packets {
    pub(super) fn of(revision: Revision, body: Bytes) -> Self {
        Self {
            revision,
            body,
            messages: Vec::new(),
            used: 0,
        }
    }

    /// Takes a packet of text, which is a part of the body.
    pub(super) fn text(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        let (first, rest) = packet.split_first().ok_or(Malformed("a packet is empty"))?;
        if *first == BASE64 {
            return self.base64(rest);
        }
        Id::from_text(*first).ok_or(UNKNOWN_ID)?;
        self.used += packet.len();
        let payload = self.body.slice_ref(packet);
        self.push(Message::text(payload))
    }

    /// Takes a binary packet of revision 3, which is a part of the body.
    pub(super) fn binary(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        let first = packet.first().ok_or(Malformed("a packet is empty"))?;
        Id::from_binary(*first).ok_or(UNKNOWN_ID)?;
        self.used += packet.len();
        let payload = self.body.slice_ref(packet);
        self.push(Message::binary(payload))
    }

    fn base64(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        let data = match self.revision {
            Revision::V4 => base64::decode(b"", packet)?,
            Revision::V3 => {
                let (id, text) = packet.split_first().ok_or(UNKNOWN_ID)?;
                Id::from_text(*id).ok_or(UNKNOWN_ID)?;
                base64::decode(&[*id - b'0'], text)?
            }
        };
        self.push(Message::binary(data))
    }

    fn push(&mut self, message: Message) -> Result<(), Malformed> {
        if self.messages.len() == MAX_PACKETS {
            return Err(Malformed("the payload has too many packets"));
        }
        self.messages.push(message);
        Ok(())
    }

    /// All that were taken. A little text does not keep a body in memory that is mostly base64.
    pub(super) fn finish(mut self) -> Vec<Message> {
        if self.used < self.body.len() / 4 {
            let texts = self.messages.iter_mut();
            for text in texts.filter(|message| message.kind == Kind::Text) {
                text.payload = Bytes::copy_from_slice(&text.payload);
            }
        }
        self.messages
    }
}

const UNKNOWN_ID: Malformed = Malformed("a packet's id is unknown");
