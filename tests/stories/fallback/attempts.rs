//! What became of a WebSocket attempt, as the client that made it is told (§8), and that nobody else hears of its name.

use harness::fallback::Opening;
use harness::{
    Frame, HttpBackend, NOBODY, Opcode, RawBackend, Towpath, TungstenitePeer, Wire, full,
    handshake, switching_protocols, whole, within,
};
use http::Request;
use serde_json::{Value, json};

use super::in_front_of;

const CID: &str = "wYbTz1X0c4bO4mCq3xqg9Q";
const CHAT: &str = "/chat?~towpath=wYbTz1X0c4bO4mCq3xqg9Q";

/// The answer to such a `check`, but for what all answers have and how old it is.
async fn answer(towpath: &Towpath, body: &str) -> Value {
    let request = Request::post("/chat/~towpath/1/check").body(full(body.to_owned()));
    let response = towpath.http().await.send(request.unwrap()).await;
    assert_eq!(response.status(), 200);
    let mut answer: Value = serde_json::from_slice(&whole(response.into_body()).await).unwrap();
    assert_eq!(answer["towpath"], 1);
    let answer = answer.as_object_mut().unwrap();
    answer.remove("towpath");
    if answer["status"] == "closed" {
        assert!(answer.remove("age").is_some_and(|age| age.is_u64()));
    }
    json!(answer)
}

async fn check(towpath: &Towpath) -> Value {
    let body = json!({ "towpath": 1, "cid": CID });
    answer(towpath, &body.to_string()).await
}

/// Asks until the tunnel's end is told.
async fn check_at_the_end(towpath: &Towpath) -> Value {
    within("the attempt's end", async {
        loop {
            let answer = check(towpath).await;
            if answer["status"] == "closed" {
                return answer;
            }
        }
    })
    .await
}

/// An open tunnel whose client may ask of it.
struct Tunnel {
    client: Wire,
    server: Wire,
    towpath: Towpath,
    _backend: RawBackend,
}

impl Tunnel {
    /// Opens it, with these settings of the route.
    async fn open(route: &str) -> Self {
        let backend = RawBackend::start().await;
        let upstream = backend.address();
        let config = format!("routes: [{{ upstream: {upstream}, {route} }}]");
        let towpath = Towpath::start(&config).await;
        let mut client = towpath.connect().await;
        client.send(handshake(CHAT, "")).await;
        let (server, _) = backend.accept_websocket().await;
        assert_eq!(client.head().await.status(), 101);
        Self {
            client,
            server,
            towpath,
            _backend: backend,
        }
    }
}

#[tokio::test]
async fn one_that_never_came_is_unseen() {
    let towpath = in_front_of(NOBODY.parse().unwrap(), "").await;
    let unseen = json!({ "status": "unseen" });
    assert_eq!(check(&towpath).await, unseen);
    // Nor did these come as what their client sent.
    for mangled in [
        handshake(CHAT, "").replace("Upgrade: websocket\r\n", ""),
        handshake(CHAT, "").replace("Version: 13", "Version: 8"),
        handshake(CHAT, "").replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let mut client = towpath.connect().await;
        client.send(&mangled).await;
        client.response().await;
        assert_eq!(check(&towpath).await, unseen, "{mangled}");
    }
}

#[tokio::test]
async fn what_is_no_check_is_malformed() {
    let towpath = in_front_of(NOBODY.parse().unwrap(), "").await;
    let cid = |cid: &str| json!({ "towpath": 1, "cid": cid }).to_string();
    for body in [
        String::new(),
        "{".to_owned(),
        format!("[\"{CID}\"]"),
        json!({ "towpath": 1 }).to_string(),
        json!({ "towpath": 1, "cid": 7 }).to_string(),
        json!({ "towpath": 2, "cid": CID }).to_string(),
        json!({ "cid": CID }).to_string(),
        cid(""),
        cid("short"),
        cid(&format!("{CID}A")),
        cid(&CID.replace('X', "/")),
        cid(&CID.replace('X', "\r")),
    ] {
        let answer = answer(&towpath, &body).await;
        assert_eq!(answer, json!({ "status": "malformed" }), "{body}");
    }
}

