//! What we say becomes frames (RFC 6455 §5), without sockets: a message is one frame, of which only a piece is ready at
//! a time, masked where we are the client.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Role;
use super::mask::mask;
use crate::session::{Close, Kind, Message};

/// What is ready at a time, about, in bytes.
const PIECE: usize = 16 << 10;

/// Random bytes that are fetched at once: the keys of 16 frames.
const RANDOM: usize = 64;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Takes messages in and gives bytes out.
#[derive(Debug)]
pub(super) struct Writer {
    role: Role,
    /// What is to be written; without memory while it is empty.
    ready: BytesMut,
    /// The frame that is under way.
    frame: Option<Frame>,
    /// The answer to the last ping (RFC 6455 §5.5.3: the others need none).
    pong: Option<Bytes>,
    ping: bool,
    close: Option<Bytes>,
    /// A Close is said, or will be, and nothing follows it.
    closed: bool,
    keys: Keys,
}

#[derive(Debug)]
struct Frame {
    opcode: u8,
    state: State,
    rest: Bytes,
}

/// How far a frame is.
#[derive(Clone, Copy, Debug)]
enum State {
    New,
    /// Its header is written.
    Begun {
        /// What masks the rest, if anything does.
        key: Option<[u8; 4]>,
    },
}

/// Masking keys that nobody can foresee (RFC 6455 §10.3).
#[derive(Debug)]
struct Keys {
    random: [u8; RANDOM],
    used: usize,
}

impl Writer {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            ready: BytesMut::new(),
            frame: None,
            pong: None,
            ping: false,
            close: None,
            closed: false,
            keys: Keys::default(),
        }
    }

    /// Takes a message, when it is not full.
    pub(super) fn message(&mut self, message: Message) {
        if self.closed {
            return;
        }
        let opcode = match message.kind {
            Kind::Text => TEXT,
            Kind::Binary => BINARY,
        };
        self.frame = Some(Frame::new(opcode, message.payload));
    }

    /// Takes the answer to a ping.
    pub(super) fn pong(&mut self, payload: Bytes) {
        if !self.closed {
            self.pong = Some(payload);
        }
    }

    /// Takes a ping.
    pub(super) fn ping(&mut self) {
        self.ping = !self.closed;
    }

    /// Takes the end; the first one counts.
    pub(super) fn close(&mut self, close: &Close) {
        if self.closed {
            return;
        }
        self.closed = true;
        let mut payload = BytesMut::new();
        if let Some(code) = close.code {
            payload.put_u16(code);
            payload.put_slice(close.reason.as_bytes());
        }
        self.close = Some(payload.freeze());
    }

    /// Makes more bytes ready, up to where it is full. `true`: there are more than that.
    pub(super) fn fill(&mut self) -> Result<bool, getrandom::Error> {
        while self.ready.len() < PIECE {
            if self.frame.is_none() {
                self.frame = self.next();
            }
            let Some(frame) = &mut self.frame else {
                return Ok(false);
            };
            let keys = Some(&mut self.keys).filter(|_| self.role == Role::Client);
            frame.write(&mut self.ready, keys)?;
            self.frame.take_if(|frame| frame.rest.is_empty());
        }
        Ok(self.frame.is_some() || self.has_control())
    }

    /// Whether it takes no message now.
    pub(super) fn is_full(&self) -> bool {
        self.frame.is_some() || self.ready.len() >= PIECE
    }

    /// The bytes that are ready.
    pub(super) fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// So many of them are written.
    pub(super) fn wrote(&mut self, count: usize) {
        self.ready.advance(count.min(self.ready.len()));
        if self.ready.is_empty() {
            self.ready = BytesMut::new();
        }
    }

    /// The memory that it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let frame = self.frame.as_ref();
        self.ready.len() + frame.map_or(0, |frame| frame.rest.len())
    }

    fn has_control(&self) -> bool {
        self.pong.is_some() || self.ping || self.close.is_some()
    }

    /// A control frame that waits for its turn. A Close comes last: nothing may follow it.
    fn next(&mut self) -> Option<Frame> {
        if let Some(payload) = self.pong.take() {
            return Some(Frame::new(PONG, payload));
        }
        if std::mem::take(&mut self.ping) {
            return Some(Frame::new(PING, Bytes::new()));
        }
        Some(Frame::new(CLOSE, self.close.take()?))
    }
}

impl Frame {
    fn new(opcode: u8, rest: Bytes) -> Self {
        Self {
            opcode,
            state: State::New,
            rest,
        }
    }

