//! WebSocket frames as bytes (RFC 6455 §5.2), for stories that must say exactly what goes over the wire.

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// The rest of a fragmented message.
    Continuation = 0,
    /// A text message, or its start.
    Text = 1,
    /// A binary message, or its start.
    Binary = 2,
    /// The end of the conversation.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The message ends with it.
    pub fin: bool,
    /// What it is.
    pub opcode: Opcode,
    /// Whether it was masked on the wire.
    pub masked: bool,
    /// Its payload, unmasked.
    pub payload: Vec<u8>,
}

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

impl Frame {
    /// A whole message or a control frame, unmasked: as a server sends it.
    pub fn new(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            fin: true,
            opcode,
            masked: false,
            payload: payload.into(),
        }
    }

    /// A text message.
    pub fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text)
    }

    /// A Close with a code and a reason.
    pub fn close(code: u16, reason: &str) -> Self {
        Self::new(
            Opcode::Close,
            [&code.to_be_bytes(), reason.as_bytes()].concat(),
        )
    }

    /// The same as a client sends it.
    pub fn masked(self) -> Self {
        Self {
            masked: true,
            ..self
        }
    }

    /// The same as a fragment that others follow.
    pub fn unfinished(self) -> Self {
        Self { fin: false, ..self }
    }

    /// A Close's code and reason.
    pub fn closing(&self) -> (u16, String) {
        assert_eq!(self.opcode, Opcode::Close, "not a Close: {self:?}");
        let (code, reason) = self
            .payload
            .split_first_chunk()
            .expect("a Close with a code");
        (
            u16::from_be_bytes(*code),
            String::from_utf8(reason.to_vec()).unwrap(),
        )
    }

    /// The frame on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let length = self.payload.len();
        let mut bytes = vec![u8::from(self.fin) << 7 | self.opcode as u8];
        let mask_bit = u8::from(self.masked) << 7;
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) if short < 126 => bytes.push(mask_bit | short),
            (_, Ok(medium)) => {
                bytes.push(mask_bit | 126);
                bytes.extend(medium.to_be_bytes());
            }
            _ => {
                bytes.push(mask_bit | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        if self.masked {
            bytes.extend(MASK);
            bytes.extend(unmask(&self.payload, MASK));
        } else {
            bytes.extend(&self.payload);
        }
        bytes
    }

    /// The first frame of `bytes` and its length there, once it is whole.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let [first, second, rest @ ..] = bytes else {
            return None;
        };
        let (length, rest) = match second & 0x7f {
            126 => rest
                .split_first_chunk()
                .map(|(l, r)| (usize::from(u16::from_be_bytes(*l)), r))?,
            127 => rest
                .split_first_chunk()
                .map(|(l, r)| (u64::from_be_bytes(*l) as usize, r))?,
            short => (usize::from(short), rest),
        };
        let masked = second & 0x80 != 0;
        let (mask, rest) = if masked {
            rest.split_first_chunk()?
        } else {
            (&[0; 4], rest)
        };
        let payload = unmask(rest.get(..length)?, *mask);
        let frame = Self {
            fin: first & 0x80 != 0,
            opcode: opcode(first & 0x0f),
            masked,
            payload,
        };
        Some((frame, bytes.len() - rest.len() + length))
    }
}

fn unmask(payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect()
}

fn opcode(bits: u8) -> Opcode {
    match bits {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => panic!("no frame has opcode {other}"),
    }
}
