//! Revision 3 as bytes: before each packet a byte that tells text (0) from binary (1), its length's decimal digits as
//! bytes of that value, and 255. Text is in UTF-8, and the length is in bytes here. A binary packet is what it is in a
//! WebSocket message: its id, as a byte of that value, and its data.

use bytes::{BufMut, Bytes};

use super::packets::Packets;
use super::{ENDS_EARLY, Malformed};
use crate::dialect::engine_io::Revision;
use crate::dialect::engine_io::packet::Id;
use crate::session::{Kind, Message};

const TEXT: u8 = 0;
const BINARY: u8 = 1;
const END_OF_LENGTH: u8 = 0xff;

/// What stands before a packet at most, for the sizes that there are, in bytes.
const HEADER: usize = 13;

pub(super) fn decode(body: Bytes) -> Result<Vec<Message>, Malformed> {
    let mut packets = Packets::of(Revision::V3, body.clone());
    let mut rest = &body[..];
    while let Some((kind, after)) = rest.split_first() {
        let (length, after) = length(after)?;
        let (packet, after) = after.split_at_checked(length).ok_or(ENDS_EARLY)?;
        match *kind {
            TEXT => {
                std::str::from_utf8(packet).map_err(|_| Malformed("a packet is not in UTF-8"))?;
                packets.text(packet)?;
            }
            BINARY => packets.binary(packet)?,
            _ => return Err(Malformed("a packet is neither text nor binary")),
        }
        rest = after;
    }
    Ok(packets.finish())
}

/// Reads a length: what it is, and what comes after it.
fn length(from: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let mut length: Option<usize> = None;
    let mut rest = from;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == END_OF_LENGTH {
            let length = length.ok_or(Malformed("a packet has no length"))?;
            return Ok((length, rest));
        }
        if *byte > 9 {
            return Err(Malformed("a packet's length is no number"));
        }
        let next = length.unwrap_or_default().checked_mul(10);
        let next = next.and_then(|next| next.checked_add(usize::from(*byte)));
        length = Some(next.ok_or(ENDS_EARLY)?);
    }
    Err(ENDS_EARLY)
}

pub(super) fn encode<'a>(messages: impl Iterator<Item = &'a Message> + Clone) -> Bytes {
    let packets = messages.filter(|message| is_packet(message));
    let size = packets.clone().map(|packet| HEADER + packet.payload.len());
    let mut body = Vec::with_capacity(size.sum());
    for packet in packets {
        body.put_u8(match packet.kind {
            Kind::Text => TEXT,
            Kind::Binary => BINARY,
        });
        let digits = packet.payload.len().to_string();
        body.extend(digits.bytes().map(|digit| digit - b'0'));
        body.put_u8(END_OF_LENGTH);
        body.put_slice(&packet.payload);
    }
    body.into()
}

fn is_packet(message: &Message) -> bool {
    let id = message.payload.first().copied();
    message.kind == Kind::Text || id.and_then(Id::from_binary).is_some()
}