    /// Writes its header, if that is not out yet, and the next piece of its payload.
    fn write(
        &mut self,
        to: &mut BytesMut,
        keys: Option<&mut Keys>,
    ) -> Result<(), getrandom::Error> {
        let mut key = match self.state {
            State::Begun { key } => key,
            State::New => {
                let key = keys.map(Keys::next).transpose()?;
                write_header(to, self.opcode, self.rest.len(), key);
                key
            }
        };
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        let begin = to.len();
        to.put_slice(&piece);
        if let Some(key) = &mut key {
            mask(to.get_mut(begin..).unwrap_or_default(), *key);
            key.rotate_left(piece.len() % 4);
        }
        self.state = State::Begun { key };
        Ok(())
    }
}

/// RFC 6455 §5.2, for a whole message.
fn write_header(to: &mut BytesMut, opcode: u8, length: usize, key: Option<[u8; 4]>) {
    let masked = if key.is_some() { 0x80 } else { 0 };
    to.put_u8(0x80 | opcode);
    match length {
        0..126 => to.put_u8(masked | length as u8),
        126..65_536 => {
            to.put_u8(masked | 126);
            to.put_u16(length as u16);
        }
        _ => {
            to.put_u8(masked | 127);
            to.put_u64(length as u64);
        }
    }
    to.put_slice(key.as_ref().map_or(&[], |key| key));
}

impl Default for Keys {
    /// None is fetched yet.
    fn default() -> Self {
        Self {
            random: [0; RANDOM],
            used: RANDOM,
        }
    }
}

impl Keys {
    fn next(&mut self) -> Result<[u8; 4], getrandom::Error> {
        if self.used >= RANDOM {
            getrandom::fill(&mut self.random)?;
            self.used = 0;
        }
        let key = self.random.get(self.used..).and_then(<[u8]>::first_chunk);
        self.used += 4;
        Ok(key.copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    /// All that is to be written, taken in steps of this size; masks are taken off.
    fn written(writer: &mut Writer, step: usize) -> Vec<(u8, Vec<u8>)> {
        let mut bytes = Vec::new();
        loop {
            let more = writer.fill().unwrap();
            assert!(writer.ready().len() <= 2 * PIECE + 14);
            while !writer.ready().is_empty() {
                let count = step.min(writer.ready().len());
                bytes.extend_from_slice(&writer.ready()[..count]);
                writer.wrote(count);
            }
            if !more {
                assert_eq!((writer.bytes(), writer.ready.capacity()), (0, 0));
                return frames(&bytes);
            }
        }
    }

    fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let (first, second) = (bytes.get_u8(), bytes.get_u8());
            let length = match second & 0x7f {
                126 => usize::from(bytes.get_u16()),
                127 => bytes.get_u64() as usize,
                length => usize::from(length),
            };
            assert_eq!(second & 0x80, 0x80, "it is masked");
            let key = bytes.get_u32().to_be_bytes();
            let (masked, rest) = bytes.split_at(length);
            let payload = masked.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b);
            frames.push((first, payload.collect()));
            bytes = rest;
        }
        frames
    }

    #[test]
    fn a_message_is_one_frame_whatever_its_length() {
        for length in [0, 1, 7, 8, 125, 126, 65_535, 65_536, 100_003] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            for step in [777, usize::MAX] {
                let mut writer = Writer::new(Role::Client);
                writer.message(Message::binary(payload.clone()));
                assert!(
                    written(&mut writer, step) == [(0x82, payload.clone())],
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn nothing_comes_within_a_message_or_after_a_close() {
        let mut writer = Writer::new(Role::Client);
        let long = vec![b'x'; 40_000];
        writer.message(Message::text(long.clone()));
        writer.fill().unwrap();
        writer.pong("first".into());
        writer.pong("last".into());
        writer.close(&Close::new(4000, "bye"));
        writer.close(&Close::default());
        writer.pong("late".into());
        let expected = [
            (0x81, long),
            (0x8a, b"last".to_vec()),
            (0x88, b"\x0f\xa0bye".to_vec()),
        ];
        assert!(written(&mut writer, 4096) == expected);
        writer.message(Message::text("late"));
        assert!(written(&mut writer, 4096).is_empty());
    }

    #[test]
    fn a_server_masks_nothing() {
        let mut writer = Writer::new(Role::Server);
        writer.message(Message::text("hi"));
        writer.ping();
        writer.close(&Close::new(1000, ""));
        writer.fill().unwrap();
        writer.fill().unwrap();
        assert_eq!(writer.ready(), b"\x81\x02hi\x89\x00\x88\x02\x03\xe8");
    }

    #[test]
    fn no_two_frames_have_the_same_key() {
        let mut keys = Keys::default();
        let keys: std::collections::HashSet<_> = (0..64).map(|_| keys.next().unwrap()).collect();
        assert!(keys.len() > 60);
    }
}
