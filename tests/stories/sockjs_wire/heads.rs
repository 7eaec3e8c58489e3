//! What each endpoint answers, to the letter: statuses, types, what may be kept, who may read it.

use harness::{Head, RawBackend, Towpath};

use super::{ask, open, request, service, with};

const NO_CACHE: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
const LEGACY: &str = "legacy_transports: [iframe, htmlfile, jsonp]";

/// Nobody is asked by these.
async fn alone(settings: &str) -> Towpath {
    let backend = RawBackend::start().await;
    service(backend.address(), settings).await
}

async fn get(towpath: &Towpath, path: &str, fields: &str) -> (Head, String) {
    ask(towpath, request("GET", path, fields, "")).await
}

fn is_not_kept(head: &Head) {
    assert_eq!(head.value("cache-control"), Some(NO_CACHE));
    assert_eq!(head.value("expires"), None);
    assert_eq!(head.value("last-modified"), None);
}

#[tokio::test]
async fn the_greeting() {
    let towpath = alone("").await;
    for path in ["/echo", "/echo/"] {
        let (head, content) = get(&towpath, path, "").await;
        assert_eq!(head.status(), 200, "{path}");
        assert_eq!(
            head.value("content-type"),
            Some("text/plain; charset=UTF-8")
        );
        assert_eq!(content, "Welcome to SockJS!\n");
        assert_eq!(head.value("set-cookie"), None);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let towpath = alone("").await;
    for path in [
        "/echo/a",
        "/echo/a.html",
        "/echo//",
        "/echo///",
        "/echo/a/a",
        "/echo/a/a/",
        "/echo//xhr",
        "/echo/a./a/xhr",
        "/echo/./././xhr",
        "/echo/../a/xhr",
        "/echo/a/a/jsonp?c=x",
        "/echo/a/a/htmlfile?c=x",
        "/echo/iframe.html",
    ] {
        for method in ["GET", "POST"] {
            let (head, _) = ask(&towpath, request(method, path, "", "")).await;
            assert_eq!(head.status(), 404, "{method} {path}");
        }
    }
    let (_, content) = get(&towpath, "/echoes", "").await;
    assert!(content.contains("no route"), "not SockJS's: {content}");
}

#[tokio::test]
async fn another_method_is_told_which() {
    let towpath = alone(LEGACY).await;
    for (method, path, allow) in [
        ("POST", "/echo/info", "OPTIONS, GET"),
        ("POST", "/echo/0/0/websocket", "GET"),
        ("GET", "/echo/0/0/xhr", "OPTIONS, POST"),
        ("GET", "/echo/0/0/xhr_send", "OPTIONS, POST"),
        ("POST", "/echo/0/0/eventsource", "GET"),
        ("POST", "/echo/0/0/jsonp", "GET"),
        ("GET", "/echo/0/0/jsonp_send", "POST"),
        ("POST", "/echo/iframe.html", "GET"),
        ("POST", "/echo", "GET"),
    ] {
        let (head, content) = ask(&towpath, request(method, path, "", "")).await;
        assert_eq!(head.status(), 405, "{method} {path}");
        assert_eq!(head.value("allow"), Some(allow), "{path}");
        assert_eq!(head.value("content-type"), None, "{path}");
        assert_eq!(content, "");
    }
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let (head, _) = ask(
        &towpath,
        request("POST", "/echo/0/0/websocket", upgrade, ""),
    )
    .await;
    assert_eq!(head.status(), 405);
}

#[tokio::test]
async fn info_says_what_there_is() {
    let towpath = alone("cookie_needed: on").await;
    let (head, content) = get(
        &towpath,
        "/echo/info?token=1&t=17",
        "Origin: http://a.test\r\n",
    )
    .await;
    assert_eq!(head.status(), 200);
    assert_eq!(
        head.value("content-type"),
        Some("application/json; charset=UTF-8")
    );
    is_not_kept(&head);
    assert_eq!(head.value("set-cookie"), None);
    assert_eq!(
        head.value("access-control-allow-origin"),
        Some("http://a.test")
    );
    assert_eq!(head.value("access-control-allow-credentials"), Some("true"));
    assert_eq!(head.value("vary"), Some("Origin"));
    let info: serde_json::Value = serde_json::from_str(&content).unwrap();
    assert_eq!(info["websocket"], true);
    assert_eq!(info["cookie_needed"], true);
    assert_eq!(info["origins"], serde_json::json!(["*:*"]));
    assert!(info["entropy"].is_u64());
    let base = info["base_url"].as_str().unwrap();
    assert!(
        base.starts_with("http://chat.test/echo/~") && base.ends_with("?token=1"),
        "{base}"
    );
    let (_, again) = get(&towpath, "/echo/info", "").await;
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_ne!(info["entropy"], again["entropy"]);
}

#[tokio::test]
async fn info_knows_the_scheme_that_a_page_must_have_used() {
    let towpath = alone("").await;
    let fields = "Origin: https://page.test\r\n";
    let (_, content) = get(&towpath, "/echo/info", fields).await;
    assert!(content.contains("\"https://chat.test/echo/~"), "{content}");

    let towpath = alone("base_url: 'https://front.test/app/echo'").await;
    let (_, content) = get(&towpath, "/echo/info", "").await;
    assert!(
        content.contains("\"https://front.test/app/echo/~"),
        "{content}"
    );
    let towpath = alone("base_url: off, websocket: off").await;
    let (_, content) = get(&towpath, "/echo/info", "").await;
    assert!(!content.contains("base_url"), "{content}");
    assert!(content.contains("\"websocket\":false"), "{content}");
}

#[tokio::test]
async fn preflights_may_be_kept() {
    let towpath = alone("").await;
    for (path, methods) in [
        ("/echo/info", "OPTIONS, GET"),
        ("/echo/a/a/xhr", "OPTIONS, POST"),
        ("/echo/a/a/xhr_send", "OPTIONS, POST"),
        ("/echo/a/a/xhr_streaming", "OPTIONS, POST"),
    ] {
        let fields = "Origin: null\r\nAccess-Control-Request-Headers: a, b, c\r\n";
        let (head, content) = ask(&towpath, request("OPTIONS", path, fields, "")).await;
        assert_eq!((head.status(), content.as_str()), (204, ""), "{path}");
        assert_eq!(head.value("access-control-allow-methods"), Some(methods));
        assert_eq!(head.value("access-control-allow-headers"), Some("a, b, c"));
        assert_eq!(head.value("access-control-allow-origin"), Some("null"));
        assert_eq!(head.value("access-control-max-age"), Some("31536000"));
        assert_eq!(
            head.value("cache-control"),
            Some("public, max-age=31536000")
        );
        assert!(head.value("expires").is_some());
    }
    let fields = "Access-Control-Request-Headers: \r\n";
    let (head, _) = ask(&towpath, request("OPTIONS", "/echo/info", fields, "")).await;
    assert_eq!(head.value("access-control-allow-headers"), None);
    assert_eq!(head.value("access-control-allow-origin"), Some("*"));
    assert_eq!(head.value("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn the_framed_page_is_kept_by_its_tag() {
    let towpath = alone(&format!("{LEGACY}, client_url: /sockjs.js")).await;
    let path = "/echo/iframe-1.6.1.html?t=1";
    let (head, page) = get(&towpath, path, "").await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.value("content-type"), Some("text/html; charset=UTF-8"));
    assert!(
        page.contains("<script src=\"/sockjs.js\"></script>"),
        "{page}"
    );
    let tag = head.value("etag").unwrap();
    let (head, content) = get(&towpath, path, &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!((head.status(), content.as_str()), (304, ""));
    assert_eq!(head.value("content-type"), None);
}

#[tokio::test]
async fn polls_and_sends() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "").await;
    let origin = "Origin: http://a.test\r\n";
    let poll = request("POST", "/echo/0/s/xhr", origin, "");
    let (answer, (mut server, _)) = tokio::join!(ask(&towpath, poll), backend.accept_websocket());
    assert_eq!(answer.1, "o\n");
    assert_eq!(
        answer.0.value("content-type"),
        Some("application/javascript; charset=UTF-8")
    );
    is_not_kept(&answer.0);
    assert_eq!(
        answer.0.value("access-control-allow-origin"),
        Some("http://a.test")
    );

    for (content_type, content) in [
        ("", r#"["a"]"#),
        ("Content-Type: T\r\n", r#"["a"]"#),
        ("Content-Type: application/xml\r\n", r#" [ "a" ] "#),
    ] {
        let send = request("POST", "/echo/1/s/xhr_send", content_type, content);
        let (head, content) = ask(&towpath, send).await;
        assert_eq!((head.status(), content.as_str()), (204, ""));
        assert_eq!(
            head.value("content-type"),
            Some("text/plain; charset=UTF-8")
        );
        is_not_kept(&head);
        assert_eq!(head.value("access-control-allow-origin"), Some("*"));
        assert_eq!(super::text(&server.frame().await), "a");
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_told_and_kills_nothing() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), LEGACY).await;
    let (mut server, _) = open(&towpath, &backend, "/echo/0/s").await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (path, fields, content, status, expected) in [
        ("xhr_send", "", "", 500, "Payload expected."),
        ("xhr_send", "", "{}", 500, "Payload expected."),
        ("xhr_send", "", "[\"a", 500, "Broken JSON encoding."),
        (
            "jsonp_send",
            form,
            "d=%5B%22a",
            500,
            "Broken JSON encoding.",
        ),
        ("jsonp_send", form, "d=", 500, "Payload expected."),
        ("jsonp_send", form, "p=p", 500, "Payload expected."),
        ("jsonp_send", form, "d=%5B%22b%22%5D", 200, "ok"),
        ("jsonp_send", "", "[\"%62\"]", 200, "ok"),
    ] {
        let send = request("POST", &format!("/echo/0/s/{path}"), fields, content);
        let (head, told) = ask(&towpath, send).await;
        assert_eq!(
            (head.status(), told.as_str()),
            (status, expected),
            "{content}"
        );
    }
    assert_eq!(super::text(&server.frame().await), "b");
    assert_eq!(super::text(&server.frame().await), "%62");
    let send = request("POST", "/echo/0/unknown/xhr_send", "", "[\"a\"]");
    assert_eq!(ask(&towpath, send).await.0.status(), 404);
}

#[tokio::test]
async fn scripts_call_a_name_and_nothing_else() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), LEGACY).await;
    for (query, expected) in [
        ("", "\"callback\" parameter required"),
        ("?c=", "\"callback\" parameter required"),
        ("?c=%20", "invalid \"callback\" parameter"),
        ("?c=abc%28", "invalid \"callback\" parameter"),
    ] {
        for transport in ["jsonp", "htmlfile"] {
            let path = format!("/echo/a/a/{transport}{query}");
            let (head, told) = get(&towpath, &path, "").await;
            assert_eq!((head.status(), told.as_str()), (500, expected), "{path}");
        }
    }
    let poll = request("GET", "/echo/0/s/jsonp?c=%63allback&app=1", "", "");
    let (answer, (_, handshake)) = tokio::join!(ask(&towpath, poll), backend.accept_websocket());
    assert_eq!(answer.1, "/**/callback(\"o\");\r\n");
    assert_eq!(answer.0.value("x-content-type-options"), Some("nosniff"));
    assert_eq!(handshake.start, "GET /ws?app=1 HTTP/1.1");
}

