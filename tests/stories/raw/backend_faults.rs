//! A backend's answers that are not what they claim: a 502, both sides closed, not a byte relayed.

use harness::{Head, RawBackend, Towpath, Wire, accept_key, handshake, switching_protocols};

use super::in_front_of_raw;

/// A handshake with `extra` fields, answered by `answer`: what the client gets.
async fn handshake_answered(extra: &str, answer: impl Fn(&Head) -> String) -> (Head, Wire) {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", extra)).await;
    let mut server = backend.accept().await;
    let request = server.head().await;
    server.send(answer(&request)).await;
    let (head, _) = client.response().await;
    if head.status() == 502 {
        server.ends().await;
        towpath
            .wait_event("request failed", |event| {
                event["error"].as_str().unwrap().contains("a 101")
            })
            .await;
    }
    (head, client)
}

async fn is_502(extra: &str, answer: impl Fn(&Head) -> String) {
    assert_eq!(handshake_answered(extra, answer).await.0.status(), 502);
}

/// A3: without the proof, whoever answered may not speak WebSocket at all.
#[tokio::test]
async fn a_101_with_a_wrong_accept_is_502() {
    is_502("", |request| {
        switching_protocols(request, "").replace(&accept_key(request), "bm90IHRoZSBhbnN3ZXI=")
    })
    .await;
}

/// A3.
#[tokio::test]
async fn a_101_without_an_accept_is_502() {
    is_502("", |_| {
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            .to_owned()
    })
    .await;
}

/// A3.
#[tokio::test]
async fn a_101_to_another_protocol_is_502() {
    is_502("", |request| {
        switching_protocols(request, "").replace("Upgrade: websocket", "Upgrade: h2c")
    })
    .await;
}

/// A3.
#[tokio::test]
async fn a_subprotocol_that_was_not_offered_is_502() {
    is_502("Sec-WebSocket-Protocol: chat.v1\r\n", |request| {
        switching_protocols(request, "Sec-WebSocket-Protocol: chat.v2\r\n")
    })
    .await;
}

/// A3.
#[tokio::test]
async fn an_extension_that_was_not_offered_is_502() {
    is_502("", |request| {
        switching_protocols(request, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
    })
    .await;
}

/// A6: a 101 has no content (RFC 9110 §8.6).
#[tokio::test]
async fn a_101_with_content_is_502() {
    for framing in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
        is_502("", |request| switching_protocols(request, framing)).await;
    }
}

/// A4: a 101 that nobody asked for.
#[tokio::test]
async fn a_101_to_a_plain_request_is_502() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let plain = [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: h\r\n{key}\r\n\r\n"),
        format!(
            "GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{key}\r\n\r\n"
        ),
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ];
    for request in plain {
        let (backend, towpath) = in_front_of_raw().await;
        let mut client = towpath.connect().await;
        client.send(&request).await;
        let mut server = backend.accept().await;
        server.head().await;
        server
            .send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfrom inside",
            )
            .await;
        let (head, content) = client.response().await;
        assert_eq!(head.status(), 502, "{request}");
        assert!(!content.contains("inside"), "{content}");
        client.send("GET /admin HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(
            !String::from_utf8_lossy(&server.rest().await).contains("/admin"),
            "{request}"
        );
    }
}

/// A1: a refusal is the backend's own answer, relayed whole, after which the connection is an ordinary one.
#[tokio::test]
async fn a_refusal_is_relayed_whole() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = backend.accept().await;
    server.head().await;
    server
        .send(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nlogin\r\n6\r\n first\r\n0\r\n\r\n",
        )
        .await;
    let head = client.head().await;
    assert_eq!(
        (head.status(), head.value("www-authenticate")),
        (401, Some("Bearer"))
    );
    assert_eq!(head.value("transfer-encoding"), Some("chunked"));
    let content = String::from_utf8(client.chunks().await).unwrap();
    assert_eq!(content, "login first");
}

/// Interim responses before the 101 are legal (RFC 9110 §15.2) and end here.
#[tokio::test]
async fn an_interim_response_before_the_101_is_no_answer() {
    let (head, _) = handshake_answered("", |request| {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
        hints.to_owned() + &switching_protocols(request, "")
    })
    .await;
    assert_eq!(head.status(), 101);
}

/// A backend that takes the handshake and says nothing.
#[tokio::test]
async fn a_handshake_that_is_not_answered_in_time_is_504() {
    let backend = RawBackend::start().await;
    let upstream = backend.address();
    let towpath = Towpath::start(&format!(
        "routes: [{{ upstream: {upstream}, timeouts: {{ response: 100ms }} }}]"
    ))
    .await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = backend.accept().await;
    server.head().await;
    assert_eq!(client.response().await.0.status(), 504);
    server.ends().await;
}
