//! Revision 3 as text: before each packet its length and a colon; `b`, the id and base64 for a binary packet. The
//! length is in characters as JavaScript counts them: UTF-16's code units.

use std::io::Write;

use bytes::{BufMut, Bytes};

use super::packets::Packets;
use super::{ENDS_EARLY, Malformed, base64};
use crate::dialect::engine_io::Revision;
use crate::dialect::engine_io::packet::{BASE64, Id};
use crate::session::{Kind, Message};

/// What stands for no packets.
const NOTHING: &[u8] = b"0:";

/// What a length and its colon take at most, for the sizes that there are, in bytes.
const HEADER: usize = 12;

pub(super) fn decode(body: Bytes) -> Result<Vec<Message>, Malformed> {
    let text = std::str::from_utf8(&body).map_err(|_| Malformed("the payload is not in UTF-8"))?;
    let mut packets = Packets::of(Revision::V3, body.clone());
    let mut rest = text;
    while !rest.is_empty() {
        let (length, after) = rest.split_once(':').ok_or(ENDS_EARLY)?;
        let end = offset(after, number(length)?)?;
        let (packet, after) = after.split_at_checked(end).ok_or(ENDS_EARLY)?;
        if !packet.is_empty() {
            packets.text(packet.as_bytes())?;
        }
        rest = after;
    }
    Ok(packets.finish())
}

fn number(digits: &str) -> Result<usize, Malformed> {
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.then(|| digits.parse().ok()).flatten();
    number.ok_or(Malformed("a packet's length is no number"))
}

/// Where `units` of UTF-16 from the beginning of `text` end in it, in bytes.
fn offset(text: &str, units: usize) -> Result<usize, Malformed> {
    let mut left = units;
    for (at, char) in text.char_indices() {
        if left == 0 {
            return Ok(at);
        }
        left = left
            .checked_sub(char.len_utf16())
            .ok_or(Malformed("a packet ends within a character"))?;
    }
    if left == 0 {
        Ok(text.len())
    } else {
        Err(ENDS_EARLY)
    }
}

pub(super) fn encode<'a>(messages: impl Iterator<Item = &'a Message> + Clone) -> Bytes {
    let size = messages.clone().map(size).sum();
    let mut body = Vec::with_capacity(size);
    for message in messages {
        match message.kind {
            Kind::Text => {
                put_length(&mut body, units(&message.payload));
                body.put_slice(&message.payload);
            }
            Kind::Binary => put_binary(&mut body, &message.payload),
        }
    }
    if body.is_empty() {
        return Bytes::from_static(NOTHING);
    }
    body.into()
}

fn put_binary(body: &mut Vec<u8>, packet: &[u8]) {
    let Some((id, data)) = packet.split_first() else {
        return;
    };
    if Id::from_binary(*id).is_some() {
        put_length(body, 2 + base64::encoded_len(data.len()));
        body.put_slice(&[BASE64, b'0' + id]);
        base64::put(body, data);
    }
}

fn put_length(body: &mut Vec<u8>, length: usize) {
    // Nothing fails to be written to memory.
    let _ = write!(body, "{length}:");
}

/// The length of UTF-8 in units of UTF-16: one for each character, two for those of four bytes.
fn units(text: &[u8]) -> usize {
    let of = |byte: &u8| match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    };
    text.iter().map(of).sum()
}

/// What a message takes at most, in bytes.
fn size(message: &Message) -> usize {
    HEADER
        + match message.kind {
            Kind::Text => message.payload.len(),
            Kind::Binary => 2 + base64::encoded_len(message.payload.len()),
        }
}
