//! What a request is: a WebSocket handshake, plain HTTP, or something that claims to be a handshake and is none.
//! The rules are RFC 6455 §4.1 and §4.2.1 read strictly: what is forwarded as a handshake is one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use h2::ext::Protocol;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Version, header};

use crate::answer::Refusal;
use crate::fields::{Fields, is_token, lists, members, only};
use crate::gate::{HeadFault, StreamPlace};
use crate::reading::has_dot_segment;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A valid WebSocket handshake.
    Upgrade,
    /// Anything else that HTTP carries; an `Upgrade` in it means nothing to us and goes no further.
    Http,
}

/// Fields that a client may not have removed by naming them in `Connection`: a neighbour relies on
/// them, or the handshake does (the attack is known from CVE-2024-45410).
const PROTECTED: &[&str] = &[
    "authorization",
    "cookie",
    "forwarded",
    "host",
    "origin",
    "traceparent",
    "tracestate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

/// Tells what `request` is.
pub(crate) fn classify(request: &Parts) -> Result<Kind, Refusal> {
    check_nominations(&request.headers)?;
    // `/app/../admin` takes the route of `/app` here and is `/admin` to a backend that resolves it. Clients resolve dot
    // segments before they send (RFC 3986 §5.2.4), so nobody honest is refused.
    if has_dot_segment(request.uri.path()) {
        return Err(Refusal::DotSegments);
    }
    if request.method == Method::CONNECT {
        check_connect(request)?;
    } else if !asks_for_websocket(request) {
        return Ok(Kind::Http);
    } else if request.method != Method::GET {
        return Err(Refusal::Malformed("a WebSocket handshake is a GET"));
    } else if !only(&request.headers, header::SEC_WEBSOCKET_KEY).is_some_and(is_key) {
        return Err(Refusal::Malformed(
            "a WebSocket handshake has one Sec-WebSocket-Key of 16 bytes",
        ));
    }
    if has_content(&request.headers) {
        return Err(Refusal::Malformed("a WebSocket handshake has no content"));
    }
    check_version(&request.headers)?;
    if !members(&request.headers, header::SEC_WEBSOCKET_PROTOCOL).all(is_token) {
        return Err(Refusal::Malformed("invalid Sec-WebSocket-Protocol"));
    }
    Ok(Kind::Upgrade)
}

/// RFC 8441 §4: over HTTP/2 a WebSocket is a CONNECT with a `:protocol`, if we have announced that. It has no key: it
/// could not be taken for anything else. This is not a forward proxy, so any other CONNECT is refused.
fn check_connect(request: &Parts) -> Result<(), Refusal> {
    let announced = StreamPlace::of(request).is_some_and(|stream| stream.websocket);
    match request.extensions.get::<Protocol>().filter(|_| announced) {
        None => Err(Refusal::Head(HeadFault::Connect)),
        Some(protocol) if protocol.as_str() == "websocket" => Ok(()),
        Some(_) => Err(Refusal::UnknownProtocol),
    }
}

/// RFC 9110 §7.8: `Upgrade` counts only in HTTP/1.1 and only if `Connection` names it. Other protocols
/// beside WebSocket in the list (h2c above all) are never taken up.
fn asks_for_websocket(request: &Parts) -> bool {
    request.version == Version::HTTP_11
        && lists(&request.headers, header::UPGRADE, "websocket")
        && lists(&request.headers, header::CONNECTION, "upgrade")
}

fn has_content(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING)
        || length.is_some_and(|length| length.as_bytes().iter().any(|digit| *digit != b'0'))
}

fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    match only(headers, header::SEC_WEBSOCKET_VERSION) {
        Some(b"13") => Ok(()),
        Some(_) => Err(Refusal::UnsupportedVersion),
        None => Err(Refusal::Malformed(
            "a WebSocket handshake has one Sec-WebSocket-Version",
        )),
    }
}

fn is_key(value: &[u8]) -> bool {
    let mut nonce = [0; 18];
    value.len() == 24 && STANDARD.decode_slice(value, &mut nonce) == Ok(16)
}

fn check_nominations(headers: &HeaderMap) -> Result<(), Refusal> {
    for name in members(headers, header::CONNECTION) {
        if !is_token(name) {
            return Err(Refusal::Malformed("invalid Connection header"));
        }
        let handshake = name
            .get(..14)
            .is_some_and(|p| p.eq_ignore_ascii_case(b"sec-websocket-"));
        if handshake
            || PROTECTED
                .iter()
                .any(|p| name.eq_ignore_ascii_case(p.as_bytes()))
        {
            return Err(Refusal::Malformed(
                "Connection names a field that must not be removed",
            ));
        }
    }
    Ok(())
}

/// Fields that end at this hop in either direction (RFC 9110 §7.6.1), beside what `Connection` names.
const HOP_BY_HOP: [&[u8]; 10] = [
    b"connection",
    b"upgrade",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"keep-alive",
    b"proxy-connection",
    b"http2-settings",
];

