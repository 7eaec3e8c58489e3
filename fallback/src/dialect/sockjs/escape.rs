//! Text as SockJS writes it: JSON strings in which some characters beyond JSON's own are escaped too, since old
//! browsers lose them on the way, and what transports escape beyond that.

use bytes::{BufMut, BytesMut};

/// Writes `text` as a JSON string (RFC 8259 §7). Also escaped are U+200C to U+200F, U+2028 to U+202F, U+2060 to U+206F
/// and U+FFF0 to U+FFFF.
pub(super) fn json_string(to: &mut BytesMut, text: &[u8]) {
    to.put_u8(b'"');
    let mut rest = text;
    while let Some(plain) = first(rest, may_need_escape) {
        let (before, special) = rest.split_at(plain);
        to.put_slice(before);
        let taken = escape(to, special);
        rest = special.get(taken..).unwrap_or_default();
    }
    to.put_slice(rest);
    to.put_u8(b'"');
}

/// Where the first byte of a kind is, which `is_one` says without a branch. The nearest are looked at one by one, since
/// some text is full of them; beyond, the compiler looks at all bytes of a block at once.
fn first(text: &[u8], is_one: impl Fn(u8) -> bool) -> Option<usize> {
    let position = |of: &[u8]| of.iter().position(|byte| is_one(*byte));
    let (near, far) = text.split_at(text.len().min(16));
    if let Some(at) = position(near) {
        return Some(at);
    }
    let (blocks, _) = far.as_chunks::<16>();
    let has_none = |block: &&[u8; 16]| {
        let found = block.map(&is_one);
        !found.iter().fold(false, |any, it| any | it)
    };
    let skipped = 16 * blocks.iter().take_while(has_none).count();
    let rest = far.get(skipped..)?;
    Some(near.len() + skipped + position(rest)?)
}

/// Whether an escape may begin with this byte.
fn may_need_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0xe2) | (byte == 0xef)
}

/// Whether it would end an event's line, or looks like an escape.
fn is_no_data(byte: u8) -> bool {
    (byte == b'%') | (byte == b'\r') | (byte == b'\n') | (byte == 0)
}

/// Writes the character at the beginning of `text`, escaped if need be; gives how many bytes it took.
fn escape(to: &mut BytesMut, text: &[u8]) -> usize {
    match *text {
        [b'"', ..] => to.put_slice(b"\\\""),
        [b'\\', ..] => to.put_slice(b"\\\\"),
        [0x08, ..] => to.put_slice(b"\\b"),
        [0x09, ..] => to.put_slice(b"\\t"),
        [0x0a, ..] => to.put_slice(b"\\n"),
        [0x0c, ..] => to.put_slice(b"\\f"),
        [0x0d, ..] => to.put_slice(b"\\r"),
        [byte @ 0..0x20, ..] => unit(to, u16::from(byte)),
        [lead @ (0xe2 | 0xef), second, third, ..] => {
            let bits = |byte: u8| u16::from(byte & 0x3f);
            let character = u16::from(lead & 0x0f) << 12 | bits(second) << 6 | bits(third);
            match character {
                0x200c..=0x200f | 0x2028..=0x202f | 0x2060..=0x206f | 0xfff0.. => {
                    unit(to, character);
                }
                _ => to.put_slice(&[lead, second, third]),
            }
            return 3;
        }
        [byte, ..] => to.put_u8(byte),
        [] => {}
    }
    1
}

/// An escape of four hexadecimal digits, in lower case.
fn unit(to: &mut BytesMut, unit: u16) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    to.put_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = usize::from(unit >> shift & 0xf);
        to.put_u8(DIGITS.get(digit).copied().unwrap_or_default());
    }
}

/// Writes `text` as a string of a script within a page: a JSON string that cannot end the script element.
pub(super) fn script_string(to: &mut BytesMut, text: &[u8]) {
    let begin = to.len();
    json_string(to, text);
    if to
        .get(begin..)
        .is_some_and(|written| written.contains(&b'<'))
    {
        let written = to.split_off(begin);
        for byte in written {
            match byte {
                b'<' => to.put_slice(b"\\u003c"),
                _ => to.put_u8(byte),
            }
        }
    }
}

/// Writes `text` as the data of a server-sent event: clients decode percent escapes, and a line's end would end the data.
pub(super) fn event_data(to: &mut BytesMut, text: &[u8]) {
    let mut rest = text;
    while let Some(plain) = first(rest, is_no_data) {
        let (before, special) = rest.split_at(plain);
        to.put_slice(before);
        to.put_slice(match special {
            [b'%', ..] => b"%25",
            [b'\r', ..] => b"%0D",
            [b'\n', ..] => b"%0A",
            _ => b"%00",
        });
        rest = special.get(1..).unwrap_or_default();
    }
    to.put_slice(rest);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn json(text: &str) -> String {
        let mut to = BytesMut::new();
        json_string(&mut to, text.as_bytes());
        String::from_utf8(to.to_vec()).unwrap()
    }

    #[test]
    fn just_what_must_be_escaped_is() {
        for (text, expected) in [
            ("", r#""""#),
            ("a\"b\\c/", r#""a\"b\\c/""#),
            (
                "\0\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \u{7f}",
                "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \u{7f}\"",
            ),
            (
                "\u{200b}\u{200c}\u{200f}\u{2010}",
                "\"\u{200b}\\u200c\\u200f\u{2010}\"",
            ),
            (
                "\u{2027}\u{2028}\u{202f}\u{2030}",
                "\"\u{2027}\\u2028\\u202f\u{2030}\"",
            ),
            (
                "\u{205f}\u{2060}\u{206f}\u{2070}",
                "\"\u{205f}\\u2060\\u206f\u{2070}\"",
            ),
            ("\u{ffef}\u{fff0}\u{ffff}", "\"\u{ffef}\\ufff0\\uffff\""),
            ("ä€😀", "\"ä€😀\""),
        ] {
            assert_eq!(json(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_character_comes_back() {
        for character in '\0'..=char::MAX {
            let text = character.to_string();
            let back: String = serde_json::from_str(&json(&text)).unwrap();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn what_is_looked_for_is_found_wherever_it_is() {
        for length in 0..50 {
            for at in 0..=length {
                let text = ["a".repeat(at), "\"".repeat(length - at)].concat();
                let expected = (at < length).then_some(at);
                let found = first(text.as_bytes(), may_need_escape);
                assert_eq!(found, expected, "{text}");
            }
        }
    }

    #[test]
    fn a_script_cannot_be_ended_from_within() {
        let mut to = BytesMut::new();
        script_string(&mut to, b"a[\"</script>\"]");
        assert_eq!(&to[..], br#""a[\"\u003c/script>\"]""#);
    }

    #[test]
    fn an_event_is_one_line() {
        let mut to = BytesMut::new();
        event_data(&mut to, b"100%\r\n\0");
        assert_eq!(&to[..], b"100%25%0D%0A%00");
    }
}
