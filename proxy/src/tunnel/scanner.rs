//! Watches the frames of one direction as they pass, without buffering or changing them: where they begin and end,
//! how many messages they make, how they end. A few dozen bytes of state; a payload costs the same whatever its size.

use super::control::PingPayload;
use super::frame::{Fault, Header, MAX_CONTROL, Opcode, Side};
use super::handshake::Extensions;

/// RSV1, which permessage-deflate sets on the first frame of a compressed message (RFC 7692 §6).
const RSV1: u8 = 0x40;

/// What the scanner says of the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// So many bytes may pass as they are.
    pub(crate) pass: usize,
    /// What comes after them.
    pub(crate) then: Then,
}

/// What comes after the bytes that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing, or the beginning of a header or control frame that must be kept until more has come.
    More,
    /// The answer to one of our pings, so many bytes; it is not for the other side.
    OurPong(usize),
    /// A Close frame of so many bytes, with its code (1005: none).
    Close { len: usize, code: u16 },
    /// The boundary between two frames that was asked for.
    Boundary,
    /// A frame that makes its message longer than the limit; not a byte of it has passed.
    TooBig,
    /// Something that is no frame; not a byte of it has passed.
    Fault(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between two frames.
    Boundary,
    /// Within a payload of which so much is left; `last`: a data message ends with it.
    Payload { left: u64, last: bool },
    /// No longer watching: after a Close, or after a fault that is relayed.
    Off,
}

/// The watch over one direction.
#[derive(Debug)]
pub(crate) struct Scanner {
    from: Side,
    extensions: Extensions,
    max_message: u64,
    state: State,
    /// Payload bytes so far of a message whose end has not come.
    unfinished: Option<u64>,
    messages: u64,
}

impl Scanner {
    /// Watches what `from` sends. `max_message`: payload bytes on the wire; `None` for no limit.
    pub(crate) fn new(from: Side, extensions: Extensions, max_message: Option<u64>) -> Self {
        Self {
            from,
            extensions,
            max_message: max_message.unwrap_or(u64::MAX),
            state: State::Boundary,
            unfinished: None,
            messages: 0,
        }
    }

    /// Whether what has passed ends with a whole frame, so that another frame may be put behind it.
    pub(crate) fn is_at_boundary(&self) -> bool {
        self.state == State::Boundary
    }

    /// Whether frames are still being watched.
    pub(crate) fn is_on(&self) -> bool {
        self.state != State::Off
    }

    /// Stops watching; everything passes from here on.
    pub(crate) fn turn_off(&mut self) {
        self.state = State::Off;
    }

    /// Lets messages of any size be scanned, once their sender has been told that one was too big.
    pub(crate) fn lift_limit(&mut self) {
        self.max_message = u64::MAX;
    }

    /// Complete data messages so far.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Looks at the front of `buf`. What is not passed, dropped or answered for must be there again,
    /// at the front, at the next call. With `stop`, no frame is begun.
    pub(crate) fn scan(&mut self, buf: &[u8], ours: Option<&PingPayload>, stop: bool) -> Scan {
        let mut pass = 0;
        loop {
            let rest = buf.get(pass..).unwrap_or_default();
            match self.state {
                State::Off => {
                    return Scan {
                        pass: buf.len(),
                        then: Then::More,
                    };
                }
                State::Payload { left, last } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    pass += here;
                    let left = left - here as u64;
                    if left > 0 {
                        self.state = State::Payload { left, last };
                        return Scan {
                            pass,
                            then: Then::More,
                        };
                    }
                    self.state = State::Boundary;
                    self.messages += u64::from(last);
                }
                State::Boundary if stop => {
                    return Scan {
                        pass,
                        then: Then::Boundary,
                    };
                }
                State::Boundary => match self.begin(rest, ours) {
                    Begin::Pass(header) => pass += header,
                    Begin::Stop(then) => return Scan { pass, then },
                },
            }
        }
    }

    /// Looks at the beginning of a frame.
    fn begin(&mut self, buf: &[u8], ours: Option<&PingPayload>) -> Begin {
        let header = match Header::parse(buf) {
            Ok(Some(header)) => header,
            Ok(None) => return Begin::Stop(Then::More),
            Err(fault) => return Begin::Stop(Then::Fault(fault)),
        };
        if let Err(fault) = self.check(&header) {
            return Begin::Stop(Then::Fault(fault));
        }
        match header.opcode {
            Opcode::Close => self.close(&header, buf),
            Opcode::Pong if ours.is_some_and(|ours| header.payload == ours.len() as u64) => {
                match control_payload(&header, buf) {
                    None => Begin::Stop(Then::More),
                    Some((payload, len)) if ours.is_some_and(|ours| payload.starts_with(ours)) => {
                        Begin::Stop(Then::OurPong(len))
                    }
                    Some(_) => self.enter(&header),
                }
            }
            opcode if opcode.is_control() => self.enter(&header),
            _ => self.data(&header),
        }
    }

    fn enter(&mut self, header: &Header) -> Begin {
        self.state = State::Payload {
            left: header.payload,
            last: header.fin && !header.opcode.is_control(),
        };
        Begin::Pass(header.len)
    }

    fn data(&mut self, header: &Header) -> Begin {
        let size = self.unfinished.unwrap_or(0).saturating_add(header.payload);
        if size > self.max_message {
            return Begin::Stop(Then::TooBig);
        }
        self.unfinished = (!header.fin).then_some(size);
        self.enter(header)
    }

    /// RFC 6455 §5.5.1 and §7.4.
    fn close(&mut self, header: &Header, buf: &[u8]) -> Begin {
        let Some((payload, len)) = control_payload(header, buf) else {
            return Begin::Stop(Then::More);
        };
        let code = match (header.payload, payload.first_chunk::<2>()) {
            (0, _) => 1005,
            (1, _) | (_, None) => return Begin::Stop(Then::Fault(Fault::CloseCode)),
            (_, Some(code)) => u16::from_be_bytes(*code),
        };
        let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        if !valid && header.payload > 0 {
            return Begin::Stop(Then::Fault(Fault::CloseCode));
        }
        Begin::Stop(Then::Close { len, code })
    }

    fn check(&self, header: &Header) -> Result<(), Fault> {
        let first = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        let deflate = if self.extensions.permessage_deflate && first {
            RSV1
        } else {
            0
        };
        if !self.extensions.other && header.reserved & !deflate != 0 {
            return Err(Fault::ReservedBits);
        }
        if header.mask.is_some() != (self.from == Side::Client) {
            return Err(Fault::Mask);
        }
        let within = self.unfinished.is_some();
        match header.opcode {
            Opcode::Continuation if !within => Err(Fault::Continuation),
            Opcode::Text | Opcode::Binary if within => Err(Fault::Continuation),
            _ => Ok(()),
        }
    }
}

enum Begin {
    /// The header passes: so many bytes.
    Pass(usize),
    Stop(Then),
}

/// The unmasked payload of a control frame, zero-filled, and the frame's length; `None` while it is not all there.
fn control_payload(header: &Header, buf: &[u8]) -> Option<([u8; MAX_CONTROL], usize)> {
    let end = header.len + usize::try_from(header.payload).ok()?;
    let wire = buf.get(header.len..end)?;
    let mask = header.mask.unwrap_or_default();
    let mut payload = [0; MAX_CONTROL];
    for ((to, from), key) in payload.iter_mut().zip(wire).zip(mask.iter().cycle()) {
        *to = from ^ key;
    }
    Some((payload, end))
}

#[cfg(test)]
mod tests;
