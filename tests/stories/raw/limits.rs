//! Limits on what one client may take: time and room for a header, and connections.

use harness::{HttpBackend, NOBODY, Towpath, Wire, within};

async fn limited(limits: &str) -> Towpath {
    Towpath::start(&format!("{limits}\nroutes: [{{ upstream: {NOBODY} }}]")).await
}

/// E3 (slowloris).
#[tokio::test]
async fn a_header_that_does_not_end_in_time_is_408() {
    let towpath = limited("timeouts: { request_header: 200ms }").await;
    for beginning in ["G", "GET / HTTP/1.1\r\nHost: h\r\nX: "] {
        let mut client = towpath.connect().await;
        client.send(beginning).await;
        assert_eq!(client.response().await.0.status(), 408, "{beginning:?}");
        client.ends().await;
    }
}

/// E3: a connection on which nothing is said is closed without a word.
#[tokio::test]
async fn a_client_that_says_nothing_is_not_kept() {
    let towpath = limited("timeouts: { request_header: 200ms, keep_alive: 200ms }").await;
    towpath.connect().await.ends().await;
}

/// E6: a header without end in size.
#[tokio::test]
async fn a_header_that_is_too_large_is_431() {
    let towpath = limited("limits: { header_size: 4KiB }").await;
    let long = "a".repeat(5000);
    for head in [
        format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n"),
        format!(
            "GET / HTTP/1.1\r\nHost: h\r\n{}\r\n",
            "X: a\r\n".repeat(500)
        ),
        // One that never ends.
        format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}"),
    ] {
        let mut client = towpath.connect().await;
        client.send(head).await;
        assert_eq!(client.response().await.0.status(), 431);
    }
}

/// E2.
#[tokio::test]
async fn connections_beyond_the_limit_are_503_and_one_that_ends_makes_room() {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!(
        "limits: {{ connections: 2 }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let (first, _) = ask(&towpath).await;
    let (mut second, _) = ask(&towpath).await;
    assert_eq!(ask(&towpath).await.1, 503);

    drop(first);
    within("room for another", async {
        while ask(&towpath).await.1 != 200 {}
    })
    .await;
    second.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(second.response().await.0.status(), 200);
}

/// A request on a connection of its own: the connection, still open, and the status.
async fn ask(towpath: &Towpath) -> (Wire, u16) {
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let (head, _) = client.response().await;
    (client, head.status())
}

/// E2.
#[tokio::test]
async fn connections_of_one_address_beyond_the_limit_are_429() {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!(
        "limits: {{ connections_per_address: 1 }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let (_first, status) = ask(&towpath).await;
    assert_eq!(status, 200);
    assert_eq!(ask(&towpath).await.1, 429);
}
