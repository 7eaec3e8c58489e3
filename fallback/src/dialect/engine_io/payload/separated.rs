//! Revision 4: packets of text with a separator between them, `b` and base64 for a binary message.

use bytes::{BufMut, Bytes};

use super::packets::Packets;
use super::{Malformed, base64};
use crate::dialect::engine_io::Revision;
use crate::dialect::engine_io::packet::BASE64;
use crate::session::{Kind, Message};

/// ASCII's record separator. Data that has it in it cannot be told from two packets: a limit of the protocol.
const SEPARATOR: u8 = 0x1e;

pub(super) fn decode(body: Bytes) -> Result<Vec<Message>, Malformed> {
    std::str::from_utf8(&body).map_err(|_| Malformed("the payload is not in UTF-8"))?;
    let mut packets = Packets::of(Revision::V4, body.clone());
    for packet in body.split(|byte| *byte == SEPARATOR) {
        packets.text(packet)?;
    }
    Ok(packets.finish())
}

pub(super) fn encode<'a>(messages: impl Iterator<Item = &'a Message> + Clone) -> Bytes {
    let size = messages.clone().map(size).sum();
    let mut body = Vec::with_capacity(size);
    for (place, message) in messages.enumerate() {
        if place > 0 {
            body.put_u8(SEPARATOR);
        }
        match message.kind {
            Kind::Text => body.put_slice(&message.payload),
            Kind::Binary => {
                body.put_u8(BASE64);
                base64::put(&mut body, &message.payload);
            }
        }
    }
    body.into()
}

/// What a message takes with the separator before it, in bytes.
fn size(message: &Message) -> usize {
    1 + match message.kind {
        Kind::Text => message.payload.len(),
        Kind::Binary => 1 + base64::encoded_len(message.payload.len()),
    }
}
