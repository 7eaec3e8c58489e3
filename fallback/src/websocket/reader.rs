//! The other end's bytes become messages (RFC 6455 §5), without sockets. What is not as the RFC says ends it.

use bytes::{Buf, Bytes, BytesMut};

use super::Role;
use super::mask::mask;
use crate::session::{Close, Fault, Kind, Message};

/// A frame's longest header, in bytes.
const HEADER: usize = 14;

/// The longest payload of a control frame (RFC 6455 §5.5), in bytes.
const CONTROL: u64 = 125;

/// Takes bytes in and gives messages out.
#[derive(Debug)]
pub(super) struct Reader {
    role: Role,
    /// What was read and not understood yet; without memory while it is empty.
    buffer: BytesMut,
    header: Option<Header>,
    partial: Option<Partial>,
    max_message: usize,
    /// Whatever comes after a Close, or after a fault, is of no meaning.
    closed: bool,
}

/// What the other end says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Message(Message),
    Ping(Bytes),
    Pong,
    Close(Close),
    Fault(Fault),
    Broken,
}

/// A frame's header.
#[derive(Clone, Copy, Debug)]
struct Header {
    last: bool,
    opcode: Opcode,
    length: usize,
    key: Option<[u8; 4]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opcode {
    Continuation,
    Begin(Kind),
    Close,
    Ping,
    Pong,
}

/// A message whose last frame is missing.
#[derive(Debug)]
struct Partial {
    kind: Kind,
    payload: BytesMut,
}

/// Why there is no message.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Protocol,
    Message(Fault),
}

impl Reader {
    /// For messages up to `max_message` bytes.
    pub(super) fn new(role: Role, max_message: usize) -> Self {
        Self {
            role,
            buffer: BytesMut::new(),
            header: None,
            partial: None,
            max_message,
            closed: false,
        }
    }

    /// How many bytes may be read now; a long payload gets memory of its own, to the byte.
    pub(super) fn wants(&self) -> usize {
        match &self.header {
            Some(header) => header.length.saturating_sub(self.buffer.len()),
            None => usize::MAX,
        }
    }

    /// Takes what was read.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if !self.closed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// What the bytes so far say next.
    pub(super) fn next(&mut self) -> Option<Item> {
        loop {
            if self.closed {
                return None;
            }
            let item = self.frame();
            if self.buffer.is_empty() && self.header.is_none() {
                self.buffer = BytesMut::new();
            }
            let item = match item {
                Ok(None) => return None,
                Ok(Some(Some(item))) => item,
                // A fragment.
                Ok(Some(None)) => continue,
                Err(Failure::Protocol) => Item::Broken,
                Err(Failure::Message(fault)) => Item::Fault(fault),
            };
            if matches!(item, Item::Close(_) | Item::Broken | Item::Fault(_)) {
                self.close();
            }
            return Some(item);
        }
    }

