//! Whatever is turned away is counted by its reason; what fails at a backend is not.

use harness::{Authority, HttpBackend, NOBODY, Towpath, Wire};

use super::limited;

/// What one client says, the status that it hears, and the reason that is counted.
const REFUSED: [(&str, u16, &str); 6] = [
    ("GET / HTTP/1.1\r\n\r\n", 400, "malformed"),
    ("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", 405, "connect"),
    ("GET / HTTP/1.1\r\nHost: h\r\n", 408, "header_timeout"),
    ("GET /none HTTP/1.1\r\nHost: other\r\n\r\n", 404, "no_route"),
    ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 426, "upgrade"),
    (
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://e\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        403,
        "origin",
    ),
];

#[tokio::test]
async fn each_reason_is_told_from_the_others() {
    let backend = HttpBackend::named("hello").await;
    let limits = "timeouts: { request_header: 300ms }\nlimits: { header_size: 4KiB }";
    let route = "host: h, origins: [\"http://h\"], websocket: { upgrade: require }";
    let towpath = limited(backend.address(), limits, route).await;
    for (request, status, _) in REFUSED {
        let mut client = towpath.connect().await;
        client.send(request).await;
        let (head, _) = client.response().await;
        assert_eq!(head.status(), status, "{request:?}");
    }
    let mut client = towpath.connect().await;
    client.send(format!("GET /{}", "a".repeat(5000))).await;
    assert_eq!(client.response().await.0.status(), 431);
    for (_, _, reason) in REFUSED {
        towpath.rejected(reason, 1).await;
    }
    towpath.rejected("header_size", 1).await;
}

#[tokio::test]
async fn what_fails_at_a_backend_is_no_rejection() {
    let towpath = limited(NOBODY.parse().unwrap(), "", "").await;
    let (status, _) = towpath.get("/", &[]).await;
    assert_eq!(status, 502);
    let metrics = harness::curl(&[&format!("http://{}/metrics", towpath.admin())]).await;
    let rejections = metrics.lines();
    let mut rejections = rejections.filter(|line| line.starts_with("towpath_rejections_total{"));
    assert!(rejections.all(|line| line.ends_with(" 0")), "{metrics}");
    let failures =
        "towpath_upstream_failures_total{upstream=\"127.0.0.1:1\",reason=\"unreachable\"} 1";
    assert!(metrics.contains(failures), "{metrics}");
}

/// Who only looks whether the port is open has no handshake that could fail.
#[tokio::test]
async fn handshakes_that_fail_are_counted() {
    let authority = Authority::new();
    let pair = authority.server("site", &["localhost"]);
    let towpath = Towpath::start(&format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {} }} }}]\n\
         admin: {{ address: 127.0.0.1:0 }}\nroutes: [{{ upstream: {NOBODY} }}]",
        pair.yaml()
    ))
    .await;
    let mut looking = Wire::connect(towpath.address()).await;
    looking.half_close().await;
    looking.ends().await;
    let mut wrong = Wire::connect(towpath.address()).await;
    wrong.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    wrong.rest().await;
    towpath.rejected("tls_handshake", 1).await;
}
