//! What a request is for: its target (RFC 9112 §3.2) and its Host (RFC 9110 §7.2), without sockets. pingora passes both
//! on much as they came; a backend that puts them into a URL would read `@other/` or `h/a` as it never was meant.

use super::head::HeadFault;

/// Origin form, absolute form for HTTP, or the asterisk of OPTIONS; never with a fragment.
pub(super) fn check_target(method: &str, target: &str) -> Result<(), HeadFault> {
    let is_known =
        target.starts_with('/') || is_absolute(target) || (target == "*" && method == "OPTIONS");
    match is_known && !target.contains('#') {
        true => Ok(()),
        false => Err(HeadFault::Malformed("invalid request target")),
    }
}

fn is_absolute(target: &str) -> bool {
    let after = |scheme: &str| {
        let start = target.get(..scheme.len())?;
        let rest = target.get(scheme.len()..)?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let rest = after("http://").or_else(|| after("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?']))
}

/// A name or an address, perhaps with a port. It may be empty.
pub(super) fn check_host(host: &[u8]) -> Result<(), HeadFault> {
    match is_host(host) {
        true => Ok(()),
        false => Err(HeadFault::Malformed("invalid Host header")),
    }
}

fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host.strip_prefix(b"[") {
        Some(literal) => {
            let Some(end) = literal.iter().position(|byte| *byte == b']') else {
                return false;
            };
            let (name, after) = literal.split_at(end);
            let port = after.get(1..).unwrap_or_default();
            let is_address = !name.is_empty() && name.iter().all(|byte| is_in_literal(*byte));
            if !is_address || !(port.is_empty() || port.starts_with(b":")) {
                return false;
            }
            (&b""[..], port.get(1..).unwrap_or_default())
        }
        None => {
            let colon = host.iter().position(|byte| *byte == b':');
            let (name, port) = host.split_at(colon.unwrap_or(host.len()));
            (name, port.get(1..).unwrap_or_default())
        }
    };
    name.iter().all(|byte| is_in_name(*byte)) && is_port(port)
}

fn is_port(digits: &[u8]) -> bool {
    let text = std::str::from_utf8(digits).unwrap_or("none");
    digits.iter().all(u8::is_ascii_digit) && (digits.is_empty() || text.parse::<u16>().is_ok())
}

/// RFC 3986 §3.2.2. A comma is legal there and nowhere in use, but for lists of hosts.
fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}

fn is_in_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":.%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_path_or_a_url_of_ours() {
        for target in ["/", "/a?b=http://c", "//a", "http://h", "HTTPS://h:1/a?b"] {
            assert_eq!(check_target("GET", target), Ok(()), "{target}");
        }
        assert_eq!(check_target("OPTIONS", "*"), Ok(()));
        for target in [
            "*",
            "a",
            "h:80",
            "@other/",
            "?a",
            "#",
            "/a#b",
            "ftp://h/",
            "http:/h",
            "http://",
            "http:///a",
            "http://?a",
        ] {
            assert!(check_target("GET", target).is_err(), "{target}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in [
            "",
            "h",
            "h:80",
            "h:",
            "a_b-c.example",
            "xn--bcher-kva.example:8080",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:80",
            "[fe80::1%25eth0]",
        ] {
            assert_eq!(check_host(host.as_bytes()), Ok(()), "{host}");
        }
        for host in [
            "a b", "a/b", "u@h", "h, i", "h,i", "h?x", "h#x", "a\"b", "a\\b", "h:x", "h:-1",
            "h:65536", "h:80:80", "[::1", "::1", "[]", "[::1]x", "[a/b]", "h\u{e9}", "<h>", "h\tx",
        ] {
            assert!(check_host(host.as_bytes()).is_err(), "{host}");
        }
    }
}
