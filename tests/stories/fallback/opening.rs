//! How a session is opened, and what the backend hears of it (§1, §2).

use harness::fallback::{FallbackClient, Opened, Opening, Session};
use harness::{
    Frame, NOBODY, RawBackend, Towpath, TungstenitePeer, accept_key, full, switching_protocols,
    within,
};
use http::Request;
use serde_json::{Value, json};

use super::{ByHand, in_front_of};

#[tokio::test]
async fn the_backend_gets_the_handshake_that_a_websocket_would_have_sent() {
    let opening = Opening::new("/chat?room=7&q=%2F")
        .protocols(&["a", "b"])
        .field("cookie", "session=1; other=2")
        .field("authorization", "Bearer abc")
        .field("origin", "http://page.test")
        .field("user-agent", "a browser")
        .field("accept-language", "fr");
    let ByHand { request, .. } = ByHand::with(opening, "").await;
    assert_eq!(request.start, "GET /chat?room=7&q=%2F HTTP/1.1");
    for (name, value) in [
        ("host", "chat.test"),
        ("cookie", "session=1; other=2"),
        ("authorization", "Bearer abc"),
        ("origin", "http://page.test"),
        ("user-agent", "a browser"),
        ("accept-language", "fr"),
        ("sec-websocket-version", "13"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_eq!(request.value(name), Some(value), "{name}");
    }
    let offered = request.values("sec-websocket-protocol").join(", ");
    assert_eq!(offered.replace(' ', ""), "a,b");
    let fields = &request.fields;
    let content = ["content-type", "content-length", "sec-websocket-extensions"];
    assert!(content.iter().all(|name| request.value(name).is_none()));
    assert!(!fields.iter().any(|(_, value)| value.contains("towpath/1")));
}

#[tokio::test]
async fn the_endpoints_stand_below_each_path() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    for (path, endpoint, forwarded) in [
        ("/", "/~towpath/1/open/", "/"),
        ("/ws/", "/ws/~towpath/1/open/", "/ws/"),
        ("/a/b?c=d", "/a/b/~towpath/1/open?c=d", "/a/b?c=d"),
    ] {
        let opening = Opening::new(path);
        assert_eq!(opening.endpoint("open"), endpoint);
        let (_session, (_, request)) = tokio::join!(
            Session::with(towpath.address(), opening),
            backend.accept_websocket()
        );
        assert_eq!(request.start, format!("GET {forwarded} HTTP/1.1"));
    }
}

/// Where page and proxy share the origin, a browser names none; the WebSocket would have.
#[tokio::test]
async fn a_missing_origin_is_added_for_a_page_of_the_same_origin() {
    let opening = Opening::new("/chat").field("sec-fetch-site", "same-origin");
    let ByHand { request, .. } = ByHand::with(opening, "").await;
    assert_eq!(request.value("origin"), Some("http://chat.test"));

    let ByHand { request, .. } = ByHand::open("").await;
    assert_eq!(request.value("origin"), None);
}

#[tokio::test]
async fn the_backends_cookies_come_back() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    let opening = Opening::new("/chat");
    let accept = async {
        let mut server = backend.accept().await;
        let request = server.head().await;
        let cookies = "Set-Cookie: a=1; HttpOnly\r\nSet-Cookie: b=2\r\n";
        server.send(switching_protocols(&request, cookies)).await;
        server
    };
    let ((fields, answer), _server) = tokio::join!(opening.ask(towpath.address()), accept);
    Opened::read(&answer);
    let cookies: Vec<_> = fields.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; HttpOnly", "b=2"]);
}

#[tokio::test]
async fn a_refusal_comes_back_with_its_status() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address(), "").await;
    let (_, answer) = Opening::new("/refuse").ask(towpath.address()).await;
    assert_eq!(answer["status"], "refused");
    assert_eq!(answer["http_status"], 403);
    assert_eq!(answer["token"], Value::Null);
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_unreachable() {
    let towpath = in_front_of(NOBODY.parse().unwrap(), "").await;
    let (_, answer) = Opening::new("/chat").ask(towpath.address()).await;
    assert_eq!(answer["status"], "unreachable");
}

