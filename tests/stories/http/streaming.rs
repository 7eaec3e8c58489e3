//! Content passes as it comes, in both directions, whole and unchanged.

use bytes::Bytes;
use harness::{HttpBackend, RawBackend, Towpath, full, whole};
use http::{Request, Response};
use hyper::body::Incoming;
use sha1::{Digest, Sha1};

const SIZE: usize = 20 << 20;

async fn in_front_of_raw() -> (RawBackend, Towpath) {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    (backend, towpath)
}

#[tokio::test]
async fn the_first_part_of_a_response_arrives_before_the_last_is_sent() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut server = backend.accept().await;
    server.head().await;
    server
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        .await;

    assert_eq!(client.head().await.status(), 200);
    assert_eq!(client.bytes(10).await, b"5\r\nfirst\r\n");

    server.send("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!(client.bytes(14).await, b"4\r\nlast\r\n0\r\n\r\n");
}

#[tokio::test]
async fn the_first_part_of_a_request_arrives_before_the_last_is_sent() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        .await;

    let mut server = backend.accept().await;
    assert_eq!(
        server.head().await.value("transfer-encoding"),
        Some("chunked")
    );
    assert_eq!(server.bytes(10).await, b"5\r\nfirst\r\n");

    client.send("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!(server.bytes(14).await, b"4\r\nlast\r\n0\r\n\r\n");
    server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 204);
}

/// RFC 9110 §6.5.1 lets an intermediary drop trailers. None may be taken for content or for the next message.
#[tokio::test]
async fn trailers_of_a_response_are_dropped_and_the_connection_goes_on() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    let mut server = None;
    for _ in 0..2 {
        client
            .send("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n")
            .await;
        if server.is_none() {
            server = Some(backend.accept().await);
        }
        let server = server.as_mut().unwrap();
        server.head().await;
        server
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        server.send("2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 200);
        assert_eq!(client.bytes(12).await, b"2\r\nhi\r\n0\r\n\r\n");
    }
}

#[tokio::test]
async fn trailers_of_a_request_are_dropped_and_the_connection_goes_on() {
    let (backend, towpath) = in_front_of_raw().await;
    let mut client = towpath.connect().await;
    let mut server = None;
    for _ in 0..2 {
        client
            .send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        client.send("2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n").await;
        if server.is_none() {
            server = Some(backend.accept().await);
        }
        let server = server.as_mut().unwrap();
        assert_eq!(server.head().await.start, "POST / HTTP/1.1");
        assert_eq!(server.bytes(12).await, b"2\r\nhi\r\n0\r\n\r\n");
        server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 204);
    }
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it_before_it_sends() {
    let backend = HttpBackend::start(|request| async {
        Response::new(full(whole(request.into_body()).await))
    })
    .await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut client = towpath.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    assert_eq!(client.head().await.status(), 100);
    client.send("hello").await;
    let (head, content) = client.response().await;
    assert_eq!((head.status(), content.as_str()), (200, "hello"));
}

#[tokio::test]
async fn a_head_request_is_answered_without_content_and_the_connection_goes_on() {
    let backend = HttpBackend::named("twelve bytes").await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut client = towpath.connect().await;
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!(
        (head.status(), head.value("content-length")),
        (200, Some("12"))
    );
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(client.response().await.1, "twelve bytes");
}

#[tokio::test]
async fn large_content_passes_unchanged_in_both_directions() {
    let content = Bytes::from_iter((0..SIZE).map(|place| (place * 31 % 251) as u8));
    let download = content.clone();
    let backend = HttpBackend::start(move |request: Request<Incoming>| {
        let download = download.clone();
        async move {
            match request.uri().path() {
                "/download" => Response::new(full(download)),
                _ => Response::new(full(digest(&whole(request.into_body()).await))),
            }
        }
    })
    .await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut client = towpath.http().await;

    let (status, downloaded) = client.get("/download").await;
    assert_eq!((status, digest(&downloaded)), (200, digest(&content)));

    let upload = Request::post("/upload")
        .body(full(content.clone()))
        .unwrap();
    let received = whole(client.send(upload).await.into_body()).await;
    assert_eq!(received, digest(&content));
}

fn digest(content: &[u8]) -> Vec<u8> {
    Sha1::digest(content).to_vec()
}
