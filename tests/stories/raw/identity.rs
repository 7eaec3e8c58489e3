//! B2, B3, A14: who a client says it is, what it tells in confidence, and what of its words becomes part of a request
//! that is built here.

use harness::{HttpBackend, RawBackend, Towpath, handshake};

use super::in_front_of_raw;

/// B2: also under names that a backend of the CGI family could not tell from ours (GHSA-5m6w-wvh7-57vm).
#[tokio::test]
async fn a_client_cannot_say_who_it_is() {
    let claims = [
        "X-Forwarded-For: 6.6.6.6",
        "x-forwarded-for: 6.6.6.6",
        "X_Forwarded_For: 6.6.6.6",
        "X_FORWARDED-FOR: 6.6.6.6",
        "X-Forwarded-Proto: 6.6.6.6",
        "X_Forwarded_Proto: 6.6.6.6",
        "X-Forwarded-Host: 6.6.6.6",
        "X_Forwarded_Host: 6.6.6.6",
        "X-Forwarded-Port: 6.6.6.6",
        "X-Forwarded-Prefix: /6.6.6.6",
        "X-Forwarded-User: 6.6.6.6",
        "X_Forwarded_User: 6.6.6.6",
        "X-Forwarded-Client-Cert: 6.6.6.6",
        "Client-Cert: 6.6.6.6",
        "Client_Cert: 6.6.6.6",
        "Forwarded: for=6.6.6.6",
        "X-Real-IP: 6.6.6.6",
        "X_Real_IP: 6.6.6.6",
    ];
    let claims: String = claims.map(|claim| format!("{claim}\r\n")).concat();
    for request in [
        format!("GET / HTTP/1.1\r\nHost: h\r\n{claims}\r\n"),
        handshake("/ws", &claims),
    ] {
        let (backend, towpath) = in_front_of_raw().await;
        let mut client = towpath.connect().await;
        client.send(request).await;
        let head = backend.accept().await.head().await;
        let told = |value: &str| value.contains("6.6.6.6");
        let forged: Vec<_> = head.fields.iter().filter(|(_, v)| told(v)).collect();
        assert_eq!(forged, [] as [&(String, String); 0]);
        assert_eq!(head.value("x-forwarded-for"), Some("127.0.0.1"));
    }
}

/// B2: a PROXY header is no request where none is expected.
#[tokio::test]
async fn a_proxy_header_from_anybody_is_400() {
    let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x06\x06\x06\x06\x7f\0\0\x01\0\x50\0\x50";
    let headers: [&[u8]; 2] = [b"PROXY TCP4 6.6.6.6 127.0.0.1 80 80\r\n", v2];
    for header in headers {
        let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        super::client_faults::refused([header, request].concat(), 400).await;
    }
}

/// B3: neither log has it, at any level that is not for those who look for every byte.
#[tokio::test]
async fn secrets_are_in_no_log() {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!(
        "routes: [{{ host: h, upstream: {0} }}, {{ host: chat.test, upstream: {0} }}]",
        backend.address()
    ))
    .await;
    let fields = "Authorization: Bearer s3cret\r\nCookie: session=s3cret\r\n\
                  Sec-WebSocket-Protocol: bearer.s3cret\r\n";
    for request in [
        format!("GET /a?token=s3cret HTTP/1.1\r\nHost: h\r\n{fields}\r\n"),
        format!("GET http://h/a?token=s3cret HTTP/1.1\r\nHost: h\r\n{fields}\r\n"),
        format!("GET /a?token=s3cret HTTP/1.1\r\nHost: nowhere\r\n{fields}\r\n"),
        "GET /a?token=s3cret HTTP/1.1\r\nHost: h\r\nX : s3cret\r\n\r\n".to_owned(),
        // The backend knows no WebSocket, so this one is refused.
        handshake("/a?token=s3cret", fields),
        handshake(
            "/a?token=s3cret",
            &(fields.to_owned() + "Content-Length: 1\r\n"),
        ),
    ] {
        let mut client = towpath.connect().await;
        client.send(request).await;
        client.response().await;
    }
    towpath.accesses("request", 6).await;
    let written = towpath.written();
    assert!(!written.contains("s3cret"), "{written}");
}

/// A14: of all that a session's client says, nothing becomes more than one value of one field.
#[tokio::test]
async fn a_sessions_words_cannot_add_a_field_to_its_handshake() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!(
        "routes: [{{ upstream: {}, fallback: {{ forward_headers: [X-Device] }} }}]",
        backend.address()
    ))
    .await;
    for (path, member) in [
        ("/chat", r#""protocols":["a\r\nX-Evil: 1"]"#),
        ("/chat", r#""protocols":["a, b"]"#),
        ("/chat", r#""protocols":["a\u0000"]"#),
        ("/chat%0d%0aX-Evil:%201", r#""protocols":["a b"]"#),
    ] {
        let body = format!(r#"{{"towpath":1,"nonce":"AAAAAAAAAAAAAAAAAAAAAA",{member}}}"#);
        let mut client = towpath.connect().await;
        client
            .send(format!(
                "POST {path}/~towpath/1/open HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        let (_, content) = client.response().await;
        assert!(content.contains("malformed"), "{member}: {content}");
    }
    // Escapes of line ends in a path or a query are the backend's to decode.
    for target in ["/a%0d%0aX-Evil:%201", "/a?b=%0d%0aX-Evil:%201"] {
        let mut client = towpath.connect().await;
        client.send(handshake(target, "")).await;
        let (_, head) = backend.accept_websocket().await;
        assert_eq!(head.start, format!("GET {target} HTTP/1.1"));
        assert_eq!(head.value("x-evil"), None);
    }
}
