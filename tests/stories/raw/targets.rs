//! A9, A13: what a request is for must be the same to Towpath, to what it asks of clients there, and to the backend.

use harness::{NOBODY, RawBackend, Towpath, handshake};

use super::client_faults::refused;
use super::in_front_of_raw;

/// A9.
#[tokio::test]
async fn a_target_that_is_neither_a_path_nor_a_url_of_the_host_is_400() {
    for target in [
        "http://other/",
        "http://h:81/",
        "http://user@h/",
        "ftp://h/",
        "h:80",
        "@other/",
        "admin",
        "*",
        "/a#/../b",
    ] {
        refused(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"), 400).await;
    }
}

/// A9.
#[tokio::test]
async fn a_host_that_is_none_is_400() {
    for host in [
        "h/admin", "h, other", "h other", "user@h", "h:port", "[::1", "h?x", "h\\x", "h\u{e9}",
    ] {
        refused(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400).await;
    }
}

/// A9: a backend that looks for its path in front of the target must find it there.
#[tokio::test]
async fn a_url_reaches_the_backend_as_a_path() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!(
        "routes: [{{ path: /app, upstream: {}, rewrite: {{ strip_prefix: /app }} }}]",
        backend.address()
    ))
    .await;
    let mut client = towpath.connect().await;
    client
        .send("GET http://h/app/page?q HTTP/1.1\r\nHost: h\r\n\r\n")
        .await;
    let head = backend.accept().await.head().await;
    assert_eq!(head.start, "GET /page?q HTTP/1.1");
    assert_eq!(head.value("host"), Some("h"));
}

/// A13: `/a/../b` is `/b` to many a backend.
#[tokio::test]
async fn dot_segments_in_any_spelling_are_400() {
    for path in [
        "/open/../admin",
        "/open/..",
        "/open/%2e%2E/admin",
        "/open/.%2e/admin",
        "/open/..;/admin",
        "/open/..%3b/admin",
        "/open%2f..%2fadmin",
        "/open\\..\\admin",
        "/open/..%5cadmin",
    ] {
        refused(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"), 400).await;
        refused(handshake(path, ""), 400).await;
    }
}

/// A13: what a route asks of its clients cannot be got around by spelling its path in another way.
#[tokio::test]
async fn a_path_that_reads_as_another_routes_is_400() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!(
        "routes:\n\
         \x20 - {{ upstream: {0} }}\n\
         \x20 - {{ path: /admin, upstream: {0}, auth: {{ forward: {{ upstream: {NOBODY}, path: /verify }} }} }}",
        backend.address()
    ))
    .await;
    for path in [
        "/%61dmin",
        "/adm%69n/users",
        "//admin",
        "/%2fadmin",
        "/\\admin",
        "/admin;x=1/users",
        "/;x/admin",
    ] {
        let plain = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        for request in [plain, handshake(path, "")] {
            let mut client = towpath.connect().await;
            client.send(request).await;
            assert_eq!(client.response().await.0.status(), 400, "{path}");
        }
        // A session of the fallback takes the route of its WebSocket.
        let mut client = towpath.connect().await;
        client
            .send(format!(
                "POST {path}/~towpath/1/open HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
                 Content-Length: 2\r\n\r\n{{}}"
            ))
            .await;
        let (head, content) = client.response().await;
        assert!(
            head.status() >= 400 || !content.contains("opened"),
            "{path}: {content}"
        );
    }
    backend.saw_nobody();
}

/// A13: where there is one route for all of it, nobody is told how to spell.
#[tokio::test]
async fn spellings_of_one_route_pass_as_they_are() {
    for path in ["//a//b", "/a%2fb", "/%61", "/a;v=1/b", "/caf%c3%a9"] {
        let (backend, towpath) = in_front_of_raw().await;
        let mut client = towpath.connect().await;
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"))
            .await;
        let head = backend.accept().await.head().await;
        assert_eq!(head.start, format!("GET {path} HTTP/1.1"));
    }
}

/// A10: this is no forward proxy.
#[tokio::test]
async fn connect_is_405() {
    for target in ["other:443", "/", "http://other/"] {
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: other:443\r\n\r\n");
        refused(request, 405).await;
    }
}
