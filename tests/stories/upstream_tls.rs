//! Servers that are spoken to over TLS, and over HTTP/2.

use harness::{Authority, KeyFiles, Peer, RawBackend, Towpath, echo, within};
use serde_json::Value;

/// A server with this certificate, that wants clients to have one of `clients`, if that is given.
async fn server(pair: &KeyFiles, clients: Option<&Authority>) -> Peer {
    let files = [&pair.certificate, &pair.key].map(|file| file.display().to_string());
    let authority = clients.map(|authority| authority.certificate().display().to_string());
    let arguments: Vec<_> = files.iter().chain(&authority).map(String::as_str).collect();
    Peer::node_with("secure.mjs", &arguments).await
}

/// A proxy before it whose upstream says this of itself.
async fn before(server: std::net::SocketAddr, says: &str) -> Towpath {
    Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [\"{server}\"], {says} }} }}\nroutes: [{{ upstream: app }}]"
    ))
    .await
}

async fn told(towpath: &Towpath, path: &str) -> Value {
    let (status, content) = towpath.get(path, &[]).await;
    assert_eq!(status, 200, "{content}");
    serde_json::from_str(&content).unwrap()
}

#[tokio::test]
async fn a_server_is_spoken_to_if_it_is_who_it_must_be() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = server(&authority.server("app", &["app.test"]), None).await;
    let (ca, other) = (authority.certificate(), stranger.certificate());
    let (ca, other) = (ca.display(), other.display());
    for (tls, is_trusted) in [
        (format!("{{ server_name: app.test, ca: {ca} }}"), true),
        ("{ verify: off }".to_owned(), true),
        (format!("{{ server_name: other.test, ca: {ca} }}"), false),
        (format!("{{ server_name: app.test, ca: {other} }}"), false),
        ("{ server_name: app.test }".to_owned(), false),
    ] {
        let towpath = before(server.address(), &format!("tls: {tls}")).await;
        let mut client = towpath.connect().await;
        client.send(harness::handshake("/echo", "")).await;
        let answered = client.head().await.status();
        let (status, _) = towpath.get("/", &[]).await;
        let expected = if is_trusted { (200, 101) } else { (502, 502) };
        assert_eq!((status, answered), expected, "{tls}");
        if is_trusted {
            let mut socket = towpath.websocket("/echo").await;
            assert_eq!(echo(&mut socket, "hello").await, "hello");
        }
    }
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_told() {
    let authority = Authority::new();
    let server = server(&authority.server("app", &["app.test"]), Some(&authority)).await;
    let own = authority.client("towpath");
    let ca = authority.certificate();
    let tls = format!("server_name: app.test, ca: {}", ca.display());
    let known = before(
        server.address(),
        &format!("tls: {{ {tls}, {} }}", own.yaml()),
    )
    .await;
    assert_eq!(told(&known, "/").await["client"], "towpath");
    let mut socket = known.websocket("/echo").await;
    assert_eq!(echo(&mut socket, "hello").await, "hello");
    let unknown = before(server.address(), &format!("tls: {{ {tls} }}")).await;
    assert_eq!(unknown.get("/", &[]).await.0, 502);
}

#[tokio::test]
async fn checks_speak_tls_too() {
    let authority = Authority::new();
    let server = server(&authority.server("app", &["app.test"]), None).await;
    let ca = authority.certificate();
    let health = "health: { path: /health, interval: 100ms, unhealthy: 1 }";
    let tls = format!("server_name: app.test, ca: {}", ca.display());
    let towpath = before(server.address(), &format!("tls: {{ {tls} }}, {health}")).await;
    assert_eq!(told(&towpath, "/").await["httpVersion"], "1.1");
    let wrong = format!(
        "tls: {{ server_name: other.test, ca: {} }}, {health}",
        ca.display()
    );
    let towpath = before(server.address(), &wrong).await;
    towpath.wait_log("server is unhealthy").await;
    assert_eq!(towpath.get("/", &[]).await.0, 503);
}

#[tokio::test]
async fn plain_requests_share_an_http_2_connection() {
    let authority = Authority::new();
    let secure = server(&authority.server("app", &["app.test"]), None).await;
    let plain = Peer::node("secure.mjs").await;
    let ca = authority.certificate();
    let tls = format!(
        "tls: {{ server_name: app.test, ca: {} }}, http2: on",
        ca.display()
    );
    for (server, says) in [(&secure, tls.as_str()), (&plain, "http2: on")] {
        let towpath = before(server.address(), says).await;
        let mut sessions = 0;
        let used_again = async {
            // A connection can be used again a moment after its answer; before that, another one is opened.
            loop {
                let path = format!("/a?b={sessions}");
                let told = told(&towpath, &path).await;
                assert_eq!(told["httpVersion"], "2.0", "{says}");
                assert_eq!(told["url"], path);
                assert_eq!(told["headers"]["x-forwarded-for"], "127.0.0.1");
                let now = told["sessions"].as_u64().unwrap();
                if now == sessions {
                    return;
                }
                sessions = now;
            }
        };
        within(format!("a connection is used again: {says}"), used_again).await;
    }
}

/// A16: what a server says before its handshake is over was not said by the server.
#[tokio::test]
async fn plain_text_before_the_handshake_is_nobodys_answer() {
    let backend = RawBackend::start().await;
    let towpath = before(backend.address(), "tls: { server_name: app.test }").await;
    for upgrade in [true, false] {
        let mut client = towpath.connect().await;
        let request = match upgrade {
            true => harness::handshake("/", ""),
            false => "GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n".to_owned(),
        };
        client.send(request).await;
        let mut server = backend.accept().await;
        server
            .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            .await;
        let (head, content) = client.response().await;
        assert_eq!(head.status(), 502, "{content}");
        assert!(!content.contains("hello"));
    }
}
