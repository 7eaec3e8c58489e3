//! A packet: what one WebSocket message carries, and of which several make a payload.

use super::Revision;
use crate::session::{Kind, Message};

/// What a binary packet begins with where only text can stand.
pub(super) const BASE64: u8 = b'b';

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The protocol's table says what they mean.
pub enum Id {
    Open,
    Close,
    Ping,
    Pong,
    Message,
    Upgrade,
    Noop,
}

impl Id {
    /// The id of a packet as it travels in a WebSocket message; `None` if that is no packet.
    #[must_use]
    pub fn of(revision: Revision, packet: &Message) -> Option<Self> {
        let first = packet.payload.first().copied();
        match (packet.kind, revision) {
            (Kind::Text, _) => Self::from_text(first?),
            (Kind::Binary, Revision::V3) => Self::from_binary(first?),
            (Kind::Binary, Revision::V4) => Some(Self::Message),
        }
    }

    /// The id that a text packet begins with.
    pub(super) fn from_text(first: u8) -> Option<Self> {
        Self::from_binary(first.checked_sub(b'0')?)
    }

    /// The id that a binary packet of revision 3 begins with.
    pub(super) fn from_binary(first: u8) -> Option<Self> {
        Some(match first {
            0 => Self::Open,
            1 => Self::Close,
            2 => Self::Ping,
            3 => Self::Pong,
            4 => Self::Message,
            5 => Self::Upgrade,
            6 => Self::Noop,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_says_what_it_is_for() {
        let (v3, v4) = (Revision::V3, Revision::V4);
        for (revision, packet, id) in [
            (v4, Message::text("0{}"), Some(Id::Open)),
            (v4, Message::text("1"), Some(Id::Close)),
            (v4, Message::text("2probe"), Some(Id::Ping)),
            (v3, Message::text("3probe"), Some(Id::Pong)),
            (v3, Message::text("4€"), Some(Id::Message)),
            (v3, Message::text("5"), Some(Id::Upgrade)),
            (v3, Message::text("6"), Some(Id::Noop)),
            (v3, Message::text("7"), None),
            (v3, Message::text("/"), None),
            (v4, Message::text("\u{4}"), None),
            (v4, Message::text(""), None),
            (v4, Message::binary("\u{7}"), Some(Id::Message)),
            (v4, Message::binary(""), Some(Id::Message)),
            (v3, Message::binary("\u{4}\u{7}"), Some(Id::Message)),
            (v3, Message::binary("\u{2}"), Some(Id::Ping)),
            (v3, Message::binary("\u{7}"), None),
            (v3, Message::binary("4"), None),
            (v3, Message::binary(""), None),
        ] {
            assert_eq!(Id::of(revision, &packet), id, "{revision:?} {packet:?}");
        }
    }
}
