//! A15: a request for another host than its connection is for.

use super::{STATUS, Secure};

#[tokio::test]
async fn it_is_misdirected_where_the_route_is_strict() {
    let secure = Secure::start("", "tls: { strict_sni: on }").await;
    for version in ["--http1.1", "--http2"] {
        let asking = |host| [&STATUS[..], &[version, "--header", host]].concat();
        for (host, status) in [
            ("Host: chat.test", "200"),
            ("Host: CHAT.test:1234", "200"),
            ("Host: localhost", "421"),
            ("Host: chat.test.other", "421"),
        ] {
            let answered = secure.curl("chat.test", "/", &asking(host)).await;
            assert!(answered.starts_with(status), "{version} {host}: {answered}");
        }
    }
}

#[tokio::test]
async fn it_may_pass_elsewhere() {
    let secure = Secure::start("", "").await;
    let other = [&STATUS[..], &["--header", "Host: other.test"]].concat();
    assert_eq!(secure.curl("chat.test", "/", &other).await, "200 over 2");
}

/// An upgrade and a session of the fallback are requests like others.
#[tokio::test]
async fn websockets_and_sessions_are_held_to_it_too() {
    let secure = Secure::start("", "tls: { strict_sni: on }").await;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let upgrade = [
        "--http1.1",
        "--header",
        "Connection: Upgrade",
        "--header",
        "Upgrade: websocket",
        "--header",
        "Sec-WebSocket-Version: 13",
        "--header",
        key,
        "--header",
        "Host: other.test",
    ];
    let upgrade = [&STATUS[..], &upgrade].concat();
    assert_eq!(
        secure.curl("chat.test", "/", &upgrade).await,
        "421 over 1.1"
    );
    let open = [
        &STATUS[..],
        &["--data", "{}", "--header", "Host: other.test"],
    ]
    .concat();
    let answered = secure.curl("chat.test", "/~towpath/1/open", &open).await;
    assert_eq!(answered, "421 over 2");
}

/// The address bar's way to TLS.
#[tokio::test]
async fn plain_text_is_sent_to_where_tls_is() {
    let authority = harness::Authority::new();
    let pair = authority.server("site", &["chat.test"]);
    let backend = harness::HttpBackend::named("hello").await;
    let towpath = harness::Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {} }} }}, {{ address: 127.0.0.2:0 }}]\n\
         routes: [{{ upstream: {} }}, {{ scheme: http, redirect: https }}]",
        pair.yaml(),
        backend.address()
    ))
    .await;
    let (secure, plain) = (towpath.listening()[0], towpath.listening()[1]);
    let mut client = harness::Wire::connect(plain).await;
    client
        .send("GET /a?b HTTP/1.1\r\nHost: chat.test\r\n\r\n")
        .await;
    let (head, _) = client.response().await;
    assert_eq!(
        (head.status(), head.value("location")),
        (308, Some("https://chat.test/a?b"))
    );
    let ca = authority.certificate().display().to_string();
    let resolve = format!("chat.test:{}:127.0.0.1", secure.port());
    let url = format!("https://chat.test:{}/", secure.port());
    let content = harness::curl(&["--cacert", &ca, "--resolve", &resolve, &url]).await;
    assert_eq!(content, "hello");
}
