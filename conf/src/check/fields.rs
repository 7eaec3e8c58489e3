//! Names and values of header fields (RFC 9110 §5), which of them an operator may change, and which may pass from the
//! request that opens a fallback session to the handshake with the backend.

use std::collections::{BTreeMap, HashSet};

use super::Mistakes;
use crate::error::{Mistake, Path};
use crate::route::HeaderChanges;

/// Fields that belong to one connection (RFC 9110 §7.6.1) or frame the message, and not to the operator.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The WebSocket handshake's.
const RESERVED_PREFIX: &str = "sec-websocket-";

/// What every fallback session's handshake has from its opening request.
const ALWAYS_FORWARDED: &[&str] = &[
    "accept-language",
    "authorization",
    "cookie",
    "origin",
    "user-agent",
];

/// Which message is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

/// Checks the changes at `path`.
pub(super) fn changes(found: &mut Mistakes, changes: &HeaderChanges, side: Side, path: &Path) {
    for (key, values) in [("set", &changes.set), ("add", &changes.add)] {
        let path = path.key(key);
        unique(found, values, &path);
        for (name, value) in values {
            if let Some(message) = why_not(name, side, key) {
                found.push(Mistake::new(path.key(name), message).at_key());
            }
            if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
                let message = "expected a value without control characters";
                found.add(path.key(name), message);
            }
        }
    }
    for (index, name) in changes.remove.iter().enumerate() {
        if let Some(message) = why_not(name, side, "remove") {
            found.add(path.key("remove").index(index), message);
        }
    }
}

/// Names know no case, though YAML's keys do.
fn unique(found: &mut Mistakes, values: &BTreeMap<String, String>, path: &Path) {
    let mut seen = HashSet::new();
    for name in values.keys() {
        if !seen.insert(name.to_ascii_lowercase()) {
            let message = format!("`{name}` is given twice, in upper and lower case");
            found.push(Mistake::new(path.key(name), message).at_key());
        }
    }
}

/// Why a field cannot be changed in this way, if it cannot.
fn why_not(name: &str, side: Side, change: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || lower.starts_with(RESERVED_PREFIX) {
        return Some(format!(
            "`{name}` belongs to the connection and cannot be changed"
        ));
    }
    // A request has exactly one Host (RFC 9112 §3.2).
    if lower == "host" && side == Side::Request && change != "set" {
        return Some(format!("`{name}` can only be replaced; use `set`"));
    }
    (!is_token(name)).then(|| not_a_name(name))
}

/// Why this field of a request cannot be set, if it cannot.
pub(super) fn why_not_set(name: &str) -> Option<String> {
    why_not(name, Side::Request, "set")
}

/// Why the backend cannot be sent this field of a request that opens a fallback session, if it cannot.
pub(super) fn why_not_forwarded(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let begins = |prefix: &str| lower.starts_with(prefix);
    if !is_token(name) {
        return Some(not_a_name(name));
    }
    if lower == "host" || begins(RESERVED_PREFIX) {
        return Some(format!("`{name}` is the handshake's own"));
    }
    if begins("content-") || lower == "expect" {
        return Some(format!(
            "`{name}` is about the request's content, which a handshake has none of"
        ));
    }
    if RESERVED.contains(&lower.as_str()) || begins("proxy-") || lower == "http2-settings" {
        return Some(format!(
            "`{name}` belongs to the connection and cannot be forwarded"
        ));
    }
    if lower == "forwarded" || begins("x-forwarded-") || lower == "x-real-ip" {
        return Some(format!(
            "`{name}` is the proxy's to set, by `trusted_proxies`"
        ));
    }
    let always = ALWAYS_FORWARDED.contains(&lower.as_str());
    always.then(|| format!("`{name}` is forwarded in any case"))
}

/// Checks a name that is the value at `path`.
pub(super) fn header_name(found: &mut Mistakes, name: &str, path: Path) {
    if !is_token(name) {
        found.add(path, not_a_name(name));
    }
}

/// Checks a name that is a key of the map at `path`.
pub(super) fn header_key(found: &mut Mistakes, name: &str, path: &Path) {
    if !is_token(name) {
        found.push(Mistake::new(path.key(name), not_a_name(name)).at_key());
    }
}

fn not_a_name(name: &str) -> String {
    format!("expected the name of a header, got `{name}`")
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}
