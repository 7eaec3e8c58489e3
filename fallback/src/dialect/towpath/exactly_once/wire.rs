//! The client's side of the bytes, written from `PROTOCOL.md`, §3, and from nothing else.

/// A frame: its type and its payload.
pub(super) type Raw = (u8, Vec<u8>);

pub(super) const PADDING: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const TEXT_FRAGMENT: u8 = 3;
pub(super) const BINARY_FRAGMENT: u8 = 4;
pub(super) const LAST: u8 = 5;
pub(super) const END: u8 = 6;
pub(super) const CLOSE: u8 = 8;

pub(super) const OK: u8 = 0;
pub(super) const SUPERSEDED: u8 = 1;
pub(super) const STALE: u8 = 2;
pub(super) const RESEND: u8 = 3;
pub(super) const THROTTLED: u8 = 4;
pub(super) const CLOSED: u8 = 5;
pub(super) const GONE: u8 = 6;

/// A request.
pub(super) struct Ask<'a> {
    pub(super) stream: bool,
    pub(super) serial: u64,
    pub(super) ack: u64,
    pub(super) wait: u64,
    pub(super) budget: u64,
    pub(super) first: u64,
    pub(super) frames: &'a [Raw],
}

impl Ask<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut to = b"TP1".to_vec();
        to.push(u8::from(self.stream));
        to.extend(b"\x05token");
        for number in [self.serial, self.ack, self.wait, self.budget, self.first] {
            write_number(&mut to, number);
        }
        for (kind, payload) in self.frames {
            to.push(*kind);
            write_number(&mut to, payload.len() as u64);
            to.extend(payload);
        }
        to
    }
}

/// What a frame takes, header included.
pub(super) fn size((_, payload): &Raw) -> u64 {
    let mut length = Vec::new();
    write_number(&mut length, payload.len() as u64);
    (1 + length.len() + payload.len()) as u64
}

/// The head of a response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) status: u8,
    pub(super) serial: u64,
    pub(super) ack: u64,
    pub(super) credit: u64,
    pub(super) advice: u64,
    pub(super) first: u64,
}

/// A response, as far as it has come.
#[derive(Default)]
pub(super) struct Response {
    bytes: Vec<u8>,
    at: usize,
    head: Option<Head>,
}

impl Response {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    pub(super) fn head(&mut self) -> Option<Head> {
        if self.head.is_none() {
            let mut reader = Reader(self.bytes.get(self.at..)?);
            assert!(b"TP1".starts_with(&self.bytes[..self.bytes.len().min(3)]));
            reader.take(3)?;
            self.head = Some(Head {
                status: reader.take(1)?[0],
                serial: reader.number()?,
                ack: reader.number()?,
                credit: reader.number()?,
                advice: reader.number()?,
                first: reader.number()?,
            });
            self.at = self.bytes.len() - reader.0.len();
        }
        self.head
    }

    /// The next whole frame after the head.
    pub(super) fn frame(&mut self) -> Option<Raw> {
        let mut reader = Reader(self.bytes.get(self.at..)?);
        let kind = reader.take(1)?[0];
        let length = reader.number()? as usize;
        assert!(length <= 65_536, "a frame of {length} bytes");
        let payload = reader.take(length)?.to_vec();
        self.at = self.bytes.len() - reader.0.len();
        Some((kind, payload))
    }

    /// Whether nothing is left over.
    pub(super) fn is_read(&self) -> bool {
        self.head.is_some() && self.at == self.bytes.len()
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for place in 0.. {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                assert!(byte > 0 || place == 0, "not the shortest form");
                assert!(number < 1 << 53);
                break;
            }
        }
        Some(number)
    }
}

fn write_number(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}
