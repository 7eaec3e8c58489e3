//! The opening handshake as text (RFC 6455 §1.3), complete or bent as a story wants it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::Head;

/// A valid handshake for `path`; `extra` are lines that end with CRLF.
pub fn handshake(path: &str, extra: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: chat.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
    )
}

/// The 101 that answers `request`; `extra` are lines that end with CRLF.
pub fn switching_protocols(request: &Head, extra: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\n{extra}\r\n",
        accept_key(request)
    )
}

/// The `Sec-WebSocket-Accept` that follows from a request's key.
pub fn accept_key(request: &Head) -> String {
    let key = request
        .value("sec-websocket-key")
        .expect("a handshake has a key");
    let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    STANDARD.encode(digest)
}
