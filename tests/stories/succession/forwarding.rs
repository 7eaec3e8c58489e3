//! Requests of a session that come to another process than its own, a younger one or an older one.

use harness::fallback::{Answer, Frame, Session, Status};
use harness::{Frame as WebSocketFrame, Head, RawBackend, Towpath, Wire, full, handshake, whole};
use serde_json::json;

use super::upgrade;

const FIRST_LINE: &str = "POST /chat/~towpath/1/io HTTP/1.1\r\n";

/// A session, and its backend's end.
async fn open(towpath: &Towpath, backend: &RawBackend) -> (Session, Wire) {
    let opening = Session::open(towpath.address(), "/chat");
    let (session, (server, _)) = tokio::join!(opening, backend.accept_websocket());
    (session, server)
}

/// What is left of a request of which the first line was sent.
fn rest(body: &[u8]) -> Vec<u8> {
    let head = format!("Host: chat.test\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn answer(client: &mut Wire) -> (Head, Answer) {
    let head = client.head().await;
    let length: usize = head.value("content-length").unwrap().parse().unwrap();
    let body = client.bytes(length).await;
    (head, Answer::parse(&body).unwrap())
}

/// A client may have connections to the old process yet when its session is opened in the new one: whatever comes over
/// them is put to that.
#[tokio::test]
async fn what_comes_to_an_older_process_reaches_the_session_too() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let mut connections = [towpath.connect().await, towpath.connect().await];
    for connection in &mut connections {
        // Its request is on its way when the process is succeeded.
        connection.send(FIRST_LINE).await;
    }
    // They are accepted in their order: when this is answered, they are in.
    assert_eq!(towpath.get("/.towpath/client.js", &[]).await.0, 200);
    let [mut once, mut twice] = connections;
    let second = upgrade(&towpath).await;
    let (mut session, mut server) = open(&towpath, &backend).await;

    let mut request = session.request();
    (request.first, request.frames) = (1, vec![Frame::text("through the first")]);
    once.send(rest(&request.bytes())).await;
    let (head, said) = answer(&mut once).await;
    assert_eq!((said.status, said.ack), (Status::Ok, 1));
    assert_eq!(head.value("connection"), Some("close"));
    assert_eq!(
        server.frame().await.payload,
        b"through the first".as_slice()
    );

    // It is the third process' session now, of which the first one was never told.
    let _third = second.upgrade(&towpath).await;
    let (mut session, mut server) = open(&towpath, &backend).await;
    server.send(WebSocketFrame::text("hello").bytes()).await;
    let mut request = session.request();
    request.wait = session.opened.wait;
    twice.send(rest(&request.bytes())).await;
    let (_, polled) = answer(&mut twice).await;
    assert_eq!(polled.frames, [Frame::text("hello")]);
}

/// The oldest of three is asked through the youngest, for as long as it lives.
#[tokio::test]
async fn a_session_is_found_however_many_processes_have_followed() {
    let backend = RawBackend::start().await;
    let mut towpath =
        Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let (session, mut server) = open(&towpath, &backend).await;
    let second = upgrade(&towpath).await;
    let (between, mut servers) = open(&towpath, &backend).await;
    let _third = second.upgrade(&towpath).await;

    for (session, server) in [(session, &mut server), (between, &mut servers)] {
        let mut session = session.again(&[]);
        let sent = session.send(1, vec![Frame::text("hello")]).await;
        assert_eq!((sent.status, sent.ack), (Status::Ok, 1));
        assert_eq!(server.frame().await.payload, b"hello".as_slice());
        server.send(WebSocketFrame::close(1000, "").bytes()).await;
        let polled = session.poll(0).await;
        assert_eq!(polled.frames, [Frame::close(1000, "")]);
        assert_eq!(session.poll(1).await.status, Status::Closed);
    }
    assert_eq!(towpath.exit_code().await, Some(0));
}

/// A page asks what became of its handshake, and its question comes to the new process.
#[tokio::test]
async fn what_became_of_a_handshake_is_known_after_the_upgrade() {
    let backend = RawBackend::start().await;
    let mut towpath =
        Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    const CID: &str = "wYbTz1X0c4bO4mCq3xqg9Q";
    let mut client = towpath.connect().await;
    client
        .send(handshake(&format!("/chat?~towpath={CID}"), ""))
        .await;
    let (mut server, _) = backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);

    let _successor = upgrade(&towpath).await;
    let check = async |cid: &str| {
        let body = json!({ "towpath": 1, "cid": cid }).to_string();
        let request = http::Request::post("/chat/~towpath/1/check").body(full(body));
        let response = towpath.http().await.send(request.unwrap()).await;
        let answer = whole(response.into_body()).await;
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        answer["status"].clone()
    };
    assert_eq!(check(CID).await, "open");
    assert_eq!(check("AAAAAAAAAAAAAAAAAAAAAA").await, "unseen");
    let close = WebSocketFrame::close(1000, "");
    client.send(close.clone().masked().bytes()).await;
    server.frame().await;
    server.send(close.bytes()).await;
    drop((client, server));
    assert_eq!(towpath.exit_code().await, Some(0));
}
