//! Listeners of the new configuration: those that stay, with TLS or without, and those that come and go.

use harness::{Authority, HttpBackend, RawBackend, Towpath, Wire, curl, within};
use serde_json::Value;
use tokio::net::TcpStream;

use super::upgrade;

/// A session of a client that has spoken TLS is that of a page over TLS, wherever it is asked for.
#[tokio::test]
async fn a_session_over_tls_goes_on() {
    let backend = RawBackend::start().await;
    let authority = Authority::new();
    let towpath = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {} }} }}]\n\
         routes: [{{ upstream: {}, fallback: {{ engine_io: {{ mode: translate }} }} }}]",
        authority.server("site", &["localhost"]).yaml(),
        backend.address()
    ))
    .await;
    let url = format!(
        "https://localhost:{}/socket.io/?EIO=4&transport=polling",
        towpath.address().port()
    );
    let ca = authority.certificate().display().to_string();
    let ask = async |url: &str, more: &[&str]| {
        let own = [
            "--cacert",
            &ca,
            "--header",
            "Origin: https://page.test",
            url,
        ];
        curl(&[&own[..], more].concat()).await
    };
    let accept = async {
        let (mut server, _) = backend.accept_websocket().await;
        let open = r#"0{"sid":"s","upgrades":[],"pingInterval":600000,"pingTimeout":600000}"#;
        server.send(harness::Frame::text(open).bytes()).await;
        server
    };
    let (opened, mut server): (String, Wire) = tokio::join!(ask(&url, &[]), accept);
    let opened: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
    let url = format!("{url}&sid={}", opened["sid"].as_str().unwrap());

    let _successor = upgrade(&towpath).await;
    assert_eq!(ask(&url, &["--data", "4hello"]).await, "ok");
    assert_eq!(server.frame().await.payload, b"4hello".as_slice());
    server.send(harness::Frame::text("4and back").bytes()).await;
    assert_eq!(ask(&url, &[]).await, "4and back");
}

#[tokio::test]
async fn some_stay_some_come_and_some_go() {
    let backend = HttpBackend::named("hello").await;
    let config = |second: &str| {
        format!(
            "listeners: [{{ address: 127.0.0.1:0 }}, {{ address: {second}:0 }}]\n\
             admin: {{ address: 127.0.0.1:0 }}\n\
             routes: [{{ upstream: {} }}]",
            backend.address()
        )
    };
    let towpath = Towpath::start(&config("127.0.0.2")).await;
    let [stays, goes] = towpath.listening()[..] else {
        panic!("two listeners: {:?}", towpath.listening());
    };
    let admin = towpath.admin();
    towpath.rewrite(&config("127.0.0.3"));
    let _successor = upgrade(&towpath).await;

    let [_, _, still, comes] = towpath.listening()[..] else {
        panic!("two more: {:?}", towpath.listening());
    };
    assert_eq!((still, towpath.admin()), (stays, admin));
    for address in [stays, comes] {
        let mut client = harness::HttpClient::connect(address).await;
        assert_eq!(client.get("/").await.1, "hello");
    }
    let refused = async { while TcpStream::connect(goes).await.is_ok() {} };
    within("nobody listens there any more", refused).await;
}
