//! How many requests one connection may carry.

use harness::{Authority, HttpBackend, Towpath, curl};

use super::limited;

#[tokio::test]
async fn the_last_request_of_a_connection_says_that_it_is() {
    let backend = HttpBackend::named("hello").await;
    let towpath = limited(backend.address(), "limits: { keep_alive_requests: 3 }", "").await;
    let mut client = towpath.connect().await;
    // Those that come early are answered, but for the one too many.
    client
        .send("GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(4))
        .await;
    for last in [false, false, true] {
        let (head, content) = client.response().await;
        assert_eq!(content, "hello");
        assert_eq!(head.values("connection").contains(&"close"), last);
    }
    client.ends().await;
}

#[tokio::test]
async fn one_request_is_enough_where_only_one_is_allowed() {
    let backend = HttpBackend::named("hello").await;
    let towpath = limited(backend.address(), "limits: { keep_alive_requests: 1 }", "").await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(client.response().await.0.value("connection"), Some("close"));
    client.ends().await;
}

/// Over HTTP/2 a client is told to open no more streams, and opens another connection.
#[tokio::test]
async fn streams_are_requests() {
    let authority = Authority::new();
    let pair = authority.server("site", &["localhost"]);
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {} }} }}]\n\
         limits: {{ keep_alive_requests: 2 }}\nroutes: [{{ upstream: {} }}]",
        pair.yaml(),
        backend.address()
    ))
    .await;
    let ca = authority.certificate().display().to_string();
    let url = format!("https://localhost:{}/", towpath.address().port());
    let arguments = [
        "--http2",
        "--cacert",
        &*ca,
        "--write-out",
        " over %{http_version}, %{num_connects}\n",
    ];
    let said = curl(&[&arguments[..], &[&*url; 5]].concat()).await;
    let connections: Vec<_> = said.lines().collect();
    let [first, second] = ["hello over 2, 1", "hello over 2, 0"];
    assert_eq!(connections, [first, second, first, second, first]);
}
