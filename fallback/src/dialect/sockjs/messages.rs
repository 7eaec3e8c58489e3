//! What clients send: JSON arrays of messages, read one at a time where they lie.

use bytes::Bytes;
use serde::de::{Deserializer as _, IgnoredAny};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::session::Message;

/// Why a client's content is no messages; the text is the protocol's.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// There is no array.
    #[error("Payload expected.")]
    NoPayload,
    /// It is no JSON.
    #[error("Broken JSON encoding.")]
    NoJson,
}

/// The messages of one request, checked.
#[derive(Clone, Debug)]
pub struct Messages {
    content: Bytes,
    /// Where the next one begins, or the array's end.
    at: usize,
}

impl Messages {
    /// The elements of a JSON array.
    ///
    /// # Errors
    /// The content is something else.
    pub fn of_array(content: Bytes) -> Result<Self, Malformed> {
        if content.is_empty() {
            return Err(Malformed::NoPayload);
        }
        serde_json::from_slice::<IgnoredAny>(&content).map_err(|_| Malformed::NoJson)?;
        // JSON is UTF-8 (RFC 8259 §8.1), and what is ignored is not looked at.
        std::str::from_utf8(&content).map_err(|_| Malformed::NoJson)?;
        let at = content.iter().position(|byte| !is_space(*byte));
        match at.and_then(|at| Some((at, *content.get(at)?))) {
            Some((at, b'[')) => Ok(Self {
                content,
                at: at + 1,
            }),
            _ => Err(Malformed::NoPayload),
        }
    }

    /// The elements of a JSON array, or another value as the only one: what a WebSocket brings.
    ///
    /// # Errors
    /// It is no JSON.
    pub fn of_frame(content: Bytes) -> Result<Self, Malformed> {
        if content.is_empty() {
            return Ok(Self { content, at: 0 });
        }
        match Self::of_array(content.clone()) {
            Err(Malformed::NoPayload) => Ok(Self { content, at: 0 }),
            messages => messages,
        }
    }

    /// The memory that they take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.content.len()
    }

    fn skip(&mut self, mut skipped: impl FnMut(u8) -> bool) {
        while self.content.get(self.at).is_some_and(|byte| skipped(*byte)) {
            self.at += 1;
        }
    }

    /// A message with the text of the JSON value `raw`.
    fn message(&self, raw: &str) -> Message {
        let Some(inner) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) else {
            return Message::text(Bytes::copy_from_slice(raw.as_bytes()));
        };
        if inner.contains('\\') {
            return Message::text(unescape(raw));
        }
        // A short message must not keep long content in memory.
        let mut payload = self.content.slice_ref(inner.as_bytes());
        if payload.len() < self.content.len() / 2 {
            payload = Bytes::copy_from_slice(&payload);
        }
        Message::text(payload)
    }
}

impl Iterator for Messages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.skip(|byte| is_space(byte) || byte == b',');
        let rest = self.content.get(self.at..)?;
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
        let Some(Ok(raw)) = values.next() else {
            // The array's end.
            self.at = self.content.len();
            return None;
        };
        let message = self.message(raw.get());
        self.at += values.byte_offset();
        Some(message)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The text of a JSON string that was checked. A surrogate without its other half cannot be UTF-8; browsers replace it
/// when they send, and so do we.
fn unescape(raw: &str) -> Vec<u8> {
    let mut text = serde_json::Deserializer::from_str(raw)
        .deserialize_bytes(TextVisitor)
        .unwrap_or_default();
    let mut rest = text.as_mut_slice();
    // What is no UTF-8 is ED A0..BF 80..BF.
    while let Some(at) = rest
        .windows(2)
        .position(|pair| matches!(pair, [0xed, 0xa0..=0xbf]))
    {
        let Some((surrogate, others)) = rest
            .get_mut(at..)
            .and_then(|rest| rest.split_first_chunk_mut::<3>())
        else {
            break;
        };
        *surrogate = *b"\xef\xbf\xbd";
        rest = others;
    }
    text
}

struct TextVisitor;

impl serde::de::Visitor<'_> for TextVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, text: &[u8]) -> Result<Vec<u8>, E> {
        Ok(text.to_vec())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn texts(messages: Messages) -> Vec<String> {
        messages
            .map(|message| String::from_utf8(message.payload.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn elements_become_messages() {
        for (content, expected) in [
            (r#"["a"]"#, vec!["a"]),
            (r#" [ "a" , "b" ] "#, vec!["a", "b"]),
            ("[]", vec![]),
            (r#"[""]"#, vec![""]),
            (r#"["a\"\u00e4\n\\"]"#, vec!["a\"ä\n\\"]),
            (r#"["[,]","\u005d"]"#, vec!["[,]", "]"]),
            (
                r#"[1, null, {"a": ["b"]}, [2]]"#,
                vec!["1", "null", r#"{"a": ["b"]}"#, "[2]"],
            ),
            (r#"["\ud83d\ude00"]"#, vec!["😀"]),
            (
                r#"["\ud83d", "\ude00!", "a\udc00\ud800b", "\ud800\ud800\udc00"]"#,
                vec!["\u{fffd}", "\u{fffd}!", "a\u{fffd}\u{fffd}b", "\u{fffd}𐀀"],
            ),
            ("[\"\u{d7ff}\\n\u{e000}\"]", vec!["\u{d7ff}\n\u{e000}"]),
        ] {
            let messages = Messages::of_array(content.into()).unwrap();
            assert_eq!(texts(messages), expected, "{content}");
        }
    }

    #[test]
    fn what_is_no_array_is_told_in_the_protocols_words() {
        for (content, expected) in [
            (&b""[..], Malformed::NoPayload),
            (b"\"a\"", Malformed::NoPayload),
            (b"{\"a\": 1}", Malformed::NoPayload),
            (b"[\"a", Malformed::NoJson),
            (b"[\"a\",]", Malformed::NoJson),
            (b"[\"a\"]x", Malformed::NoJson),
            (b" ", Malformed::NoJson),
            (b"[\"\xff\"]", Malformed::NoJson),
        ] {
            let content = Bytes::from_static(content);
            assert_eq!(Messages::of_array(content).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_websocket_may_bring_a_bare_value() {
        for (content, expected) in [
            ("", vec![]),
            ("[]", vec![]),
            (r#"["a","b"]"#, vec!["a", "b"]),
            (r#""a""#, vec!["a"]),
            (r#"{"a":1}"#, vec![r#"{"a":1}"#]),
        ] {
            let messages = Messages::of_frame(content.into()).unwrap();
            assert_eq!(texts(messages), expected, "{content}");
        }
        let broken = Messages::of_frame(Bytes::from_static(b"[\"a"));
        assert_eq!(broken.unwrap_err(), Malformed::NoJson);
    }

    #[test]
    fn a_long_message_is_not_copied_and_a_short_one_does_not_keep_the_rest() {
        let content = Bytes::from(format!("[\"{}\",\"b\"]", "a".repeat(1000)));
        let area = content.as_ptr_range();
        let places = Messages::of_array(content.clone()).unwrap();
        let inside = places.map(|message| area.contains(&message.payload.as_ptr()));
        assert_eq!(inside.collect::<Vec<_>>(), [true, false]);
    }
}
