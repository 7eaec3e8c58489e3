//! The life of an HTTP/2 connection.

use harness::{Peer, Signal, Towpath, within};

use super::Site;

/// E3.
#[tokio::test]
async fn one_that_says_no_preface_or_nothing_after_it_is_not_kept() {
    let towpath = Towpath::start(&format!(
        "timeouts: {{ request_header: 200ms, keep_alive: 200ms }}\nroutes: [{{ upstream: {} }}]",
        harness::NOBODY
    ))
    .await;
    for beginning in ["PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = towpath.connect().await;
        client.send(beginning).await;
        within(format!("the end after {beginning:?}"), client.rest()).await;
    }
}

/// A preface may come in pieces, and so may what is none.
#[tokio::test]
async fn a_short_request_is_no_preface() {
    let backend = harness::HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut client = towpath.connect().await;
    for piece in [
        "P",
        "UT / HTTP/1.1\r\nHost: h\r\n",
        "Content-Length: 0\r\n\r\n",
    ] {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.response().await.1, "hello");
}

#[tokio::test]
async fn where_it_is_off_it_is_not_spoken() {
    let site = Site::start("http2: off").await;
    let version = harness::curl(&[
        "--cacert",
        &site.ca(),
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_version}",
        &format!("{}/sockjs/info", site.secure()),
    ])
    .await;
    assert_eq!(version, "1.1");
    let mut client = harness::Wire::connect(site.towpath.listening()[1]).await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(client.head().await.status() >= 400);
}

/// Content after the head of an answer to HEAD is an error of the stream.
#[tokio::test]
async fn an_answer_to_head_has_no_content() {
    let site = Site::start("http2: on").await;
    // Of ours: a file, and a refusal; and the backend's.
    for (path, status) in [("/.towpath/client.js", 200), ("/a/../b", 400), ("/", 404)] {
        let url = format!("{}{path}", site.plain());
        let fields =
            harness::curl(&["--http2-prior-knowledge", "--path-as-is", "--head", &url]).await;
        let expected = format!("HTTP/2 {status} ");
        assert!(fields.starts_with(&expected), "{path}: {fields}");
    }
}

/// A drain tells clients to open no more streams, and each WebSocket to go.
#[tokio::test]
async fn a_drain_ends_its_streams_as_it_ends_connections() {
    let mut site = Site::start("").await;
    let plain = site.plain();
    let told = tokio::spawn(async move { Peer::node_client("http2/drained.mjs", &[&plain]).await });
    site.towpath
        .access("request", |line| line["path"] == "/sockjs/info")
        .await;
    site.towpath.signal(Signal::TERM);
    let told = within("the client's account", told).await.unwrap();
    assert_eq!(
        told,
        "{\"goaway\":0,\"closes\":[{\"code\":1001,\"reason\":\"draining\"},{\"code\":1001,\"reason\":\"draining\"}]}\n"
    );
    assert_eq!(site.towpath.exit_code().await, Some(0));
}

/// A tunnel keeps its connection, however long no request is made on it.
#[tokio::test]
async fn an_idle_connection_with_a_websocket_is_kept() {
    let backend = Peer::node("ws.mjs").await;
    let towpath = Towpath::start(&format!(
        "timeouts: {{ keep_alive: 200ms }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let url = format!("http://{}", towpath.address());
    let said = Peer::node_client("http2/idle.mjs", &[&url, "600"]).await;
    assert_eq!(said, "{\"echo\":\"still here\",\"goaway\":0}\n");
    let tunnel = towpath.access("tunnel", |_| true).await;
    assert!(tunnel["duration_ms"].as_f64().unwrap() >= 600.0);
}
