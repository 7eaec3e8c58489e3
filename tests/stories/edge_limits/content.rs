//! How much one may send with a request, and how slowly.

use harness::{HttpBackend, Peer, RawBackend, Towpath, Wire, curl, full};
use http::Response;
use http_body_util::BodyExt;

use super::limited;

/// A backend that says how much it was sent.
async fn measuring() -> HttpBackend {
    HttpBackend::start(|request| async move {
        match request.into_body().collect().await {
            Ok(content) => Response::new(full(content.to_bytes().len().to_string())),
            // Nobody is there to read it.
            Err(_) => Response::new(full("cut off")),
        }
    })
    .await
}

async fn post(client: &mut Wire, content: &str) -> (u16, String) {
    let length = content.len();
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
    client.send(format!("{head}{content}")).await;
    let (head, content) = client.response().await;
    (head.status(), content)
}

fn url(towpath: &Towpath) -> String {
    format!("http://{}/", towpath.address())
}

/// curl: the status of the response, and no content.
const STATUS: [&str; 4] = ["--output", "/dev/null", "--write-out", "%{http_code}"];

#[tokio::test]
async fn what_says_that_it_is_too_large_never_reaches_the_backend() {
    let backend = RawBackend::start().await;
    let towpath = limited(backend.address(), "limits: { body_size: 1KiB }", "").await;
    for more in ["", "Expect: 100-continue\r\n"] {
        let mut client = towpath.connect().await;
        client
            .send(format!(
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1025\r\n{more}\r\n"
            ))
            .await;
        assert_eq!(client.response().await.0.status(), 413);
        client.ends().await;
    }
    backend.saw_nobody();
    towpath.rejected("body_size", 2).await;
}

#[tokio::test]
async fn what_is_just_as_large_as_it_may_be_passes() {
    let backend = measuring().await;
    let towpath = limited(backend.address(), "limits: { body_size: 1KiB }", "").await;
    let mut client = towpath.connect().await;
    for _ in 0..2 {
        let answer = post(&mut client, &"x".repeat(1024)).await;
        assert_eq!(answer, (200, "1024".to_owned()));
    }
}

/// The backend does not take what was cut for a whole request.
#[tokio::test]
async fn chunks_are_cut_where_they_become_too_many() {
    let backend = RawBackend::start().await;
    let towpath = limited(backend.address(), "limits: { body_size: 1KiB }", "").await;
    let mut client = towpath.connect().await;
    let chunk = format!("200\r\n{}\r\n", "x".repeat(512));
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.send(&chunk).await;
    let mut server = backend.accept().await;
    server.head().await;
    client.send(chunk.repeat(2)).await;
    assert_eq!(client.response().await.0.status(), 413);
    client.ends().await;
    let seen = String::from_utf8(server.rest().await).unwrap();
    assert!(seen.matches('x').count() <= 1024, "{seen}");
    assert!(!seen.ends_with("0\r\n\r\n"), "{seen}");
    towpath.rejected("body_size", 1).await;
}

/// A connection that is closed while much is under way is reset, and the answer would be lost with it.
#[tokio::test]
async fn who_sends_too_much_gets_to_read_the_answer() {
    let backend = measuring().await;
    let towpath = limited(backend.address(), "limits: { body_size: 1KiB }", "").await;
    let file = towpath.config_directory().join("large");
    std::fs::write(&file, vec![0; 4 << 20]).unwrap();
    let file = format!("@{}", file.display());
    let url = url(&towpath);
    let arguments = [
        "--http1.1",
        "--data-binary",
        &*file,
        "--header",
        "Expect:",
        &*url,
    ];
    for more in [&[][..], &["--header", "Transfer-Encoding: chunked"]] {
        for _ in 0..5 {
            let said = curl(&[&arguments[..], &STATUS, more].concat()).await;
            assert_eq!(said, "413", "{more:?}");
        }
    }
    for announced in ["announced", "not announced"] {
        let said = Peer::node_client("http2/upload.mjs", &[&url, "400000", announced]).await;
        assert_eq!(said, "{\"status\":413,\"rst\":0}\n", "{announced}");
    }
    towpath.rejected("body_size", 12).await;
}

#[tokio::test]
async fn a_route_may_take_more_or_all() {
    let backend = measuring().await;
    for (route, largest) in [("body_size: 2KiB", 2048), ("body_size: off", 100_000)] {
        let towpath = limited(backend.address(), "limits: { body_size: 1KiB }", route).await;
        let answer = post(&mut towpath.connect().await, &"x".repeat(largest)).await;
        assert_eq!(answer, (200, largest.to_string()), "{route}");
    }
    let towpath = limited(
        backend.address(),
        "limits: { body_size: off }",
        "body_size: 1KiB",
    )
    .await;
    assert_eq!(
        post(&mut towpath.connect().await, &"x".repeat(1025))
            .await
            .0,
        413
    );
}

/// E3: each piece comes in time, and all of them do not.
#[tokio::test]
async fn content_that_comes_too_slowly_is_408() {
    let backend = measuring().await;
    let towpath = limited(backend.address(), "timeouts: { request_body: 500ms }", "").await;
    let mut client = towpath.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx")
        .await;
    assert_eq!(client.response().await.0.status(), 408);
    client.ends().await;
    towpath.rejected("body_timeout", 1).await;
    // One who is quick is not concerned, however often he comes.
    let mut quick = towpath.connect().await;
    for _ in 0..3 {
        assert_eq!(post(&mut quick, "quick").await.0, 200);
    }
}

/// Over HTTP/2 the stream is reset, and the others go on.
#[tokio::test]
async fn a_slow_stream_ends_alone() {
    let backend = measuring().await;
    let towpath = limited(backend.address(), "timeouts: { request_body: 500ms }", "").await;
    let said = Peer::node_client("http2/slow.mjs", &[&url(&towpath)]).await;
    assert_eq!(said, "{\"slow\":8,\"quick\":[200,200]}\n");
    let line = towpath
        .access("request", |line| line["status"] == 408)
        .await;
    assert_eq!(line["client"], "127.0.0.1");
    towpath.rejected("body_timeout", 1).await;
}
