//! How a backend may read a path that is not written plainly: `/%61dmin`, `//admin`, `/x\admin` and `/admin;v=1` are
//! `/admin` to many. Whoever finds a route, and asks for what it demands, must not be fooled by the spelling.

use std::borrow::Cow;

/// The plainest spelling of a path, unless it has it already: visible ASCII decoded, all else encoded, slashes merged,
/// parameters taken away (RFC 3986 §6.2.2, and what servers do beyond it). Escapes are resolved once.
pub(crate) fn plain_reading(path: &str) -> Option<String> {
    let is_suspect = |byte: u8| matches!(byte, b'%' | b'\\' | b';') || !byte.is_ascii_graphic();
    if !path.bytes().any(is_suspect) && !path.contains("//") {
        return None;
    }
    let decoded = decode(path.as_bytes());
    let mut plain = String::with_capacity(decoded.len());
    for segment in decoded.split(['/', '\\']).skip(1) {
        let name = segment.split(';').next().unwrap_or_default();
        if !name.is_empty() {
            plain.push('/');
            plain.push_str(name);
        }
    }
    if decoded.ends_with(['/', '\\']) || plain.is_empty() {
        plain.push('/');
    }
    (plain != path).then_some(plain)
}

/// Whether a path has segments `.` or `..`, however they are spelt: the backend may resolve them.
pub(crate) fn has_dot_segment(path: &str) -> bool {
    if !path.bytes().any(|byte| matches!(byte, b'.' | b'%')) {
        return false;
    }
    let decoded = decode(path.as_bytes());
    decoded.split(['/', '\\']).any(|segment| {
        let name = segment.split(';').next().unwrap_or_default();
        matches!(name, "." | "..")
    })
}

/// A path that can be shown to people: control characters of any kind, which UTF-8 has too, would do things to their
/// terminals.
pub(crate) fn in_ascii(path: &str) -> Cow<'_, str> {
    if path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return path.into();
    }
    let mut text = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        match byte.is_ascii_graphic() {
            true => text.push(char::from(byte)),
            false => escape(byte, &mut text),
        }
    }
    text.into()
}

/// Visible ASCII as it is, and everything else as escapes in upper case.
fn decode(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match escaped(rest) {
            Some(byte) => (byte, rest.get(3..).unwrap_or_default()),
            None => (*first, after),
        };
        match byte.is_ascii_graphic() {
            true => text.push(char::from(byte)),
            false => escape(byte, &mut text),
        }
        rest = after;
    }
    text
}

fn escape(byte: u8, text: &mut String) {
    let digit =
        |value: u8| char::from_digit(u32::from(value), 16).map(|it| it.to_ascii_uppercase());
    text.push('%');
    text.extend([byte >> 4, byte & 15].into_iter().filter_map(digit));
}

fn escaped(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_has_no_other_reading() {
        for path in ["/", "/a/b", "/a/", "/a..b/...", "/caf%C3%A9/x%20y", "*"] {
            assert_eq!(plain_reading(path), None, "{path}");
        }
    }

    #[test]
    fn other_spellings_have_the_plain_one() {
        for (path, plain) in [
            ("/%61dmin", "/admin"),
            ("//admin", "/admin"),
            ("/a///b//", "/a/b/"),
            ("//", "/"),
            ("/a%2Fb", "/a/b"),
            ("/a%5cb", "/a/b"),
            ("/a\\b", "/a/b"),
            ("/admin;v=1/x", "/admin/x"),
            ("/;v=1/admin", "/admin"),
            ("/admin%3bv=1", "/admin"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/caf\u{e9}", "/caf%C3%A9"),
            ("/100%", "/100%"),
            ("/%zz%2", "/%zz%2"),
            ("/%2561", "/%61"),
            ("/a%00b", "/a%00b"),
        ] {
            let reading = plain_reading(path);
            assert_eq!(reading.as_deref().unwrap_or(path), plain, "{path}");
        }
    }

    #[test]
    fn what_is_shown_is_visible_and_otherwise_as_it_was() {
        for (path, shown) in [
            ("/a%2fb//", "/a%2fb//"),
            ("/caf\u{e9}\u{9b}\u{2028}", "/caf%C3%A9%C2%9B%E2%80%A8"),
        ] {
            assert_eq!(in_ascii(path), shown);
        }
    }

    #[test]
    fn dot_segments_are_seen_in_any_spelling() {
        for path in [
            "/a/../b",
            "/..",
            "/a/.",
            "/./a",
            "/a/%2E%2e/b",
            "/a/.%2e/b",
            "/a/..;x=1/b",
            "/a/..%3Bx/b",
            "/a%2f..%2fb",
            "/a\\..\\b",
            "/a%5c..",
        ] {
            assert!(has_dot_segment(path), "{path}");
        }
        for path in ["/a..b/...", "/.well-known/x", "//a", "/a%2fb", "/..x;/y"] {
            assert!(!has_dot_segment(path), "{path}");
        }
    }
}
