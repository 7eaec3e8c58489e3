//! B1: pages of other origins.

use harness::RawBackend;

use super::{Way, heard, route, seen};

#[tokio::test]
async fn a_page_that_is_not_listed_opens_nothing() {
    let backend = RawBackend::start().await;
    for origins in ["[https://page.test, http://page.test:8080]", "same_origin"] {
        let towpath = route(&backend, &format!("origins: {origins}")).await;
        for way in [Way::Upgrade, Way::Open] {
            for origin in [
                "http://evil.test",
                "null",
                "http://page.test",
                "https://page.test.evil.test",
                "https://evil.test/https://page.test",
                "http://chat.test:81",
            ] {
                let (head, _) = heard(&towpath, way, "/", &format!("Origin: {origin}\r\n")).await;
                assert_eq!(head.status(), 403, "{way:?} {origins} {origin}");
            }
        }
    }
    backend.saw_nobody();
}

#[tokio::test]
async fn one_that_is_does_and_so_does_who_is_no_browser() {
    let backend = RawBackend::start().await;
    for (origins, origin) in [
        ("[https://page.test]", "Origin: https://page.test\r\n"),
        ("[https://page.test]", "Origin: HTTPS://PAGE.TEST\r\n"),
        ("[https://page.test]", ""),
        ("[\"null\"]", "Origin: null\r\n"),
        ("same_origin", "Origin: http://chat.test\r\n"),
        ("upstream", "Origin: http://evil.test\r\n"),
    ] {
        let towpath = route(&backend, &format!("origins: {origins}")).await;
        for way in [Way::Upgrade, Way::Open] {
            let head = seen(&towpath, &backend, way, "/", origin).await;
            assert_eq!(
                head.value("upgrade"),
                Some("websocket"),
                "{way:?} {origins} {origin}"
            );
        }
    }
}

/// A page may load pictures from anywhere.
#[tokio::test]
async fn plain_requests_are_the_backends_affair() {
    let backend = RawBackend::start().await;
    let towpath = route(&backend, "origins: same_origin").await;
    let head = seen(
        &towpath,
        &backend,
        Way::Plain,
        "/",
        "Origin: http://evil.test\r\n",
    )
    .await;
    assert_eq!(head.value("origin"), Some("http://evil.test"));
}
