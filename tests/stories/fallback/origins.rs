//! Which Origins may use a route's fallback (§10), and that pages of those may read the answers.

use harness::fallback::{FallbackClient, Opening, Pace};
use harness::{RawBackend, Towpath, TungstenitePeer, full, whole};
use http::{HeaderMap, Request};
use serde_json::{Value, json};

use super::in_front_of;

const PAGE: &str = "http://page.test";
const EVIL: &str = "http://evil.test";

/// Status, fields and content of what an endpoint answers to such an Origin; none if it is empty.
async fn ask(
    towpath: &Towpath,
    method: &str,
    endpoint: &str,
    origin: &str,
) -> (u16, HeaderMap, Vec<u8>) {
    let body = match endpoint {
        "open" => Opening::new("/echo").body(),
        _ => json!({ "towpath": 1, "cid": "wYbTz1X0c4bO4mCq3xqg9Q" }),
    };
    let path = format!("/echo/~towpath/1/{endpoint}");
    let mut request = Request::builder().method(method).uri(path);
    if !origin.is_empty() {
        request = request.header("origin", origin);
    }
    let request = request.body(full(body.to_string())).unwrap();
    let (head, content) = towpath.http().await.send(request).await.into_parts();
    let content = whole(content).await.to_vec();
    (head.status.as_u16(), head.headers, content)
}

/// B1. Neither may its page read that.
#[tokio::test]
async fn an_origin_that_is_not_listed_reaches_nothing() {
    let backend = RawBackend::start().await;
    for origins in ["[http://page.test, https://page.test:8443]", "same_origin"] {
        let towpath = in_front_of(backend.address(), &format!("origins: {origins}")).await;
        for (method, endpoint) in [("POST", "open"), ("POST", "check"), ("OPTIONS", "open")] {
            for origin in [
                EVIL,
                "null",
                "https://page.test",
                "http://page.test:8080",
                "http://page.test.evil.test",
                "http://chat.test.evil.test",
            ] {
                let (status, fields, _) = ask(&towpath, method, endpoint, origin).await;
                assert_eq!(status, 403, "{method} {endpoint} {origin}");
                assert_eq!(fields.get("access-control-allow-origin"), None);
                assert_eq!(fields["vary"], "Origin");
            }
        }
    }
    backend.saw_nobody();
}

/// Of the last two, one is the proxy's own, and one is no page at all.
#[tokio::test]
async fn an_origin_that_is_allowed_is_told_so() {
    let peer = TungstenitePeer::start().await;
    for (origins, origin) in [
        ("[http://page.test]", PAGE),
        ("[http://other.test, 'null']", "null"),
        ("upstream", EVIL),
        ("same_origin", "http://chat.test"),
        ("[http://page.test]", ""),
    ] {
        let towpath = in_front_of(peer.address(), &format!("origins: {origins}")).await;
        for (endpoint, expected) in [("open", "ok"), ("check", "unseen")] {
            let (status, fields, content) = ask(&towpath, "POST", endpoint, origin).await;
            assert_eq!(status, 200, "{origins} {origin}");
            let shared = fields.get("access-control-allow-origin");
            let shared = shared.map_or("", |origin| origin.to_str().unwrap());
            assert_eq!(shared, origin, "{origins}");
            let content: Value = serde_json::from_slice(&content).unwrap();
            assert_eq!(content["status"], expected, "{origins} {origin}");
        }
        if !origin.is_empty() {
            let opening = Opening::new("/echo").field("origin", origin);
            let client = FallbackClient::with(towpath.address(), opening, Pace::default()).await;
            client.send("hello").await;
            assert_eq!(client.text().await, "hello");
        }
    }
}