#[tokio::test]
async fn one_that_the_backend_has_not_answered_is_connecting() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    let mut client = towpath.connect().await;
    client.send(handshake(CHAT, "")).await;
    let mut server = backend.accept().await;
    let request = server.head().await;
    assert_eq!(check(&towpath).await, json!({ "status": "connecting" }));

    server.send(switching_protocols(&request, "")).await;
    assert_eq!(client.head().await.status(), 101);
    assert_eq!(check(&towpath).await["status"], "open");
}

/// However soon it asks.
#[tokio::test]
async fn who_has_the_101_is_not_told_that_it_is_connecting() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address(), "").await;
    for _ in 0..50 {
        let mut client = towpath.connect().await;
        client.send(handshake(CHAT, "")).await;
        assert_eq!(client.head().await.status(), 101);
        assert_eq!(check(&towpath).await["status"], "open");
    }
}

#[tokio::test]
async fn one_whose_client_leaves_before_the_answer_was_closed_by_it() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    let mut client = towpath.connect().await;
    client.send(handshake(CHAT, "")).await;
    let mut server = backend.accept().await;
    server.head().await;
    client.reset();
    let closed = json!({ "status": "closed", "by": "client", "heard": false });
    assert_eq!(check_at_the_end(&towpath).await, closed);
}

/// By the backend, and by ourselves: there is none, or no route.
#[tokio::test]
async fn a_refusal_is_told_with_its_status() {
    let peer = TungstenitePeer::start().await;
    let towpath = Towpath::start(&format!(
        "routes:\n  - {{ path: /refuse, upstream: {} }}\n  - {{ path: /chat, upstream: {NOBODY} }}",
        peer.address()
    ))
    .await;
    for (path, status) in [("/refuse", 403), ("/chat", 502), ("/elsewhere", 404)] {
        let mut client = towpath.connect().await;
        let path = format!("{path}?~towpath={CID}");
        client.send(handshake(&path, "")).await;
        assert_eq!(client.response().await.0.status(), status);
        let refused = json!({ "status": "refused", "http_status": status });
        assert_eq!(check(&towpath).await, refused);
    }
}

#[tokio::test]
async fn an_open_one_tells_whether_the_client_was_heard() {
    let mut tunnel = Tunnel::open("").await;
    let open = |heard| json!({ "status": "open", "heard": heard });
    assert_eq!(check(&tunnel.towpath).await, open(false));
    let hello = Frame::text("from the server");
    tunnel.server.send(hello.bytes()).await;
    // The proxy's own ping may come first.
    while tunnel.client.frame().await != hello {}
    assert_eq!(check(&tunnel.towpath).await, open(false));
    // As a browser answers a ping.
    let pong = Frame::new(Opcode::Pong, "").masked();
    tunnel.client.send(pong.bytes()).await;
    tunnel.server.frame().await;
    // It counts a moment after it was passed on.
    within("the pong counts", async {
        while check(&tunnel.towpath).await != open(true) {}
    })
    .await;
}

#[tokio::test]
async fn an_end_is_told_with_whose_close_it_was() {
    let coded = || Frame::close(4001, "bye");
    let without = || Frame::new(Opcode::Close, "");
    for (close, code) in [(coded(), 4001), (without(), 1005)] {
        let mut tunnel = Tunnel::open("").await;
        tunnel.client.send(close.clone().masked().bytes()).await;
        tunnel.server.frame().await;
        tunnel.server.send(close.bytes()).await;
        let closed = json!({ "status": "closed", "by": "client", "code": code, "heard": true });
        assert_eq!(check_at_the_end(&tunnel.towpath).await, closed);

        let mut tunnel = Tunnel::open("").await;
        tunnel.server.send(close.clone().bytes()).await;
        let closed = json!({ "status": "closed", "by": "backend", "code": code, "heard": false });
        assert_eq!(check_at_the_end(&tunnel.towpath).await, closed);
        // It is remembered.
        tunnel.client.send(close.masked().bytes()).await;
        tunnel.towpath.access("tunnel", |_| true).await;
        assert_eq!(check(&tunnel.towpath).await["code"], code);
    }
}

