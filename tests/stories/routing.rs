//! Which route takes a request: all the kinds of rules together, in the order of how specific they are.

use std::fmt::Write as _;

use harness::{HttpBackend, Towpath};

/// Routes in an order that must not matter; each goes to a server that answers with the route's name.
const ROUTES: &[(&str, &str)] = &[
    ("anything", ""),
    ("any subdomain", "host: '*.example.com'"),
    ("one host", "host: chat.example.com"),
    ("prefix", "path: /app"),
    ("longer prefix", "path: /app/live"),
    ("exact", "path: { exact: /app/live }"),
    ("regex", "path: { regex: '^/room/[0-9]+$' }"),
    ("method", "path: /app, methods: [PUT]"),
    ("header", "path: /app, headers: { x-version: '2' }"),
    ("query", "path: /app, query: { beta: '1' }"),
];

type Fields = &'static [(&'static str, &'static str)];

const REQUESTS: &[(&str, Fields, &str)] = &[
    ("/", &[], "anything"),
    ("/", &[("host", "chat.example.com")], "one host"),
    ("/", &[("host", "CHAT.example.com:8080")], "one host"),
    ("/", &[("host", "other.example.com")], "any subdomain"),
    ("/", &[("host", "a.b.example.com")], "any subdomain"),
    ("/", &[("host", "example.com")], "anything"),
    ("/", &[("host", "notexample.com")], "anything"),
    ("/app", &[], "prefix"),
    ("/app/", &[], "prefix"),
    ("/app/else", &[], "prefix"),
    ("/application", &[], "anything"),
    ("/app/live/1", &[], "longer prefix"),
    ("/app/live", &[], "exact"),
    ("/room/12", &[], "regex"),
    ("/room/x", &[], "anything"),
    ("/app", &[("x-version", "2")], "header"),
    ("/app", &[("x-version", "3")], "prefix"),
    ("/app?beta=1", &[], "query"),
    ("/app?beta=0", &[], "prefix"),
];

async fn all_routes() -> (Vec<HttpBackend>, Towpath) {
    let mut config = "routes:\n".to_owned();
    let mut backends = Vec::new();
    for (name, rule) in ROUTES {
        let backend = HttpBackend::named(name).await;
        writeln!(config, "  - {{ upstream: {}, {rule} }}", backend.address()).unwrap();
        backends.push(backend);
    }
    (backends, Towpath::start(&config).await)
}

#[tokio::test]
async fn the_most_specific_route_wins() {
    let (_backends, towpath) = all_routes().await;
    for (path, fields, expected) in REQUESTS {
        let (status, name) = towpath.get(path, fields).await;
        assert_eq!(
            (status, name.as_str()),
            (200, *expected),
            "{path} {fields:?}"
        );
    }
}

#[tokio::test]
async fn a_method_makes_a_route_more_specific() {
    let (_backends, towpath) = all_routes().await;
    let mut client = towpath.connect().await;
    for (method, expected) in [("PUT", "method"), ("POST", "prefix")] {
        let request = format!("{method} /app HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
        client.send(request).await;
        assert_eq!(client.response().await.1, expected);
    }
}
