//! Keys and values as a URL's query and a form's content have them, read as the reference reads them: `+` is a space,
//! escapes that are none stay as they are, and what is not UTF-8 is replaced.

use std::borrow::Cow;

use memchr::memchr2;

/// A `key=value`, and how it was written.
pub(super) struct Field<'a> {
    pub(super) raw: &'a str,
    pub(super) key: Cow<'a, str>,
    value: &'a str,
}

impl<'a> Field<'a> {
    fn of(raw: &'a str) -> Self {
        let (key, value) = raw.split_once('=').unwrap_or((raw, ""));
        let key = decode(key);
        Self { raw, key, value }
    }

    pub(super) fn value(&self) -> Cow<'a, str> {
        decode(self.value)
    }
}

/// The fields in their order; empty ones are fields, too.
pub(super) fn fields(raw: &str) -> impl Iterator<Item = Field<'_>> {
    raw.split('&').map(Field::of)
}

fn decode(raw: &str) -> Cow<'_, str> {
    if memchr2(b'+', b'%', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let (byte, after) = match byte {
            b'+' => (b' ', after),
            b'%' => escaped(after).unwrap_or((b'%', after)),
            _ => (*byte, after),
        };
        decoded.push(byte);
        rest = after;
    }
    Cow::Owned(match String::from_utf8(decoded) {
        Ok(decoded) => decoded,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// The byte that two hexadecimal digits say, and what comes after them.
fn escaped(from: &[u8]) -> Option<(u8, &[u8])> {
    let (high, after) = from.split_first()?;
    let (low, after) = after.split_first()?;
    Some((hex(*high)? << 4 | hex(*low)?, after))
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_what_is_none_stays() {
        for (raw, decoded) in [
            ("", ""),
            ("plain", "plain"),
            ("a+b%20c%2Bd", "a b c+d"),
            ("%e2%82%AC", "€"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decode(raw), decoded, "{raw}");
        }
    }
}
