//! The header of a WebSocket frame (RFC 6455 §5.2), read from the front of a buffer, and what can be wrong with it.

use thiserror::Error;

/// A control frame is never longer than its header and 125 bytes (RFC 6455 §5.5).
pub(crate) const MAX_CONTROL: usize = 2 + 4 + MAX_CONTROL_PAYLOAD;
/// The most that a control frame may carry.
pub(crate) const MAX_CONTROL_PAYLOAD: usize = 125;

/// One end of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Who connected to us; its frames are masked.
    Client,
    /// Whom we connected to; its frames are not.
    Backend,
}

/// What a frame is (RFC 6455 §11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    pub(crate) fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }
}

/// How a peer broke RFC 6455.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    #[error("reserved bits without an extension")]
    ReservedBits,
    #[error("unknown opcode")]
    Opcode,
    #[error("client frame without a mask, or backend frame with one")]
    Mask,
    #[error("length not in its shortest form, or above 2^63")]
    Length,
    #[error("control frame longer than 125 bytes or fragmented")]
    Control,
    #[error("continuation without a beginning, or a beginning within a message")]
    Continuation,
    #[error("invalid close code")]
    CloseCode,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The message ends with this frame.
    pub(crate) fin: bool,
    /// RSV1 to RSV3 as in the first byte (0x40, 0x20, 0x10).
    pub(crate) reserved: u8,
    pub(crate) opcode: Opcode,
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes of payload that follow.
    pub(crate) payload: u64,
    /// Bytes of this header.
    pub(crate) len: usize,
}

impl Header {
    /// Reads a header from the front of `buf`. `Ok(None)`: more bytes are needed.
    /// A fault shows as soon as the bytes that have it are there, however the rest is split.
    pub(crate) fn parse(buf: &[u8]) -> Result<Option<Self>, Fault> {
        let &[first, second, ref rest @ ..] = buf else {
            return match buf.first() {
                Some(first) => Self::opcode(*first).map(|_| None),
                None => Ok(None),
            };
        };
        let opcode = Self::opcode(first)?;
        let fin = first & 0x80 != 0;
        let short = u64::from(second & 0x7F);
        if opcode.is_control() && (!fin || short > MAX_CONTROL_PAYLOAD as u64) {
            return Err(Fault::Control);
        }
        let Some((payload, rest)) = length(short, rest)? else {
            return Ok(None);
        };
        let masked = second & 0x80 != 0;
        let mask = match (masked, rest.first_chunk::<4>()) {
            (false, _) => None,
            (true, Some(mask)) => Some(*mask),
            (true, None) => return Ok(None),
        };
        let len = buf.len() - rest.len() + if masked { 4 } else { 0 };
        Ok(Some(Self {
            fin,
            reserved: first & 0x70,
            opcode,
            mask,
            payload,
            len,
        }))
    }

    fn opcode(first: u8) -> Result<Opcode, Fault> {
        Opcode::from_bits(first & 0x0F).ok_or(Fault::Opcode)
    }
}

/// The payload's length, and what follows it.
fn length(short: u64, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Fault> {
    match short {
        126 => {
            let Some((bytes, rest)) = rest.split_first_chunk::<2>() else {
                return Ok(None);
            };
            let long = u64::from(u16::from_be_bytes(*bytes));
            if long < 126 {
                Err(Fault::Length)
            } else {
                Ok(Some((long, rest)))
            }
        }
        127 => {
            let Some((bytes, rest)) = rest.split_first_chunk::<8>() else {
                return Ok(None);
            };
            let long = u64::from_be_bytes(*bytes);
            let shortest = (1 << 16..1 << 63).contains(&long);
            if shortest {
                Ok(Some((long, rest)))
            } else {
                Err(Fault::Length)
            }
        }
        short => Ok(Some((short, rest))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn headers_of_every_length() {
        for (bytes, payload) in [
            (&[0x82, 0x7D][..], 125),
            (&[0x82, 0x7E, 0x00, 0x7E], 126),
            (&[0x82, 0x7E, 0xFF, 0xFF], 65_535),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
        ] {
            let header = Header::parse(bytes).unwrap().unwrap();
            assert_eq!(
                (header.payload, header.len, header.mask),
                (payload, bytes.len(), None)
            );
            for end in 0..bytes.len() {
                assert_eq!(Header::parse(bytes.get(..end).unwrap()), Ok(None));
            }
        }
    }

    #[test]
    fn a_mask_is_part_of_the_header() {
        let header = Header::parse(&[0x81, 0x82, 1, 2, 3, 4, 0xAA])
            .unwrap()
            .unwrap();
        assert_eq!(
            (header.mask, header.len, header.payload),
            (Some([1, 2, 3, 4]), 6, 2)
        );
        assert_eq!(Header::parse(&[0x81, 0x82, 1, 2, 3]), Ok(None));
    }

    #[test]
    fn faults_in_a_header() {
        for (bytes, fault) in [
            (&[0x83][..], Fault::Opcode),
            (&[0x8B, 0], Fault::Opcode),
            (&[0x89, 0x7E], Fault::Control),
            (&[0x09, 0x00], Fault::Control),
            (&[0x82, 0x7E, 0x00, 0x7D], Fault::Length),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], Fault::Length),
            (&[0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], Fault::Length),
        ] {
            assert_eq!(Header::parse(bytes), Err(fault), "{bytes:x?}");
        }
    }
}
