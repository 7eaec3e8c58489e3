//! What is agreed on in a handshake, and what a backend is told of it.

use harness::{Peer, Towpath, checklist, s_client};
use tokio::io::AsyncReadExt;

use super::{STATUS, Secure};
use harness::Authority;

#[tokio::test]
async fn a_backend_is_told_that_its_client_came_over_tls() {
    let secure = Secure::start("", "").await;
    for version in ["--http1.1", "--http2"] {
        let seen = secure.curl("chat.test", "/a?b", &[version]).await;
        let port = secure.towpath.address().port();
        for line in [
            "GET /a?b\n".to_owned(),
            "x-forwarded-proto: https\n".to_owned(),
            format!("host: chat.test:{port}\n"),
            format!("forwarded: for=127.0.0.1;host=\"chat.test:{port}\";proto=https\n"),
        ] {
            assert!(seen.contains(&line), "{version}: {line} in {seen}");
        }
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_both_know_it() {
    let secure = Secure::start("", "").await;
    assert_eq!(secure.curl("chat.test", "/", &STATUS).await, "200 over 2");
    let old = [&STATUS[..], &["--http1.1"]].concat();
    assert_eq!(secure.curl("chat.test", "/", &old).await, "200 over 1.1");
}

#[tokio::test]
async fn versions_below_the_oldest_are_refused() {
    let secure = Secure::start("minimum_version: 1.3", "").await;
    let address = secure.towpath.address();
    let new = s_client(address, &["-tls1_3"]).await;
    assert!(new.contains("New, TLSv1.3, Cipher is TLS_"), "{new}");
    let old = s_client(address, &["-tls1_2"]).await;
    assert!(old.contains("alert protocol version"), "{old}");
}

/// E9: suites without forward secrecy, renegotiation and early data are not there at all.
#[tokio::test]
async fn nothing_weak_is_spoken() {
    let secure = Secure::start("", "").await;
    let address = secure.towpath.address();
    let rsa = s_client(address, &["-tls1_2", "-cipher", "AES128-GCM-SHA256"]).await;
    assert!(rsa.contains("alert handshake failure"), "{rsa}");
    let modern = s_client(address, &["-tls1_2"]).await;
    assert!(modern.contains("Cipher is ECDHE-"), "{modern}");
    let tickets = s_client(address, &["-tls1_3"]).await;
    assert!(!tickets.contains("Max Early Data: 1"), "{tickets}");
}

#[tokio::test]
async fn websockets_pass() {
    let authority = Authority::new();
    let pair = authority.server("site", &["localhost"]);
    let server = Peer::node("ws.mjs").await;
    let towpath = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {} }} }}]\nroutes: [{{ upstream: {} }}]",
        pair.yaml(),
        server.address()
    ))
    .await;
    let url = format!("wss://localhost:{}", towpath.address().port());
    let ca = authority.certificate().display().to_string();
    let checks = checklist("checklist.mjs", &[&url, &ca]).await;
    assert_eq!(checks["headers"]["x-forwarded-proto"], "https");
}

/// E3.
#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_not_kept() {
    let authority = Authority::new();
    let pair = authority.server("site", &["localhost"]);
    let towpath = Towpath::start(&format!(
        "timeouts: {{ tls_handshake: 200ms }}\n\
         listeners: [{{ address: 127.0.0.1:0, tls: {{ {} }} }}]\n\
         routes: [{{ upstream: {} }}]",
        pair.yaml(),
        harness::NOBODY
    ))
    .await;
    for beginning in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut client = tokio::net::TcpStream::connect(towpath.address())
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut client, beginning)
            .await
            .unwrap();
        let mut rest = Vec::new();
        let ended = harness::within("the connection ends", client.read_to_end(&mut rest)).await;
        assert!(ended.is_err() || rest.is_empty(), "{rest:?}");
    }
}

#[tokio::test]
async fn a_broken_handshake_is_no_error_of_ours() {
    let secure = Secure::start("", "").await;
    let mut client = secure.towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let failed = secure.towpath.wait_log("TLS handshake failed").await;
    assert_eq!(failed["level"], "DEBUG");
    assert_eq!(secure.curl("chat.test", "/", &STATUS).await, "200 over 2");
    for level in ["\"WARN\"", "\"ERROR\""] {
        assert!(
            !secure.towpath.written().contains(level),
            "nothing is wrong here"
        );
    }
}