    /// The memory that unfinished messages take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let partial = self.partial.as_ref();
        self.buffer.len() + partial.map_or(0, |partial| partial.payload.len())
    }

    fn close(&mut self) {
        self.closed = true;
        self.buffer = BytesMut::new();
        self.header = None;
        self.partial = None;
    }

    /// What the next frame says, once it is whole: nothing, if it is a fragment.
    fn frame(&mut self) -> Result<Option<Option<Item>>, Failure> {
        let header = match self.header {
            Some(header) => header,
            None => {
                let Some(header) = self.header()? else {
                    return Ok(None);
                };
                self.make_room(header);
                header
            }
        };
        if self.buffer.len() < header.length {
            return Ok(None);
        }
        self.header = None;
        let mut payload = self.buffer.split_to(header.length);
        if let Some(key) = header.key {
            mask(&mut payload, key);
        }
        let payload = payload.freeze();
        Ok(Some(match header.opcode {
            Opcode::Ping => Some(Item::Ping(payload)),
            Opcode::Pong => Some(Item::Pong),
            Opcode::Close => Some(Item::Close(close(payload)?)),
            Opcode::Begin(_) | Opcode::Continuation => {
                self.data(header, payload)?.map(Item::Message)
            }
        }))
    }

    /// Reads a header, if there is one, and checks whether it may stand here.
    fn header(&mut self) -> Result<Option<Header>, Failure> {
        let mut bytes = self.buffer.get(..HEADER).unwrap_or(&self.buffer);
        let Some(header) = header(&mut bytes, self.role)? else {
            return Ok(None);
        };
        let size = self.buffer.len().min(HEADER) - bytes.len();
        let partial = self.partial.as_ref().map(|partial| partial.payload.len());
        let before = match (header.opcode, partial) {
            (Opcode::Begin(_), None) => 0,
            (Opcode::Continuation, Some(before)) => before,
            (Opcode::Begin(_), Some(_)) | (Opcode::Continuation, None) => {
                return Err(Failure::Protocol);
            }
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => 0,
        };
        if header.length > self.max_message.saturating_sub(before) && !header.opcode.is_control() {
            return Err(Failure::Message(Fault::TooBig));
        }
        self.buffer.advance(size);
        self.header = Some(header);
        Ok(Some(header))
    }

    /// A payload of which some is missing is put together in memory that is as long as itself.
    fn make_room(&mut self, header: Header) {
        if self.buffer.len() < header.length {
            let mut buffer = BytesMut::with_capacity(header.length);
            buffer.extend_from_slice(&self.buffer);
            self.buffer = buffer;
        }
    }

    fn data(&mut self, header: Header, payload: Bytes) -> Result<Option<Message>, Failure> {
        let whole = match (header.opcode, header.last, self.partial.take()) {
            (Opcode::Begin(kind), true, _) => Message { kind, payload },
            (Opcode::Begin(kind), false, _) => {
                let payload = BytesMut::from(payload);
                self.partial = Some(Partial { kind, payload });
                return Ok(None);
            }
            (_, last, Some(mut partial)) => {
                partial.payload.extend_from_slice(&payload);
                if !last {
                    self.partial = Some(partial);
                    return Ok(None);
                }
                Message {
                    kind: partial.kind,
                    payload: partial.payload.freeze(),
                }
            }
            (_, _, None) => return Err(Failure::Protocol),
        };
        if whole.kind == Kind::Text && std::str::from_utf8(&whole.payload).is_err() {
            return Err(Failure::Message(Fault::NotUtf8));
        }
        Ok(Some(whole))
    }
}

impl Opcode {
    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// RFC 6455 §5.2; `None`: it is not whole.
fn header(bytes: &mut &[u8], role: Role) -> Result<Option<Header>, Failure> {
    let (Ok(first), Ok(second)) = (bytes.try_get_u8(), bytes.try_get_u8()) else {
        return Ok(None);
    };
    let opcode = match first & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Begin(Kind::Text),
        2 => Opcode::Begin(Kind::Binary),
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(Failure::Protocol),
    };
    let last = first & 0x80 != 0;
    let masked = second & 0x80 != 0;
    // Reserved bits belong to extensions, of which there are none; clients mask and servers do not (§5.1).
    if first & 0x70 != 0 || masked != (role == Role::Server) {
        return Err(Failure::Protocol);
    }
    let (length, least) = match second & 0x7f {
        126 => (bytes.try_get_u16().map(u64::from), 126),
        127 => (bytes.try_get_u64(), 1 << 16),
        length => (Ok(u64::from(length)), 0),
    };
    let Ok(length) = length else {
        return Ok(None);
    };
    if length < least || length > i64::MAX as u64 {
        return Err(Failure::Protocol);
    }
    if opcode.is_control() && (length > CONTROL || !last) {
        return Err(Failure::Protocol);
    }
    let length = usize::try_from(length).map_err(|_| Failure::Message(Fault::TooBig))?;
    let mut key = [0; 4];
    if masked && bytes.try_copy_to_slice(&mut key).is_err() {
        return Ok(None);
    }
    Ok(Some(Header {
        last,
        opcode,
        length,
        key: masked.then_some(key),
    }))
}

/// RFC 6455 §5.5.1 and §7.4.
fn close(mut payload: Bytes) -> Result<Close, Failure> {
    if payload.is_empty() {
        return Ok(Close::default());
    }
    let code = payload.try_get_u16().map_err(|_| Failure::Protocol)?;
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Failure::Protocol);
    }
    match std::str::from_utf8(&payload) {
        Ok(reason) => Ok(Close::new(code, reason)),
        Err(_) => Err(Failure::Message(Fault::NotUtf8)),
    }
}

#[cfg(test)]
mod tests;
