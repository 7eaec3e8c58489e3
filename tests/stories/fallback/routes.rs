//! Which route a session takes: the one that the WebSocket itself would have taken, once and for all.

use harness::fallback::{Frame, Opening, Session, Status};
use harness::{Frame as WebSocketFrame, RawBackend, Towpath, TungstenitePeer};

/// Conditions look at fields that only a WebSocket's handshake has.
#[tokio::test]
async fn a_session_takes_the_route_that_the_websocket_would_have_taken() {
    for condition in [
        "headers: { Upgrade: websocket }",
        "headers: { Connection: Upgrade }",
        "headers: { Sec-WebSocket-Protocol: 'chat.v2' }",
        "headers: { Sec-WebSocket-Version: '13' }",
        "headers: { Origin: 'http://chat.test' }",
        "query: { room: '7' }",
        "methods: [GET]",
    ] {
        let (wanted, other) = (RawBackend::start().await, RawBackend::start().await);
        let towpath = Towpath::start(&format!(
            "routes:\n- {{ upstream: {}, {condition} }}\n- {{ upstream: {} }}",
            wanted.address(),
            other.address()
        ))
        .await;
        let opening = Opening::new("/chat?room=7")
            .protocols(&["chat.v2"])
            .field("sec-fetch-site", "same-origin");
        let (answer, (_server, request)) =
            tokio::join!(opening.ask(towpath.address()), wanted.accept_websocket());
        assert_eq!(answer.1["status"], "ok", "{condition}");
        assert_eq!(request.start, "GET /chat?room=7 HTTP/1.1");
        other.saw_nobody();
    }
}

/// Conditions on what only a request with content has do not hold.
#[tokio::test]
async fn a_session_takes_no_route_for_posts() {
    let (posts, other) = (RawBackend::start().await, RawBackend::start().await);
    let towpath = Towpath::start(&format!(
        "routes:\n- {{ upstream: {}, methods: [POST] }}\n- {{ upstream: {} }}",
        posts.address(),
        other.address()
    ))
    .await;
    let _open = tokio::join!(
        Session::open(towpath.address(), "/chat"),
        other.accept_websocket()
    );
    posts.saw_nobody();
}

/// A reload cuts nobody off: not where the route is gone, and not where it lets others in from now on.
#[tokio::test]
async fn an_open_session_outlives_its_route() {
    let peer = TungstenitePeer::start().await;
    for after in [
        "{ upstream: SERVER, path: /elsewhere }",
        "{ upstream: SERVER, fallback: off }",
        "{ upstream: SERVER, fallback: { origins: ['http://other.test'] } }",
    ] {
        let backend = RawBackend::start().await;
        let towpath =
            Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
        let opening = Opening::new("/chat").field("origin", "http://page.test");
        let (mut session, (mut server, _)) = tokio::join!(
            Session::with(towpath.address(), opening),
            backend.accept_websocket()
        );
        let after = after.replace("SERVER", &peer.address().to_string());
        towpath.reload(&format!("routes: [{after}]")).await;
        let answer = session.send(1, vec![Frame::text("still here")]).await;
        assert_eq!((answer.status, answer.ack), (Status::Ok, 1), "{after}");
        let heard = server.frame().await;
        assert_eq!(heard, WebSocketFrame::text("still here").masked());
    }
}

/// As in a WebSocket's handshake, it is for the proxy alone.
#[tokio::test]
async fn the_name_of_an_attempt_reaches_no_backend() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let opening = Opening::new("/chat?a=1&~towpath=wYbTz1X0c4bO4mCq3xqg9Q");
    let (_session, (_server, request)) = tokio::join!(
        Session::with(towpath.address(), opening),
        backend.accept_websocket()
    );
    assert_eq!(request.start, "GET /chat?a=1 HTTP/1.1");
}
