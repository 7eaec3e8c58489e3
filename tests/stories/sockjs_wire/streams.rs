//! Streams, chunk by chunk: whoever reads them takes each chunk for a frame.

use harness::{Frame, RawBackend, Wire};

use super::{request, service};

const SETTINGS: &str =
    "response_limit: 1KiB, base_url: off, legacy_transports: [iframe, htmlfile, jsonp]";

/// A stream of this transport, and the backend's end, once it is open.
async fn stream(backend: &RawBackend, towpath: &harness::Towpath, asked: &str) -> (Wire, Wire) {
    let mut client = towpath.connect().await;
    client.send(asked).await;
    let (server, _) = backend.accept_websocket().await;
    let head = client.head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.value("transfer-encoding"), Some("chunked"));
    assert_eq!(head.value("content-length"), None);
    assert_eq!(head.value("x-accel-buffering"), Some("no"));
    (client, server)
}

async fn chunk(client: &mut Wire) -> String {
    String::from_utf8(client.chunk().await.expect("a chunk")).unwrap()
}

#[tokio::test]
async fn each_frame_is_a_chunk_until_the_limit() {
    let long = "x".repeat(1024);
    for (asked, prelude, open, first, last) in [
        (
            request("POST", "/echo/0/a/xhr_streaming", "", ""),
            "h".repeat(2048) + "\n",
            "o\n".to_owned(),
            "a[\"hi\"]\n".to_owned(),
            format!("a[\"{long}\"]\n"),
        ),
        (
            request("GET", "/echo/0/b/eventsource", "", ""),
            "\r\n".to_owned(),
            "data: o\r\n\r\n".to_owned(),
            "data: a[\"hi\"]\r\n\r\n".to_owned(),
            format!("data: a[\"{long}\"]\r\n\r\n"),
        ),
    ] {
        let backend = RawBackend::start().await;
        let towpath = service(backend.address(), SETTINGS).await;
        let (mut client, mut server) = stream(&backend, &towpath, &asked).await;
        assert_eq!(chunk(&mut client).await, prelude);
        assert_eq!(chunk(&mut client).await, open);
        server.send(Frame::text("hi").bytes()).await;
        assert_eq!(chunk(&mut client).await, first);
        server.send(Frame::text(&long).bytes()).await;
        assert_eq!(chunk(&mut client).await, last);
        assert_eq!(client.chunk().await, None);
    }
}

#[tokio::test]
async fn a_page_without_an_end() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), SETTINGS).await;
    let asked = request("GET", "/echo/0/a/htmlfile?c=cb", "", "");
    let (mut client, mut server) = stream(&backend, &towpath, &asked).await;
    let head = chunk(&mut client).await;
    assert!(
        head.len() > 1024 && head.contains("var c = parent.cb;"),
        "{head}"
    );
    assert_eq!(
        chunk(&mut client).await,
        "<script>\np(\"o\");\n</script>\r\n"
    );
    server.send(Frame::text("</script>").bytes()).await;
    assert_eq!(
        chunk(&mut client).await,
        "<script>\np(\"a[\\\"\\u003c/script>\\\"]\");\n</script>\r\n"
    );
}

#[tokio::test]
async fn a_close_ends_the_stream_and_is_repeated_to_whoever_asks_again() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), SETTINGS).await;
    let asked = request("POST", "/echo/0/a/xhr_streaming", "", "");
    let (mut client, mut server) = stream(&backend, &towpath, &asked).await;
    chunk(&mut client).await;
    assert_eq!(chunk(&mut client).await, "o\n");
    server.send(Frame::close(3000, "Go away!").bytes()).await;
    let close = "c[3000,\"Go away!\"]\n";
    assert_eq!(chunk(&mut client).await, close);
    assert_eq!(client.chunk().await, None);
    assert_eq!(
        server.frame().await.closing(),
        (3000, "Go away!".to_owned())
    );
    drop(server);

    // On the same connection, which is kept.
    client.send(&asked).await;
    assert_eq!(client.head().await.status(), 200);
    assert_eq!(chunk(&mut client).await.len(), 2049);
    assert_eq!(chunk(&mut client).await, close);
    assert_eq!(client.chunk().await, None);
}

#[tokio::test]
async fn http_1_0_knows_no_chunks() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), SETTINGS).await;
    let mut client = towpath.connect().await;
    let asked = "POST /echo/0/a/xhr_streaming HTTP/1.0\r\nHost: chat.test\r\n\
                 Connection: keep-alive\r\nContent-Length: 0\r\n\r\n";
    client.send(asked).await;
    let (mut server, _) = backend.accept_websocket().await;
    let head = client.head().await;
    assert_eq!(head.value("transfer-encoding"), None);
    assert_eq!(head.value("content-length"), None);
    assert_eq!(client.bytes(2049).await[2047..], *b"h\n");
    assert_eq!(client.bytes(2).await, b"o\n");
    server.send(Frame::close(3000, "Go away!").bytes()).await;
    assert_eq!(client.rest().await, b"c[3000,\"Go away!\"]\n");
}