/// A3: neither does a proof that is none open anything here.
#[tokio::test]
async fn a_backend_without_a_valid_handshake_is_unreachable() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    let opening = Opening::new("/chat");
    let accept = async {
        let mut server = backend.accept().await;
        let request = server.head().await;
        let good = switching_protocols(&request, "");
        let bad = good.replace(&accept_key(&request), "c29tZXRoaW5nIGVsc2U=");
        server.send(bad).await;
        server
    };
    let ((_, answer), _server) = tokio::join!(opening.ask(towpath.address()), accept);
    assert_eq!(answer["status"], "unreachable");
}

/// The retry comes while the first is under way, and once more when it was answered.
#[tokio::test]
async fn a_repeated_open_dials_once() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    let opening = Opening::new("/chat");
    let (first, second, _server) = tokio::join!(
        opening.ask(towpath.address()),
        opening.ask(towpath.address()),
        backend.accept_websocket()
    );
    let third = opening.ask(towpath.address()).await;
    let token = Opened::read(&first.1).token;
    assert_eq!(Opened::read(&second.1).token, token);
    assert_eq!(Opened::read(&third.1).token, token);
    backend.saw_nobody();
}

/// A nonce that leaked is of no use to another page: it names another session there.
#[tokio::test]
async fn a_nonce_is_worth_nothing_from_another_origin() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    let opening = Opening::new("/chat");
    let own = opening.clone().field("origin", "http://page.test");
    let (first, _server) = tokio::join!(own.ask(towpath.address()), backend.accept_websocket());
    let token = Opened::read(&first.1).token;

    let evil = opening.field("origin", "http://evil.test");
    let (second, (_other, request)) =
        tokio::join!(evil.ask(towpath.address()), backend.accept_websocket());
    assert_eq!(request.value("origin"), Some("http://evil.test"));
    assert_ne!(Opened::read(&second.1).token, token);
    assert_eq!(
        Opened::read(&own.ask(towpath.address()).await.1).token,
        token
    );
    backend.saw_nobody();
}

#[tokio::test]
async fn what_is_no_open_reaches_no_backend() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    let good = Opening::new("/chat").body();
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    let mut client = towpath.http().await;
    for (body, status) in [
        (String::new(), "malformed"),
        ("{".to_owned(), "malformed"),
        ("[]".to_owned(), "malformed"),
        (with("towpath", json!("1")), "malformed"),
        (with("towpath", json!(2)), "policy"),
        (with("nonce", json!("short")), "malformed"),
        (with("nonce", json!("!".repeat(22))), "malformed"),
        (with("protocols", json!("a")), "malformed"),
        (with("protocols", json!(["a b"])), "malformed"),
        (with("protocols", json!(["a\r\nX: y"])), "malformed"),
        (with("receive", json!(-1)), "malformed"),
    ] {
        let request = Request::post("/chat/~towpath/1/open").body(full(body.clone()));
        let response = client.send(request.unwrap()).await;
        assert_eq!(response.status(), 200);
        let answer = harness::whole(response.into_body()).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["towpath"], 1, "{body}");
        assert_eq!(answer["status"], status, "{body}");
    }
    backend.saw_nobody();
}

/// D4, E2. The retry finds room when another session has ended.
#[tokio::test]
async fn beyond_the_limit_an_open_is_told_to_come_again() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!(
        "limits: {{ sessions_per_address: 1 }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let (first, (mut server, _)) = tokio::join!(
        FallbackClient::open(towpath.address(), "/chat"),
        backend.accept_websocket()
    );
    let opening = Opening::new("/chat");
    let (_, answer) = opening.ask(towpath.address()).await;
    assert_eq!(answer["status"], "busy");
    assert!(answer["retry_after"].as_u64() > Some(0), "{answer}");

    server.send(Frame::close(1000, "").bytes()).await;
    assert_eq!(server.frame().await.closing().0, 1000);
    server.half_close().await;
    first.ended().await;
    let second = async {
        within("room for another", async {
            while opening.ask(towpath.address()).await.1["status"] == "busy" {}
        })
        .await
    };
    tokio::join!(second, backend.accept_websocket());
    backend.saw_nobody();
}
