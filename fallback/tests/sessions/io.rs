//! The bytes of `io`, as far as these tests need them (`PROTOCOL.md`, §3).

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Io {
    pub(crate) stream: bool,
    pub(crate) ack: u64,
    pub(crate) wait: u64,
    /// The number of the first frame.
    pub(crate) first: u64,
    /// Types and payloads.
    pub(crate) frames: Vec<(u8, Vec<u8>)>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u8,
    pub(crate) serial: u64,
    pub(crate) ack: u64,
    pub(crate) credit: u64,
    pub(crate) frames: Vec<(u8, Vec<u8>)>,
}

pub(crate) const OK: u8 = 0;
pub(crate) const CLOSED: u8 = 5;
pub(crate) const GONE: u8 = 6;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const BINARY_PART: u8 = 4;
pub(crate) const LAST_PART: u8 = 5;
pub(crate) const END: u8 = 6;
pub(crate) const CLOSE: u8 = 8;

impl Io {
    /// A poll.
    pub(crate) fn poll(ack: u64) -> Self {
        Self {
            ack,
            wait: 25_000,
            ..Self::default()
        }
    }

    /// One that does not wait, with frames from this number on.
    pub(crate) fn send(first: u64, frames: Vec<(u8, Vec<u8>)>) -> Self {
        Self {
            first,
            frames,
            ..Self::default()
        }
    }

    pub(crate) fn bytes(&self, token: &str, serial: u64) -> Vec<u8> {
        let mut bytes = vec![b'T', b'P', b'1', u8::from(self.stream)];
        put(token.len() as u64, &mut bytes);
        bytes.extend(token.bytes());
        for number in [serial, self.ack, self.wait, 1 << 20, self.first] {
            put(number, &mut bytes);
        }
        for (kind, payload) in &self.frames {
            bytes.push(*kind);
            put(payload.len() as u64, &mut bytes);
            bytes.extend(payload);
        }
        bytes
    }
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut bytes = bytes.strip_prefix(b"TP1").unwrap();
        let status = byte(&mut bytes);
        let [serial, ack, credit, _, _] = [(); 5].map(|()| take(&mut bytes));
        let frames = frames(bytes);
        Self {
            status,
            serial,
            ack,
            credit,
            frames,
        }
    }

    /// The code of the close that it carries.
    pub(crate) fn close(&self) -> Option<u16> {
        let (_, payload) = self.frames.iter().find(|(kind, _)| *kind == CLOSE)?;
        Some(u16::from_be_bytes([payload[1], payload[2]]))
    }
}

/// The frames that bytes consist of.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let kind = byte(&mut bytes);
        let length = take(&mut bytes) as usize;
        let (payload, rest) = bytes.split_at(length);
        frames.push((kind, payload.to_vec()));
        bytes = rest;
    }
    frames
}

fn put(mut number: u64, bytes: &mut Vec<u8>) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let next = byte(bytes);
        number |= u64::from(next & 0x7f) << shift;
        shift += 7;
        if next < 0x80 {
            return number;
        }
    }
}

fn byte(bytes: &mut &[u8]) -> u8 {
    let (first, rest) = bytes.split_first().unwrap();
    *bytes = rest;
    *first
}