#[tokio::test]
async fn a_cookie_for_balancers_is_set_where_it_is_needed() {
    let backend = RawBackend::start().await;
    let towpath = service(backend.address(), "cookie_needed: on").await;
    for (session, cookie, expected) in [
        ("a", "", "JSESSIONID=dummy; path=/"),
        (
            "b",
            "Cookie: x=1; JSESSIONID=abc\r\n",
            "JSESSIONID=abc; path=/",
        ),
    ] {
        let poll = request("POST", &format!("/echo/0/{session}/xhr"), cookie, "");
        let (answer, _server) = tokio::join!(ask(&towpath, poll), backend.accept_websocket());
        assert_eq!(answer.0.value("set-cookie"), Some(expected));
    }
    let (head, _) = ask(&towpath, request("OPTIONS", "/echo/0/a/xhr", "", "")).await;
    assert!(head.value("set-cookie").is_some());
}

#[tokio::test]
async fn other_peoples_pages_are_kept_out_before_the_backend_hears() {
    let backend = RawBackend::start().await;
    let origins = "origins: ['https://page.test']";
    let towpath = with(backend.address(), "/echo", origins).await;
    let evil = "Origin: https://evil.test\r\n";
    let (head, _) = ask(&towpath, request("POST", "/echo/0/s/xhr", evil, "")).await;
    assert_eq!(head.status(), 403);
    backend.saw_nobody();
}

#[tokio::test]
async fn too_much_content_is_refused() {
    let backend = RawBackend::start().await;
    let towpath = with(backend.address(), "/echo", "max_body: 64KiB").await;
    let (_server, _) = open(&towpath, &backend, "/echo/0/s").await;
    let long = format!("[\"{}\"]", "x".repeat(65_536));
    let (head, _) = ask(&towpath, request("POST", "/echo/0/s/xhr_send", "", &long)).await;
    assert_eq!(head.status(), 413);
}
