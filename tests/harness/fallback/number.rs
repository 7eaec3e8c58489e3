//! Numbers on the wire (§3): unsigned LEB128 in their shortest form, below 2^53.

use super::Unreadable;

const LIMIT: u64 = 1 << 53;

pub(super) fn put(mut number: u64, bytes: &mut Vec<u8>) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the front of `bytes`.
pub(super) fn take(bytes: &mut &[u8]) -> Result<u64, Unreadable> {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = take_byte(bytes)?;
        if shift > 49 || (byte == 0 && shift > 0) {
            return Err(Unreadable::wrong("a number in a long form, or too large"));
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    match number {
        LIMIT.. => Err(Unreadable::wrong("a number of 2^53 or more")),
        _ => Ok(number),
    }
}

pub(super) fn take_byte(bytes: &mut &[u8]) -> Result<u8, Unreadable> {
    let (first, rest) = bytes.split_first().ok_or(Unreadable::Short)?;
    *bytes = rest;
    Ok(*first)
}

pub(super) fn take_bytes<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], Unreadable> {
    let length = usize::try_from(length).map_err(|_| Unreadable::Short)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(Unreadable::Short)?;
    *bytes = rest;
    Ok(taken)
}
