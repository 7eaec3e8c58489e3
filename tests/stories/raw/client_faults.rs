//! Requests that are not what they claim: refused before anybody else reads them, or carried as what they are.

use harness::{RawBackend, Wire, handshake};

use super::in_front_of_raw;

/// A request that must be refused with `status`, without the backend hearing of it.
pub(super) async fn refused(request: impl AsRef<[u8]>, status: u16) -> harness::Head {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(request.as_ref()).await;
    let head = client.head().await;
    let text = String::from_utf8_lossy(request.as_ref()).into_owned();
    assert_eq!(head.status(), status, "{text}");
    backend.saw_nobody();
    head
}

/// A request that must reach the backend as plain HTTP: what of it does.
async fn carried_as_plain(request: &str) -> harness::Head {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(request).await;
    let mut server = backend.accept().await;
    let head = server.head().await;
    server
        .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 200, "{request}");
    head
}

/// A5.
#[tokio::test]
async fn another_websocket_version_is_426_and_says_which_is_spoken() {
    let request = handshake("/ws", "").replace("Version: 13", "Version: 99");
    let head = refused(request, 426).await;
    assert_eq!(head.value("sec-websocket-version"), Some("13"));
}

/// A5.
#[tokio::test]
async fn a_handshake_without_a_valid_key_is_400() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let keys = [
        "",
        "Sec-WebSocket-Key: short\r\n",
        "Sec-WebSocket-Key: !!!!IHNhbXBsZSBub25jZQ==\r\n",
        &key.repeat(2),
    ];
    for bad in keys {
        refused(handshake("/ws", "").replace(key, bad), 400).await;
    }
}

/// A5: the way in of the WebSocket smuggling attacks.
#[tokio::test]
async fn a_post_that_asks_for_a_websocket_is_400() {
    refused(handshake("/ws", "").replacen("GET", "POST", 1), 400).await;
}

/// A5.
#[tokio::test]
async fn a_request_without_a_host_is_400() {
    refused("GET / HTTP/1.1\r\n\r\n", 400).await;
    refused(handshake("/ws", "").replace("Host: chat.test\r\n", ""), 400).await;
}

/// A6.
#[tokio::test]
async fn a_handshake_with_content_is_400() {
    refused(handshake("/ws", "Content-Length: 5\r\n") + "hello", 400).await;
    refused(
        handshake("/ws", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
        400,
    )
    .await;
}

/// The order and the company of the token do not matter (RFC 9110 §7.6.1).
#[tokio::test]
async fn upgrade_may_stand_beside_other_connection_options() {
    for options in ["close, Upgrade", "Upgrade, close", "keep-alive,UPGRADE"] {
        let (backend, towpath) = in_front_of_raw().await;
        let mut client = towpath.connect().await;
        client
            .send(
                handshake("/ws", "")
                    .replace("Connection: Upgrade", &format!("Connection: {options}")),
            )
            .await;
        let (_, request) = backend.accept_websocket().await;
        assert_eq!(request.value("connection"), Some("Upgrade"));
        assert_eq!(client.head().await.status(), 101, "{options}");
    }
}

/// A5 (RFC 9110 §7.8): an Upgrade that Connection does not name means nothing.
#[tokio::test]
async fn an_upgrade_field_that_connection_does_not_name_goes_no_further() {
    for connection in ["", "Connection: keep-alive\r\n"] {
        let request = handshake("/ws", "").replace("Connection: Upgrade\r\n", connection);
        let head = carried_as_plain(&request).await;
        assert_eq!(head.values("upgrade"), [""; 0]);
    }
}

/// A7: h2c smuggling.
#[tokio::test]
async fn an_upgrade_to_anything_else_goes_no_further() {
    for upgrade in ["h2c", "TLS/1.0", "foo, h2c", "h2c\r\nUpgrade: foo"] {
        let head = carried_as_plain(&format!(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n\
             HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
        ))
        .await;
        assert_eq!(head.values("upgrade"), [""; 0], "{upgrade}");
        assert_eq!(head.values("http2-settings"), [""; 0], "{upgrade}");
    }
}

/// A7.
#[tokio::test]
async fn websocket_in_a_list_of_upgrades_is_taken_alone() {
    for list in [
        "h2c, websocket",
        "websocket, h2c",
        "h2c\r\nUpgrade: websocket",
    ] {
        let (backend, towpath) = in_front_of_raw().await;
        let mut client = towpath.connect().await;
        client
            .send(handshake("/ws", "").replace("Upgrade: websocket", &format!("Upgrade: {list}")))
            .await;
        let (_, request) = backend.accept_websocket().await;
        assert_eq!(request.value("upgrade"), Some("websocket"), "{list}");
        assert_eq!(client.head().await.status(), 101);
    }
}

/// A8: a message that says in two ways, or wrongly, where it ends.
#[tokio::test]
async fn ambiguous_framing_is_400() {
    let framings = [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: +4",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 4, 4, 5",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ];
    for framing in framings {
        refused(
            format!("POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n0\r\n\r\n"),
            400,
        )
        .await;
    }
}

/// A8.
#[tokio::test]
async fn a_transfer_coding_that_is_not_chunked_gets_no_further() {
    for coding in ["gzip, chunked", "identity", "chunked, identity", "xchunked"] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        let (backend, towpath) = in_front_of_raw().await;
        let mut client = towpath.connect().await;
        client.send(request).await;
        let status = client.head().await.status();
        assert!(matches!(status, 400 | 501), "{coding}: {status}");
        backend.saw_nobody();
    }
}

/// A8, A9: what one reader mends and another does not is how requests are smuggled.
#[tokio::test]
async fn broken_lines_are_400() {
    let heads = [
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: nameless\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
    ];
    for head in heads {
        refused(head, 400).await;
    }
}

/// A11 (CVE-2024-45410): `Connection` must not make us remove what others rely on.
#[tokio::test]
async fn connection_may_not_name_a_field_that_others_rely_on() {
    for name in [
        "X-Forwarded-For",
        "Authorization",
        "Cookie",
        "Host",
        "Sec-WebSocket-Key",
    ] {
        let request =
            format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: {name}\r\n{name}: x\r\n\r\n");
        refused(request.replace("Host: x\r\n", ""), 400).await;
    }
}

/// E7: whatever came before, the next client is served.
#[tokio::test]
async fn rubbish_disturbs_nobody_else() {
    let (backend, mut towpath) = in_front_of_raw().await;
    let rubbish: &[&[u8]] = &[
        b"\x16\x03\x01\x02\x00\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[0xff; 600],
        b"\r\n\r\n\r\n\0",
    ];
    for bytes in rubbish {
        let mut client = towpath.connect().await;
        client.send(bytes).await;
        client.half_close().await;
        client.rest().await;
    }
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    backend_opens(&backend, &mut client).await;
    assert!(towpath.is_alive());
}

async fn backend_opens(backend: &RawBackend, client: &mut Wire) {
    backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);
}
