//! The handshake that a WebSocket would have sent in the place of an `open`, for whoever chooses by a handshake's fields.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::dialect::towpath::offered;
use crate::origin;

/// What a request with content has and a handshake has not.
const CONTENT: [HeaderName; 3] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// What every handshake says (RFC 6455 §4.1). The key is the RFC's example: nobody can choose by what is random.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CONNECTION, "Upgrade"),
    (header::UPGRADE, "websocket"),
    (header::SEC_WEBSOCKET_VERSION, "13"),
    (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// The fields of a handshake of the same client, to the same WebSocket, with the same subprotocols.
#[must_use]
pub fn equivalent(headers: &HeaderMap, content: &[u8], own_origin: &str) -> HeaderMap {
    let mut handshake = headers.clone();
    for name in CONTENT {
        handshake.remove(name);
    }
    for (name, value) in ALWAYS {
        handshake.insert(name, HeaderValue::from_static(value));
    }
    let protocols = offered(content).join(", ");
    let origin = origin::of(headers, own_origin);
    for (name, value) in [
        (header::SEC_WEBSOCKET_PROTOCOL, protocols),
        (header::ORIGIN, origin),
    ] {
        if let (false, Ok(value)) = (value.is_empty(), value.try_into()) {
            handshake.insert(name, value);
        }
    }
    handshake
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_says_what_the_websocket_would_have_said() {
        let headers = [
            ("host", "chat.example"),
            ("cookie", "a=1"),
            ("content-type", "text/plain"),
            ("content-length", "99"),
            ("sec-fetch-site", "same-origin"),
        ];
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let content = br#"{"towpath":1,"nonce":"wYbTz1X0c4bO4mCq3xqg9Q","protocols":["a","b"]}"#;
        let handshake = equivalent(&headers, content, "https://chat.example");
        for (name, value) in [
            ("host", Some("chat.example")),
            ("cookie", Some("a=1")),
            ("content-type", None),
            ("content-length", None),
            ("connection", Some("Upgrade")),
            ("upgrade", Some("websocket")),
            ("sec-websocket-version", Some("13")),
            ("sec-websocket-protocol", Some("a, b")),
            ("origin", Some("https://chat.example")),
        ] {
            let found = handshake.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(found, value, "{name}");
        }
    }

    #[test]
    fn what_is_no_open_offers_nothing() {
        for content in [
            &b""[..],
            b"{}",
            br#"{"towpath":1,"nonce":"wYbTz1X0c4bO4mCq3xqg9Q","protocols":["a\r\nb"]}"#,
        ] {
            let handshake = equivalent(&HeaderMap::new(), content, "https://chat.example");
            assert!(!handshake.contains_key(header::SEC_WEBSOCKET_PROTOCOL));
            assert!(!handshake.contains_key(header::ORIGIN));
        }
    }
}
