//! Which header fields pass, which end here, and which are ours.

use harness::{HttpBackend, RawBackend, Towpath};

async fn mirrored(route: &str, top: &str, fields: &[(&str, &str)]) -> String {
    let backend = HttpBackend::mirror().await;
    let config = format!(
        "{top}\nroutes: [{{ upstream: {}, {route} }}]\n",
        backend.address()
    );
    let (status, seen) = Towpath::start(&config).await.get("/a?b=c", fields).await;
    assert_eq!(status, 200);
    seen
}

/// The lines of a mirrored head that begin with one of `names`.
fn lines<'a>(seen: &'a str, name: &str) -> Vec<&'a str> {
    let prefix = format!("{name}: ");
    seen.lines()
        .filter_map(|line| line.strip_prefix(prefix.as_str()))
        .collect()
}

const CLAIMS: &[(&str, &str)] = &[
    ("host", "chat.test"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "elsewhere.test"),
    ("forwarded", "for=203.0.113.7"),
];

#[tokio::test]
async fn what_an_untrusted_client_says_of_itself_is_replaced() {
    let seen = mirrored("", "", CLAIMS).await;
    assert_eq!(lines(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(lines(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(lines(&seen, "x-forwarded-host"), ["chat.test"]);
    assert_eq!(
        lines(&seen, "forwarded"),
        ["for=127.0.0.1;host=\"chat.test\";proto=http"]
    );
}

#[tokio::test]
async fn what_a_trusted_proxy_says_of_its_client_is_kept_and_continued() {
    let seen = mirrored("", "trusted_proxies: [127.0.0.0/8]", CLAIMS).await;
    assert_eq!(lines(&seen, "x-forwarded-for"), ["203.0.113.7, 127.0.0.1"]);
    assert_eq!(lines(&seen, "x-forwarded-proto"), ["https"]);
    assert_eq!(lines(&seen, "x-forwarded-host"), ["elsewhere.test"]);
    assert_eq!(
        lines(&seen, "forwarded"),
        ["for=203.0.113.7, for=127.0.0.1;host=\"chat.test\";proto=http"]
    );
}

#[tokio::test]
async fn method_target_and_host_arrive_as_they_were_sent() {
    let seen = mirrored(
        "",
        "",
        &[("host", "chat.test:8080"), ("x-custom", "one, two")],
    )
    .await;
    assert!(seen.starts_with("GET /a?b=c\n"), "{seen}");
    assert_eq!(lines(&seen, "host"), ["chat.test:8080"]);
    assert_eq!(lines(&seen, "x-custom"), ["one, two"]);
}

#[tokio::test]
async fn fields_of_this_hop_go_no_further() {
    let fields = [
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eDp5"),
        ("te", "trailers"),
        ("upgrade", "foo"),
    ];
    let seen = mirrored("", "", &fields).await;
    for (name, _) in &fields[1..] {
        assert!(lines(&seen, name).is_empty(), "{name} passed:\n{seen}");
    }
    assert!(
        !lines(&seen, "connection")
            .iter()
            .any(|value| value.contains("x-hop")),
        "{seen}"
    );
}

#[tokio::test]
async fn a_responses_fields_of_the_other_hop_come_no_further() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut server = backend.accept().await;
    server.head().await;
    server
        .send(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
             Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nX-Kept: 1\r\n\r\nhi",
        )
        .await;
    let (head, _) = client.response().await;
    assert_eq!(head.value("x-kept"), Some("1"));
    for name in ["x-hop", "keep-alive", "proxy-authenticate"] {
        assert_eq!(head.value(name), None, "{name} passed");
    }
    // The backend's `close` is about its own connection, not about the client's.
    assert!(!head.values("connection").contains(&"close"), "{head:?}");
}

#[tokio::test]
async fn a_route_changes_the_fields_of_requests() {
    let changes = "request_headers: { remove: [X-Old], set: { X-Set: new }, add: { X-Add: two } }";
    let fields = [("x-old", "1"), ("x-set", "old"), ("x-add", "one")];
    let seen = mirrored(changes, "", &fields).await;
    assert!(lines(&seen, "x-old").is_empty());
    assert_eq!(lines(&seen, "x-set"), ["new"]);
    assert_eq!(lines(&seen, "x-add").join(", "), "one, two");
}

#[tokio::test]
async fn a_route_changes_the_fields_of_responses() {
    let backend = RawBackend::start().await;
    let changes = "response_headers: { remove: [Server], set: { X-Frame-Options: DENY } }";
    let config = format!("routes: [{{ upstream: {}, {changes} }}]", backend.address());
    let towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut server = backend.accept().await;
    server.head().await;
    server
        .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: x/1\r\nX-Frame-Options: SAMEORIGIN\r\n\r\n")
        .await;
    let (head, _) = client.response().await;
    assert_eq!(head.value("server"), None);
    assert_eq!(head.value("x-frame-options"), Some("DENY"));
}
