//! Connections to the servers: kept, given up, and never used to send a request twice.

use harness::{HttpBackend, NOBODY, RawBackend, Towpath};

#[tokio::test]
async fn requests_share_a_connection_to_the_server() {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut client = towpath.http().await;
    for _ in 0..10 {
        assert_eq!(client.get("/").await, (200, "hello".into()));
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_passed_over() {
    let backend = HttpBackend::named("alive").await;
    let towpath = Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [\"{NOBODY}\", \"{}\"] }} }}\nroutes: [{{ upstream: app }}]",
        backend.address()
    ))
    .await;
    let mut client = towpath.http().await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await, (200, "alive".into()));
    }
}

#[tokio::test]
async fn a_post_is_not_sent_twice() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut server = backend.accept().await;
    server.head().await;
    server
        .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    client.response().await;

    // On the connection that is kept, the server goes away with the request in its hands.
    client
        .send("POST /pay HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
        .await;
    assert_eq!(server.head().await.start, "POST /pay HTTP/1.1");
    assert_eq!(server.bytes(2).await, b"hi");
    drop(server);

    assert_eq!(client.head().await.status(), 502);
    backend.saw_nobody();
}