/// Without a code: that is how a client knows that something on the way cut it.
#[tokio::test]
async fn an_end_without_a_close_has_no_code() {
    let tunnel = Tunnel::open("").await;
    tunnel.client.reset();
    let closed = |by| json!({ "status": "closed", "by": by, "heard": false });
    assert_eq!(check_at_the_end(&tunnel.towpath).await, closed("client"));

    let tunnel = Tunnel::open("").await;
    tunnel.server.reset();
    assert_eq!(check_at_the_end(&tunnel.towpath).await, closed("backend"));
}

#[tokio::test]
async fn an_end_by_our_own_rules_is_told_as_ours() {
    let mut tunnel = Tunnel::open("websocket: { max_message: 1KiB }").await;
    let too_long = Frame::new(Opcode::Binary, vec![0; 1025]).masked();
    tunnel.client.send(too_long.bytes()).await;
    let closed = json!({ "status": "closed", "by": "towpath", "code": 1009, "heard": true });
    assert_eq!(check_at_the_end(&tunnel.towpath).await, closed);
}

/// B3. A cid is between the client and the proxy; all else in a query may be a secret, too.
#[tokio::test]
async fn no_log_gets_to_see_a_query_and_no_backend_a_cid() {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    for tilde in ["~", "%7E", "%7e"] {
        let mut client = towpath.connect().await;
        let path = format!("/chat?a=%20&{tilde}towpath={CID}&token=secret");
        client.send(handshake(&path, "")).await;
        let (_server, request) = backend.accept_websocket().await;
        client.head().await;
        assert_eq!(request.start, "GET /chat?a=%20&token=secret HTTP/1.1");
        assert!(!format!("{request:?}").contains(CID), "{request:?}");
        assert_eq!(check(&towpath).await["status"], "open");
    }
    let opening = Opening::new("/chat?token=secret");
    let hang_up = async { drop(backend.accept().await) };
    let ((_, answer), ()) = tokio::join!(opening.ask(towpath.address()), hang_up);
    assert_eq!(answer["status"], "unreachable");
    towpath.accesses("tunnel", 3).await;
    towpath.accesses("request", 4).await;
    let written = towpath.written();
    assert!(!written.contains(CID) && !written.contains("secret"));
}

/// An old proxy on the way removes the upgrade; the rest of its request is a plain one.
#[tokio::test]
async fn a_mangled_handshake_does_not_carry_its_cid_to_the_backend() {
    let mirror = HttpBackend::mirror().await;
    let towpath = in_front_of(mirror.address(), "").await;
    let path = format!("/chat?a=1&~towpath={CID}");
    let (status, seen) = towpath.get(&path, &[("sec-websocket-version", "13")]).await;
    assert_eq!(status, 200);
    assert!(seen.starts_with("GET /chat?a=1\n"), "{seen}");
}

/// A client that were told of the refusal would give up; one whose WebSockets get nowhere falls back.
#[tokio::test]
async fn where_there_is_nothing_but_the_fallback_an_attempt_is_unseen() {
    let backend = RawBackend::start().await;
    for (fallback, status) in [("on", "unseen"), ("off", "refused")] {
        let towpath = Towpath::start(&format!(
            "routes: [{{ upstream: {}, websocket: off, fallback: {fallback} }}]",
            backend.address()
        ))
        .await;
        let mut client = towpath.connect().await;
        client.send(handshake(CHAT, "")).await;
        assert_eq!(client.response().await.0.status(), 403);
        assert_eq!(check(&towpath).await["status"], status);
    }
    backend.saw_nobody();
}
