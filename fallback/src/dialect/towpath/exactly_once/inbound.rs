//! What the client gets: frames in order, and messages again.

use super::wire;
use crate::session::{Close, Kind, Message};

#[derive(Default)]
pub(super) struct Inbound {
    /// The number of the last frame that was accepted.
    pub(super) received: u64,
    partial: Option<(Kind, Vec<u8>)>,
    pub(super) messages: Vec<Message>,
    pub(super) close: Option<Close>,
    is_closed: bool,
}

impl Inbound {
    pub(super) fn accept(&mut self, number: u64, kind: u8, payload: &[u8]) {
        if number != self.received + 1 {
            // It is known, or there is a gap before it.
            return;
        }
        assert!(!self.is_closed, "frame {number} follows a close");
        self.received = number;
        match kind {
            wire::TEXT => self.message(Kind::Text, payload),
            wire::BINARY => self.message(Kind::Binary, payload),
            wire::TEXT_FRAGMENT => self.part(Kind::Text, payload),
            wire::BINARY_FRAGMENT => self.part(Kind::Binary, payload),
            wire::LAST => {
                let (kind, mut whole) = self.partial.take().unwrap();
                whole.extend(payload);
                self.message(kind, &whole);
            }
            wire::CLOSE => self.close(payload),
            _ => panic!("a frame of type {kind}"),
        }
    }

    fn message(&mut self, kind: Kind, payload: &[u8]) {
        assert!(self.partial.is_none(), "a message within another");
        let payload = payload.to_vec().into();
        self.messages.push(Message { kind, payload });
    }

    fn part(&mut self, kind: Kind, payload: &[u8]) {
        let (under_way, whole) = self.partial.get_or_insert_with(|| (kind, Vec::new()));
        assert_eq!(*under_way, kind);
        whole.extend(payload);
    }

    fn close(&mut self, payload: &[u8]) {
        let code = u16::from_be_bytes([payload[1], payload[2]]);
        self.is_closed = true;
        self.close = Some(Close {
            code: (code > 0).then_some(code),
            reason: String::from_utf8(payload[3..].to_vec()).unwrap(),
            abnormal: payload[0] == 1,
        });
    }
}
