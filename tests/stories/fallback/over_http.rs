//! The endpoints as HTTP sees them: methods, versions, encodings, and requests that are something else.

use harness::fallback::{Answer, Frame, Opening};
use harness::{Body, RawBackend, Towpath, full, handshake, whole};
use http::{Request, Response};
use hyper::body::Incoming;

use super::{ByHand, in_front_of};

const IO: &str = "/chat/~towpath/1/io";
const NEVER_STORED: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";

/// Towpath before a backend that nobody may ask.
async fn alone() -> (RawBackend, Towpath) {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    (backend, towpath)
}

async fn ask(towpath: &Towpath, request: http::request::Builder, body: Body) -> Response<Incoming> {
    let request = request.body(body).unwrap();
    towpath.http().await.send(request).await
}

/// D6.
#[tokio::test]
async fn a_compressed_body_is_415() {
    let (backend, towpath) = alone().await;
    for path in [IO, "/chat/~towpath/1/open"] {
        let request = Request::post(path).header("content-encoding", "gzip");
        let response = ask(&towpath, request, full("\x1f\u{8b}")).await;
        assert_eq!(response.status(), 415);
    }
    backend.saw_nobody();
}

#[tokio::test]
async fn another_method_is_405() {
    let (backend, towpath) = alone().await;
    for method in ["GET", "PUT", "DELETE"] {
        let request = Request::builder().method(method).uri(IO);
        let response = ask(&towpath, request, full("")).await;
        assert_eq!(response.status(), 405, "{method}");
        let allowed = response.headers()["allow"].to_str().unwrap();
        assert!(allowed.contains("POST"), "{allowed}");
    }
    backend.saw_nobody();
}

#[tokio::test]
async fn there_is_nothing_else_below_the_suffix() {
    let (backend, towpath) = alone().await;
    for path in ["/chat/~towpath/1/nothing", "/chat/~towpath/2/open"] {
        let response = ask(&towpath, Request::post(path), full("")).await;
        assert_eq!(response.status(), 404, "{path}");
    }
    backend.saw_nobody();
}

/// A browser asks first when a page of another origin sets a field of its own.
#[tokio::test]
async fn a_preflight_is_answered() {
    let (backend, towpath) = alone().await;
    let request = Request::options(IO)
        .header("origin", "http://page.test")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let response = ask(&towpath, request, full("")).await;
    assert!(response.status().is_success(), "{response:?}");
    for (name, value) in [
        ("access-control-allow-origin", "http://page.test"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-headers", "content-type"),
    ] {
        assert_eq!(response.headers()[name], value, "{name}");
    }
    let methods = &response.headers()["access-control-allow-methods"];
    assert!(methods.to_str().unwrap().contains("POST"));
    backend.saw_nobody();
}

/// D8.
#[tokio::test]
async fn no_answer_may_be_stored_and_a_page_of_another_origin_may_read_it() {
    let opening = Opening::new("/chat").field("origin", "http://page.test");
    let carried = ByHand::with(opening, "").await;
    for (path, body) in [(IO, "TP1"), ("/chat/~towpath/1/open", "{}")] {
        let request = Request::post(path).header("origin", "http://page.test");
        let response = ask(&carried.towpath, request, full(body)).await;
        let fields = response.headers();
        assert_eq!(fields["cache-control"], NEVER_STORED);
        assert_eq!(fields["access-control-allow-origin"], "http://page.test");
        assert_eq!(fields["access-control-allow-credentials"], "true");
        let vary = fields["vary"].to_str().unwrap().to_lowercase();
        assert!(vary.contains("origin"), "{vary}");
        assert_eq!(fields["x-content-type-options"], "nosniff");
    }
}

/// D7 (CVE-2020-7693): a handshake sent to what is no WebSocket is the client's mistake, and nobody else's trouble.
#[tokio::test]
async fn an_upgrade_of_an_endpoint_is_a_bad_request() {
    let (backend, towpath) = alone().await;
    for endpoint in ["open", "io", "check"] {
        let mut client = towpath.connect().await;
        let path = format!("/chat/~towpath/1/{endpoint}");
        client.send(handshake(&path, "")).await;
        let (head, _) = client.response().await;
        assert!((400..500).contains(&head.status()), "{head:?}");
        assert_eq!(head.value("sec-websocket-accept"), None);
    }
    let gone = ask(&towpath, Request::post(IO), full("TP1")).await;
    assert_eq!(gone.status(), 200);
    backend.saw_nobody();
}

#[tokio::test]
async fn a_body_may_be_chunked() {
    let mut carried = ByHand::open("").await;
    let io = harness::fallback::Io {
        first: 1,
        frames: vec![Frame::text("in pieces")],
        ..carried.session.request()
    };
    let mut client = carried.towpath.connect().await;
    client
        .send(format!(
            "POST {IO} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        ))
        .await;
    for byte in io.bytes() {
        client
            .send([b"1\r\n".as_slice(), &[byte], b"\r\n"].concat())
            .await;
    }
    client.send("0\r\n\r\n").await;
    let heard = carried.server.frame().await;
    assert_eq!(heard, harness::Frame::text("in pieces").masked());
    assert_eq!(client.head().await.status(), 200);
}

#[tokio::test]
async fn where_the_fallback_is_off_nothing_speaks_it() {
    let backend = RawBackend::start().await;
    let config = format!(
        "routes: [{{ upstream: {}, fallback: off }}]",
        backend.address()
    );
    let towpath = Towpath::start(&config).await;
    let opening = Opening::new("/chat");
    let (_, answer) = opening.ask(towpath.address()).await;
    assert_eq!(answer["status"], "policy");
    backend.saw_nobody();
}

/// The answer to a request that is held has a length: whatever buffers it knows when it is whole.
#[tokio::test]
async fn a_polls_answer_is_never_chunked() {
    let mut carried = ByHand::open("").await;
    let request = carried.session.request();
    let io = harness::fallback::Io {
        wait: 25_000,
        ..request
    };
    let body = full(io.bytes());
    carried
        .server
        .send(harness::Frame::text("news").bytes())
        .await;
    let response = ask(&carried.towpath, Request::post(IO), body).await;
    let length = response.headers()["content-length"]
        .to_str()
        .unwrap()
        .to_owned();
    let content = whole(response.into_body()).await;
    assert_eq!(length, content.len().to_string());
    let answer = Answer::parse(&content).unwrap();
    assert_eq!(answer.frames, [Frame::text("news")]);
}
