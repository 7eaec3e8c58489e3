//! A session's requests as HTTP/1.1 sees them: what comes on a connection before, between and after them.

use harness::{Head, HttpBackend, Towpath, Wire};

/// An `io` that is answered at once, since it is no request of the protocol's.
const IO: &str = "POST /chat/~towpath/1/io HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nnone";
const PLAIN: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

async fn before_a_server(more: &str) -> (HttpBackend, Towpath) {
    let backend = HttpBackend::named("hello").await;
    let config = format!("routes: [{{ upstream: {} }}]\n{more}", backend.address());
    let towpath = Towpath::start(&config).await;
    (backend, towpath)
}

/// The answer to an `io`.
async fn answer(client: &mut Wire) -> Head {
    let head = client.head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.value("content-type"), Some("application/octet-stream"));
    let length = head.value("content-length").unwrap().parse().unwrap();
    client.bytes(length).await;
    head
}

#[tokio::test]
async fn they_may_come_early_and_between_others() {
    let (_backend, towpath) = before_a_server("").await;
    let mut client = towpath.connect().await;
    client.send([IO, PLAIN, IO, IO, PLAIN].concat()).await;
    for is_ours in [true, false, true, true, false] {
        match is_ours {
            true => drop(answer(&mut client).await),
            false => assert_eq!(client.response().await.1, "hello"),
        }
    }
}

#[tokio::test]
async fn content_may_come_in_pieces() {
    let (_backend, towpath) = before_a_server("").await;
    let mut client = towpath.connect().await;
    let (first, rest) = IO.split_at(IO.len() - 3);
    for _ in 0..2 {
        client.send(first).await;
        // The head has been read by then: other clients are served meanwhile.
        answer_to_another(&towpath).await;
        client.send(rest).await;
        answer(&mut client).await;
    }
}

async fn answer_to_another(towpath: &Towpath) {
    let mut other = towpath.connect().await;
    other.send(IO).await;
    answer(&mut other).await;
}

#[tokio::test]
async fn content_that_does_not_come_is_408() {
    let (_backend, towpath) = before_a_server("timeouts: { read: 100ms }").await;
    let mut client = towpath.connect().await;
    client.send(&IO[..IO.len() - 3]).await;
    let (head, _) = client.response().await;
    assert_eq!(head.status(), 408);
    client.ends().await;
    let line = towpath.access("request", |line| line["status"] == 408);
    assert_eq!(line.await["path"], "/chat/~towpath/1/io");
}

#[tokio::test]
async fn whoever_wants_the_connection_closed_is_obeyed() {
    let (_backend, towpath) = before_a_server("").await;
    let mut client = towpath.connect().await;
    let closing = IO.replacen("Host", "Connection: close\r\nHost", 1);
    client.send([IO, &closing, IO].concat()).await;
    assert_eq!(
        answer(&mut client).await.value("connection"),
        Some("keep-alive")
    );
    assert_eq!(answer(&mut client).await.value("connection"), Some("close"));
    client.ends().await;
}

#[tokio::test]
async fn they_count_among_the_requests_of_their_connection() {
    let (_backend, towpath) = before_a_server("limits: { keep_alive_requests: 3 }").await;
    let mut client = towpath.connect().await;
    client.send([IO, PLAIN, IO, IO].concat()).await;
    answer(&mut client).await;
    client.response().await;
    assert_eq!(answer(&mut client).await.value("connection"), Some("close"));
    client.ends().await;
}

/// Such requests are answered all the same, if not by the shortest way.
#[tokio::test]
async fn chunks_and_expectations_are_understood() {
    let (_backend, towpath) = before_a_server("").await;
    let mut client = towpath.connect().await;
    let chunked = IO
        .replacen("Content-Length: 4", "Transfer-Encoding: chunked", 1)
        .replacen("none", "4\r\nnone\r\n0\r\n\r\n", 1);
    client.send([&chunked, IO].concat()).await;
    answer(&mut client).await;
    answer(&mut client).await;
    let (head, content) = IO.split_at(IO.len() - 4);
    client
        .send(head.replacen("Host", "Expect: 100-continue\r\nHost", 1))
        .await;
    assert_eq!(client.head().await.status(), 100);
    client.send(content).await;
    answer(&mut client).await;
}
