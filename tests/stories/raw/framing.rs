//! A8: chunked content in which a second reader could find a request. The witness is what the backend got as content.

use harness::{RawBackend, Towpath};

use super::in_front_of_raw;

/// A request with this chunked content, and another one right behind it in the same segment.
async fn sent(towpath: &Towpath, content: &str) -> harness::Wire {
    let mut client = towpath.connect().await;
    client
        .send(format!(
            "POST /first HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{content}\
             GET /second HTTP/1.1\r\nHost: h\r\n\r\n"
        ))
        .await;
    client
}

/// The end of chunks is the end of the request: the next one is a request of its own.
#[tokio::test]
async fn what_follows_the_last_chunk_is_the_next_request() {
    for content in [
        "5\r\nhello\r\n0\r\n\r\n",
        "2\r\nhe\r\n3;ignored=this\r\nllo\r\n0\r\n\r\n",
        // The fields of a trailer are nobody's.
        "5\r\nhello\r\n0\r\nContent-Length: 100\r\nHost: other\r\n\r\n",
    ] {
        let (backend, towpath) = in_front_of_raw().await;
        let mut client = sent(&towpath, content).await;
        let mut server = backend.accept().await;
        assert_eq!(server.head().await.start, "POST /first HTTP/1.1");
        assert_eq!(server.chunks().await, b"hello", "{content:?}");
        server.is_silent();
        answer(&mut server).await;
        assert_eq!(client.response().await.0.status(), 200);

        let next = server.head().await;
        assert_eq!(next.start, "GET /second HTTP/1.1");
        assert_eq!(next.value("host"), Some("h"));
        answer(&mut server).await;
        assert_eq!(client.response().await.0.status(), 200);
    }
}

#[tokio::test]
async fn chunks_that_readers_disagree_on_are_400_and_the_end() {
    for content in [
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a\n\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\r\n0\r\n\r\n\"\r\nhello\r\n0\r\n\r\n",
        "5;a\0b\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\nX: y\n\r\n",
        // Without the empty line, the next request would be a trailer.
        "5\r\nhello\r\n0\r\n",
    ] {
        let backend = RawBackend::start().await;
        let config = format!("routes: [{{ upstream: {} }}]", backend.address());
        let towpath = Towpath::start(&config).await;
        let mut client = sent(&towpath, content).await;
        assert_eq!(client.response().await.0.status(), 400, "{content:?}");
        client.ends().await;
        // What of it was sent on before the fault is cut off, so it is no request.
        let mut server = backend.accept().await;
        let read = String::from_utf8(server.rest().await).unwrap();
        assert!(!read.ends_with("0\r\n\r\n"), "{content:?}: {read}");
        assert!(!read.contains("/second"), "{content:?}: {read}");
        backend.saw_nobody();
    }
}

async fn answer(server: &mut harness::Wire) {
    server
        .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
}
