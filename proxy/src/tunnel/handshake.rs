//! The proof that a backend's 101 answers the handshake that the client sent (RFC 6455 §4.1 and §4.2.2):
//! without it a byte of the client's would reach a backend that still reads HTTP.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Version, header};
use sha1::{Digest, Sha1};
use thiserror::Error;

use crate::fields::{Values, lists, members, only};

/// Appended to the key before hashing (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What is wrong with a 101.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum HandshakeFault {
    /// A 101 exists only in HTTP/1.1.
    #[error("101 in another version than HTTP/1.1")]
    Version,
    /// `Upgrade` is not `websocket`, or `Connection` does not name it.
    #[error("101 without Upgrade: websocket")]
    Upgrade,
    /// `Sec-WebSocket-Accept` is absent or does not follow from the key.
    #[error("101 with a wrong Sec-WebSocket-Accept")]
    Accept,
    /// `Sec-WebSocket-Protocol` was not offered.
    #[error("101 with a subprotocol that was not offered")]
    Subprotocol,
    /// `Sec-WebSocket-Extensions` has one that was not offered.
    #[error("101 with an extension that was not offered")]
    Extension,
    /// Content in a 101 (RFC 9110 §8.6).
    #[error("101 with content")]
    Content,
}

/// What the extensions that were agreed on let a frame's reserved bits be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// RFC 7692 is in use.
    pub(crate) permessage_deflate: bool,
    /// Something else is in use, whose bits we do not know.
    pub(crate) other: bool,
}

/// Checks a 101 against the request it answers.
pub(crate) fn verify(
    request: &impl Values,
    version: Version,
    response: &impl Values,
) -> Result<Extensions, HandshakeFault> {
    if version != Version::HTTP_11 {
        return Err(HandshakeFault::Version);
    }
    let upgraded =
        only(response, header::UPGRADE).is_some_and(|u| u.eq_ignore_ascii_case(b"websocket"));
    if !upgraded || !lists(response, header::CONNECTION, "upgrade") {
        return Err(HandshakeFault::Upgrade);
    }
    if !accepts(request, response) {
        return Err(HandshakeFault::Accept);
    }
    let is_chunked = response
        .values_of(header::TRANSFER_ENCODING)
        .next()
        .is_some();
    let length = response.values_of(header::CONTENT_LENGTH).next();
    if is_chunked || length.is_some_and(|length| length != b"0") {
        return Err(HandshakeFault::Content);
    }
    verify_agreed(request, response)
}

/// Checks what an acceptance says of subprotocol and extensions, over whatever it came.
pub(crate) fn verify_agreed(
    request: &impl Values,
    response: &impl Values,
) -> Result<Extensions, HandshakeFault> {
    check_subprotocol(request, response)?;
    extensions(request, response)
}

fn accepts(request: &impl Values, response: &impl Values) -> bool {
    let Some(key) = only(request, header::SEC_WEBSOCKET_KEY) else {
        return false;
    };
    only(response, header::SEC_WEBSOCKET_ACCEPT) == Some(accept(key).as_bytes())
}

/// The Sec-WebSocket-Accept that answers `key` (RFC 6455 §4.2.2, step 5.4).
pub(crate) fn accept(key: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// 16 random bytes (RFC 6455 §4.1). They keep caches away and are no secret, so none is better than no session.
pub(crate) fn key() -> String {
    let mut key = [0; 16];
    let _ = getrandom::fill(&mut key);
    STANDARD.encode(key)
}

fn check_subprotocol(request: &impl Values, response: &impl Values) -> Result<(), HandshakeFault> {
    if response
        .values_of(header::SEC_WEBSOCKET_PROTOCOL)
        .next()
        .is_none()
    {
        return Ok(());
    }
    let chosen = only(response, header::SEC_WEBSOCKET_PROTOCOL);
    let offered = members(request, header::SEC_WEBSOCKET_PROTOCOL).any(|o| Some(o) == chosen);
    offered.then_some(()).ok_or(HandshakeFault::Subprotocol)
}

fn extensions(request: &impl Values, response: &impl Values) -> Result<Extensions, HandshakeFault> {
    let mut agreed = Extensions::default();
    for chosen in members(response, header::SEC_WEBSOCKET_EXTENSIONS).map(name) {
        let offered = members(request, header::SEC_WEBSOCKET_EXTENSIONS)
            .any(|offer| name(offer).eq_ignore_ascii_case(chosen));
        if !offered {
            return Err(HandshakeFault::Extension);
        }
        if chosen.eq_ignore_ascii_case(b"permessage-deflate") {
            agreed.permessage_deflate = true;
        } else {
            agreed.other = true;
        }
    }
    Ok(agreed)
}

/// An extension's name, without its parameters.
fn name(extension: &[u8]) -> &[u8] {
    extension
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::HeaderMap;

    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()))
            .collect()
    }

    fn request() -> HeaderMap {
        map(&[
            // RFC 6455 §1.3's example.
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "chat.v1, chat.v2"),
            (
                "sec-websocket-extensions",
                "permessage-deflate; client_max_window_bits, x-other",
            ),
        ])
    }

    fn verify_with(name: &'static str, value: &'static str) -> Result<Extensions, HandshakeFault> {
        let mut response = map(&[
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ]);
        if value.is_empty() {
            response.remove(name);
        } else {
            response.insert(name, value.parse().unwrap());
        }
        verify(&request(), Version::HTTP_11, &response)
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        assert_eq!(
            verify_with("upgrade", "WebSocket"),
            Ok(Extensions::default())
        );
        assert_eq!(
            verify_with("sec-websocket-protocol", "chat.v2"),
            Ok(Extensions::default())
        );
        assert_eq!(
            verify_with("content-length", "0"),
            Ok(Extensions::default())
        );
    }

    #[test]
    fn a_101_that_proves_nothing_is_refused() {
        use HandshakeFault as F;
        for (name, value, fault) in [
            ("upgrade", "", F::Upgrade),
            ("upgrade", "h2c", F::Upgrade),
            ("connection", "keep-alive", F::Upgrade),
            ("sec-websocket-accept", "", F::Accept),
            (
                "sec-websocket-accept",
                "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=",
                F::Accept,
            ),
            ("sec-websocket-protocol", "chat.v3", F::Subprotocol),
            ("sec-websocket-protocol", "chat.v1, chat.v2", F::Subprotocol),
            ("sec-websocket-extensions", "x-mine", F::Extension),
            ("content-length", "5", F::Content),
            ("transfer-encoding", "chunked", F::Content),
        ] {
            assert_eq!(verify_with(name, value), Err(fault), "{name}: {value}");
        }
    }

    #[test]
    fn agreed_extensions_are_told_apart() {
        let both = verify_with(
            "sec-websocket-extensions",
            "permessage-deflate; a=1, x-other",
        )
        .unwrap();
        assert_eq!(
            both,
            Extensions {
                permessage_deflate: true,
                other: true
            }
        );
    }
}
