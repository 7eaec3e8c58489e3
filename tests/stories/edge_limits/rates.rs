//! How often one address may ask.

use std::net::SocketAddr;

use harness::{Head, HttpBackend, Towpath, TungstenitePeer, handshake, within};

use super::limited;

/// What a request of `client` for `path` is answered, on a connection of its own.
async fn ask(server: SocketAddr, client: &str, path: &str) -> Head {
    let mut wire = harness::Wire::connect(server).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: {client}\r\n\r\n");
    wire.send(request).await;
    wire.head().await
}

/// What a WebSocket handshake of `client` is answered.
async fn open(towpath: &Towpath, client: &str) -> Head {
    let mut wire = towpath.connect().await;
    let from = format!("X-Forwarded-For: {client}\r\n");
    wire.send(handshake("/echo", &from)).await;
    wire.head().await
}

/// Asks until that is too often: on a machine that is busy enough, twice is not.
async fn until_refused(mut ask: impl AsyncFnMut() -> Head) -> Head {
    let refused = async {
        loop {
            let answer = ask().await;
            if answer.status() == 429 {
                return answer;
            }
        }
    };
    within("a refusal", refused).await
}

#[tokio::test]
async fn one_that_asks_too_often_is_told_when_to_come_again() {
    let backend = HttpBackend::named("hello").await;
    let towpath = limited(backend.address(), "limits: { requests_per_second: 2 }", "").await;
    let mut client = towpath.connect().await;
    client
        .send("GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(3))
        .await;
    for _ in 0..2 {
        assert_eq!(client.response().await.1, "hello");
    }
    let (refused, _) = client.response().await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.value("retry-after"), Some("1"));
    towpath.rejected("requests_per_second", 1).await;

    // Nobody else is the worse for it, and the connection is as good as before.
    let other = ask(towpath.address(), "192.0.2.1", "/").await;
    assert_eq!(other.status(), 200);
    within("an answer again", async {
        loop {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
            if client.response().await.0.status() == 200 {
                return;
            }
        }
    })
    .await;
}

/// A12: whatever it looks like, and whoever answers it.
#[tokio::test]
async fn every_request_is_one() {
    let peer = TungstenitePeer::start().await;
    let towpath = limited(
        peer.address(),
        "limits: { requests_per_second: 1 }",
        "fallback: { sockjs: /sockjs, engine_io: on }",
    )
    .await;
    let paths = [
        "/",
        "/.towpath/client.js",
        "/echo/~towpath/1/open",
        "/sockjs/info",
        "/socket.io/?EIO=4&transport=none",
    ];
    for (index, path) in paths.into_iter().enumerate() {
        let client = format!("192.0.2.{index}");
        until_refused(async || ask(towpath.address(), &client, path).await).await;
        until_refused(async || open(&towpath, &client).await).await;
    }
}

#[tokio::test]
async fn websockets_have_a_rate_of_their_own() {
    let peer = TungstenitePeer::start().await;
    let towpath = limited(peer.address(), "limits: { upgrades_per_second: 1 }", "").await;
    assert_eq!(open(&towpath, "192.0.2.1").await.status(), 101);
    let refused = until_refused(async || open(&towpath, "192.0.2.1").await).await;
    assert_eq!(refused.value("retry-after"), Some("1"));
    // Plain requests pass, and so do the WebSockets of others.
    let plain = ask(towpath.address(), "192.0.2.1", "/.towpath/client.js").await;
    assert_eq!(plain.status(), 200);
    assert_eq!(open(&towpath, "192.0.2.2").await.status(), 101);
    towpath.rejected("upgrades_per_second", 1).await;
    towpath.rejected("requests_per_second", 0).await;
}

/// What one customer has is one address.
#[tokio::test]
async fn an_ipv6_network_is_one_address() {
    let backend = HttpBackend::named("hello").await;
    let towpath = limited(backend.address(), "limits: { requests_per_second: 1 }", "").await;
    let mut number = 0;
    until_refused(async || {
        number += 1;
        let client = format!("2001:db8:0:1::{number}");
        ask(towpath.address(), &client, "/").await
    })
    .await;
    let other = ask(towpath.address(), "2001:db8:0:2::1", "/").await;
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn some_may_ask_as_often_as_they_like() {
    let backend = HttpBackend::named("hello").await;
    let limits = "limits: { requests_per_second: 1, exempt: [192.0.2.0/24] }";
    let towpath = limited(backend.address(), limits, "").await;
    for _ in 0..20 {
        let answer = ask(towpath.address(), "192.0.2.1", "/").await;
        assert_eq!(answer.status(), 200);
    }
    until_refused(async || ask(towpath.address(), "198.51.100.1", "/").await).await;
}
