//! The frames that clients get, before a transport wraps them.

use bytes::{BufMut, Bytes, BytesMut};

use super::escape::json_string;
use crate::session::{Close, Message};

/// The session is open.
pub(super) const OPEN: &[u8] = b"o";

/// The session is alive.
pub(super) const HEARTBEAT: &[u8] = b"h";

/// What a client is told whose session is gone without a close.
pub(super) fn interrupted() -> Close {
    Close::new(1002, "Connection interrupted")
}

/// What a client is told that asks while it is being answered.
pub(super) fn still_open() -> Close {
    Close::new(2010, "Another connection still open")
}

/// Messages.
#[must_use]
pub fn array(messages: &[Message]) -> Bytes {
    let size: usize = messages.iter().map(|m| m.payload.len() + 3).sum();
    let mut to = BytesMut::with_capacity(size + 8);
    to.put_slice(b"a[");
    for (index, message) in messages.iter().enumerate() {
        if index > 0 {
            to.put_u8(b',');
        }
        json_string(&mut to, &message.payload);
    }
    to.put_u8(b']');
    to.freeze()
}

/// The end. A backend's Close without a code has this one, as sockjs-client has no word for none.
pub(super) fn close(close: &Close) -> Bytes {
    let (code, reason) = match close.code {
        Some(code) => (code, close.reason.as_str()),
        None => (1000, "Normal closure"),
    };
    let mut to = BytesMut::with_capacity(reason.len() + 16);
    to.put_slice(format!("c[{code},").as_bytes());
    json_string(&mut to, reason.as_bytes());
    to.put_u8(b']');
    to.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_the_protocol_writes_them() {
        let messages = [Message::text("x"), Message::text("\"\u{2028}")];
        assert_eq!(array(&messages), &br#"a["x","\"\u2028"]"#[..]);
        for (closed, expected) in [
            (Close::new(3000, "Go away!"), r#"c[3000,"Go away!"]"#),
            (Close::new(1000, ""), r#"c[1000,""]"#),
            (Close::default(), r#"c[1000,"Normal closure"]"#),
            (still_open(), r#"c[2010,"Another connection still open"]"#),
            (interrupted(), r#"c[1002,"Connection interrupted"]"#),
        ] {
            assert_eq!(close(&closed), expected.as_bytes());
        }
    }
}
