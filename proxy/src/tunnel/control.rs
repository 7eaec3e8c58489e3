//! Control frames of our own: Close and Ping, masked toward the backend (RFC 6455 §5.3), plain toward the client.

use super::frame::{MAX_CONTROL, MAX_CONTROL_PAYLOAD, Opcode, Side};

/// An encoded control frame; no allocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ControlFrame {
    bytes: [u8; MAX_CONTROL],
    len: u8,
}

/// The payload of our pings: random for each tunnel, so that no other ping's pong is taken for ours.
pub(crate) type PingPayload = [u8; 8];

impl ControlFrame {
    /// A Close with a code and a reason, which is cut to what fits.
    pub(crate) fn close(toward: Side, code: u16, reason: &str) -> Self {
        let mut payload = [0; MAX_CONTROL_PAYLOAD];
        let [high, low] = code.to_be_bytes();
        let text = reason.as_bytes();
        let source = [high, low].into_iter().chain(text.iter().copied());
        let mut len = 0;
        for (to, from) in payload.iter_mut().zip(source) {
            *to = from;
            len += 1;
        }
        Self::new(
            toward,
            Opcode::Close,
            payload.get(..len).unwrap_or_default(),
        )
    }

    /// A Ping.
    pub(crate) fn ping(toward: Side, payload: &PingPayload) -> Self {
        Self::new(toward, Opcode::Ping, payload)
    }

    /// The frame as it goes over the wire.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn new(toward: Side, opcode: Opcode, payload: &[u8]) -> Self {
        let mut frame = Self {
            bytes: [0; MAX_CONTROL],
            len: 0,
        };
        frame.push(0x80 | opcode.bits());
        let len = payload.len() as u8;
        match toward {
            Side::Client => {
                frame.push(len);
                payload.iter().for_each(|byte| frame.push(*byte));
            }
            Side::Backend => {
                let mask: [u8; 4] = random_bytes();
                frame.push(0x80 | len);
                mask.iter().for_each(|byte| frame.push(*byte));
                payload
                    .iter()
                    .zip(mask.iter().cycle())
                    .for_each(|(byte, key)| frame.push(byte ^ key));
            }
        }
        frame
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(usize::from(self.len)) {
            *place = byte;
            self.len += 1;
        }
    }
}

/// Bytes from the system's generator. It fails only where there is no such system; a mask of zeros is
/// then still a correct frame.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::frame::Header;
    use super::*;

    #[test]
    fn a_close_toward_the_client_is_plain() {
        let frame = ControlFrame::close(Side::Client, 1001, "bye");
        assert_eq!(frame.as_bytes(), [0x88, 5, 0x03, 0xE9, b'b', b'y', b'e']);
    }

    #[test]
    fn a_ping_toward_the_backend_is_masked() {
        let frame = ControlFrame::ping(Side::Backend, b"12345678");
        let header = Header::parse(frame.as_bytes()).unwrap().unwrap();
        assert_eq!(
            (header.opcode, header.payload, header.len),
            (Opcode::Ping, 8, 6)
        );
        let masked = frame.as_bytes().iter().skip(6);
        let payload: Vec<u8> = masked
            .zip(header.mask.unwrap().iter().cycle())
            .map(|(b, k)| b ^ k)
            .collect();
        assert_eq!(payload, b"12345678");
    }

    #[test]
    fn a_long_reason_is_cut() {
        let frame = ControlFrame::close(Side::Client, 1000, &"x".repeat(300));
        assert_eq!(
            Header::parse(frame.as_bytes()).unwrap().unwrap().payload,
            125
        );
    }
}
