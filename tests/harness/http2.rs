//! One HTTP/2 connection as frames (RFC 9113 §4), for stories in which a client does what no library would.

use crate::{Towpath, Wire};

/// Types of frames.
pub const DATA: u8 = 0;
/// A request's or a response's fields.
pub const HEADERS: u8 = 1;
/// The end of a stream before its time.
pub const RST_STREAM: u8 = 3;
/// What a side would like the other to keep to.
pub const SETTINGS: u8 = 4;
/// Asks for an answer.
pub const PING: u8 = 6;
/// The end of the connection.
pub const GOAWAY: u8 = 7;
/// Room for more content.
pub const WINDOW_UPDATE: u8 = 8;
/// More of a block of fields.
pub const CONTINUATION: u8 = 9;

/// The stream has no content, or no more.
pub const END_STREAM: u8 = 1;
/// The block of fields ends here.
pub const END_HEADERS: u8 = 4;

/// The code of what is no HTTP/2 (RFC 9113 §7).
pub const PROTOCOL_ERROR: u32 = 1;
/// The code of what comes for a stream that is over.
pub const STREAM_CLOSED: u32 = 5;
/// The code of a peer that is too much.
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http2Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0: the connection.
    pub stream: u32,
    /// What is in it.
    pub payload: Vec<u8>,
}

impl Http2Frame {
    /// The code of a GOAWAY or RST_STREAM.
    pub fn code(&self) -> u32 {
        let at = match self.kind {
            GOAWAY => 4,
            _ => 0,
        };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

impl Http2Frame {
    /// The status with which a response's fields begin, if they are the connection's first (RFC 7541 Appendix A and B).
    pub fn status(&self) -> u16 {
        const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
        match self.payload.as_slice() {
            [known @ 0x88..=0x8e, ..] => KNOWN[usize::from(known - 0x88)],
            [0x08 | 0x48, 0x83, a, b, c, ..] => huffman_digits([*a, *b, *c]),
            [0x08 | 0x48, 3, digits @ ..] => {
                std::str::from_utf8(&digits[..3]).unwrap().parse().unwrap()
            }
            other => panic!("no status: {other:?}"),
        }
    }
}

/// `0` to `2` are 0 to 2 in five bits, `3` to `9` are 25 to 31 in six.
fn huffman_digits(bytes: [u8; 3]) -> u16 {
    let bits = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], 0]);
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let five = (bits << at) >> 27;
        let (digit, length) = match five {
            0..=2 => (five, 5),
            _ => (((bits << at) >> 26) - 22, 6),
        };
        number = number * 10 + digit;
        at += length;
    }
    u16::try_from(number).unwrap()
}

/// A frame on the wire.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Fields as literals that nobody is to remember (RFC 7541 §6.2.2).
pub fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.extend(length(text.len()));
            block.extend(text.as_bytes());
        }
    }
    block
}

/// RFC 7541 §5.1, with a prefix of 7 bits.
pub fn length(length: usize) -> Vec<u8> {
    let Some(mut rest) = length.checked_sub(127) else {
        return vec![length as u8];
    };
    let mut bytes = vec![127];
    while rest >= 128 {
        bytes.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    bytes.push(rest as u8);
    bytes
}

/// The fields of a GET.
pub fn get(path: &str) -> Vec<u8> {
    fields(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "h"),
    ])
}

/// A client's end.
#[derive(Debug)]
pub struct Http2Wire {
    /// The connection.
    pub wire: Wire,
}

impl Http2Wire {
    /// Connects without TLS, and says these settings.
    pub async fn connect(towpath: &Towpath, settings: &[(u16, u32)]) -> Self {
        let mut wire = towpath.connect().await;
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        wire.send([preface, frame(SETTINGS, 0, 0, &payload)].concat())
            .await;
        Self { wire }
    }

    /// Sends frames; whether they were taken, or the other end is gone.
    pub async fn send(&mut self, frames: impl AsRef<[u8]>) -> bool {
        self.wire.try_send(frames).await
    }

    /// The next frame; `None`: the connection is over.
    pub async fn frame(&mut self) -> Option<Http2Frame> {
        let head = self.wire.try_bytes(9).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = self.wire.try_bytes(length).await?;
        Some(Http2Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes(head[5..9].try_into().unwrap()),
            payload,
        })
    }

    /// The first frame of this type; `None`: the connection is over.
    pub async fn first(&mut self, kind: u8) -> Option<Http2Frame> {
        loop {
            let frame = self.frame().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }
}