fn is_hop_by_hop(name: &[u8]) -> bool {
    HOP_BY_HOP
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// The fields of `headers` that must not be passed on.
pub(crate) fn hop_by_hop(headers: &HeaderMap) -> Vec<HeaderName> {
    let known = headers.keys();
    let known = known.filter(|name| is_hop_by_hop(name.as_str().as_bytes()));
    members(headers, header::CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        // A client may name as many as it likes.
        .filter(|name| headers.contains_key(name))
        .chain(known.cloned())
        .collect()
}

/// Removes from a server's answer what must not be passed on.
pub(crate) fn remove_hop_by_hop(answer: &mut impl Fields) {
    let named = members(answer, header::CONNECTION);
    let named: Vec<_> = named.map(<[u8]>::to_vec).collect();
    answer.remove_those(|name| {
        is_hop_by_hop(name) || named.iter().any(|it| it.eq_ignore_ascii_case(name))
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use pingora::http::RequestHeader;

    use super::*;

    const HANDSHAKE: &[(&str, &str)] = &[
        ("host", "h"),
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn request(method: &str, fields: &[(&str, &str)]) -> Parts {
        let mut builder = http::Request::builder()
            .method(method)
            .version(Version::HTTP_11);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    /// The handshake with one field replaced, or removed where the value is empty.
    fn changed(name: &str, value: &str) -> Parts {
        let mut parts = request("GET", HANDSHAKE);
        parts.headers.remove(name);
        if !value.is_empty() {
            parts.headers.insert(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        parts
    }

    fn malformed(parts: &Parts) -> bool {
        matches!(classify(parts), Err(Refusal::Malformed(_)))
    }

    #[test]
    fn a_handshake_is_an_upgrade() {
        assert_eq!(classify(&request("GET", HANDSHAKE)), Ok(Kind::Upgrade));
        assert_eq!(
            classify(&changed("upgrade", "h2c, websocket")),
            Ok(Kind::Upgrade)
        );
        assert_eq!(
            classify(&changed("connection", "close, Upgrade")),
            Ok(Kind::Upgrade)
        );
    }

    #[test]
    fn a_stray_upgrade_is_plain_http() {
        assert_eq!(classify(&changed("upgrade", "h2c")), Ok(Kind::Http));
        assert_eq!(
            classify(&changed("connection", "keep-alive")),
            Ok(Kind::Http)
        );
        assert_eq!(classify(&changed("connection", "")), Ok(Kind::Http));
        let mut old = request("GET", HANDSHAKE);
        old.version = Version::HTTP_10;
        assert_eq!(classify(&old), Ok(Kind::Http));
    }

    #[test]
    fn what_claims_to_be_a_handshake_must_be_one() {
        assert!(malformed(&request("POST", HANDSHAKE)));
        assert!(malformed(&changed("sec-websocket-key", "")));
        assert!(malformed(&changed("sec-websocket-key", "c2hvcnQ=")));
        assert!(malformed(&changed(
            "sec-websocket-key",
            "dGhlIHNhbXBsZSBub25jZQ!!"
        )));
        assert!(malformed(&changed("sec-websocket-version", "")));
        assert!(malformed(&changed("content-length", "5")));
        assert!(malformed(&changed("transfer-encoding", "chunked")));
        assert!(malformed(&changed("sec-websocket-protocol", "a b")));
        let mut two_keys = request("GET", HANDSHAKE);
        two_keys.headers.append(
            "sec-websocket-key",
            "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap(),
        );
        assert!(malformed(&two_keys));
    }

    #[test]
    fn another_version_is_told_ours() {
        assert_eq!(
            classify(&changed("sec-websocket-version", "8")),
            Err(Refusal::UnsupportedVersion)
        );
    }

    #[test]
    fn connection_may_not_remove_what_others_rely_on() {
        for name in [
            "X-Forwarded-For",
            "Authorization",
            "Cookie",
            "Sec-WebSocket-Key",
            "bad name",
        ] {
            assert!(
                malformed(&request("GET", &[("host", "h"), ("connection", name)])),
                "{name}"
            );
        }
    }

    #[test]
    fn a_path_means_the_same_to_everybody() {
        let parts = |path: &str| http::Request::get(path).body(()).unwrap().into_parts().0;
        assert_eq!(classify(&parts("/a/..%2fb")), Err(Refusal::DotSegments));
        assert_eq!(classify(&parts("/a%2fb?q=/../")), Ok(Kind::Http));
    }

    #[test]
    fn hop_by_hop_fields_are_the_known_ones_and_the_named_ones() {
        let fields = [
            ("connection", "x-mine"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("x-other", "2"),
        ];
        let parts = request("GET", &fields);
        let mut names = hop_by_hop(&parts.headers);
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        assert_eq!(names, ["connection", "te", "x-mine"]);
        let mut passed_on = RequestHeader::from(parts);
        remove_hop_by_hop(&mut passed_on);
        assert_eq!(passed_on.headers.keys().collect::<Vec<_>>(), ["x-other"]);
    }
}
