//! The probe: a WebSocket that Towpath itself echoes, within bounds, and without a backend (§8).

use harness::{Frame, Head, Opcode, RawBackend, Towpath, Wire, handshake};

const PROBE: &str = "/chat/~towpath/1/probe";

/// Towpath before a backend that nobody may ask, with these settings of the route.
async fn alone(route: &str) -> (RawBackend, Towpath) {
    let backend = RawBackend::start().await;
    let upstream = backend.address();
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {upstream}, {route} }}]")).await;
    (backend, towpath)
}

async fn probe(towpath: &Towpath, path: &str) -> Wire {
    let mut client = towpath.connect().await;
    client.send(handshake(path, "")).await;
    assert_eq!(client.head().await.status(), 101);
    client
}

async fn say(client: &mut Wire, frame: Frame) -> Frame {
    client.send(frame.masked().bytes()).await;
    client.frame().await
}

/// Its Close is answered, and that is the end.
async fn is_closed_with(mut client: Wire, code: u16) {
    let close = client.frame().await;
    assert_eq!(close.closing().0, code);
    client.send(close.masked().bytes()).await;
    client.ends().await;
}

#[tokio::test]
async fn eight_messages_are_echoed_and_no_more() {
    let (backend, towpath) = alone("").await;
    for path in [PROBE, "/chat/~towpath/1/probe/", "/~towpath/1/probe"] {
        let mut client = probe(&towpath, path).await;
        let frames = (0..7).map(|number| Frame::text(&number.to_string()));
        for frame in frames.chain([Frame::new(Opcode::Binary, vec![7; 1024])]) {
            // These are no messages.
            let pong = say(&mut client, Frame::new(Opcode::Ping, "there?")).await;
            assert_eq!(pong, Frame::new(Opcode::Pong, "there?"));
            assert_eq!(say(&mut client, frame.clone()).await, frame);
        }
        is_closed_with(client, 1000).await;
    }
    backend.saw_nobody();
}

#[tokio::test]
async fn a_message_of_more_than_a_kibibyte_is_1009() {
    let (backend, towpath) = alone("").await;
    let mut client = probe(&towpath, PROBE).await;
    let too_long = Frame::new(Opcode::Binary, vec![0; 1025]).masked();
    client.send(too_long.bytes()).await;
    assert_eq!(client.frame().await.closing().0, 1009);
    backend.saw_nobody();
}

#[tokio::test]
async fn a_close_is_answered() {
    let (_backend, towpath) = alone("").await;
    let mut client = probe(&towpath, PROBE).await;
    let answer = say(&mut client, Frame::close(1000, "")).await;
    assert_eq!(answer, Frame::close(1000, ""));
    client.ends().await;
}

/// To get through it, a WebSocket must be allowed to.
#[tokio::test]
async fn where_there_is_nothing_but_the_fallback_no_probe_gets_through() {
    let (backend, towpath) = alone("websocket: off, fallback: on").await;
    assert_eq!(refused(&towpath, handshake(PROBE, "")).await.status(), 403);
    backend.saw_nobody();
}

#[tokio::test]
async fn where_the_fallback_is_off_there_is_no_probe() {
    let (backend, towpath) = alone("fallback: off").await;
    for request in [handshake(PROBE, ""), plain("GET"), plain("POST")] {
        let head = refused(&towpath, request.clone()).await;
        assert_eq!(head.status(), 404, "{request}");
    }
    backend.saw_nobody();
}

#[tokio::test]
async fn what_is_no_upgrade_is_told_to_be_one() {
    let (backend, towpath) = alone("").await;
    for method in ["GET", "POST"] {
        let head = refused(&towpath, plain(method)).await;
        assert_eq!(head.status(), 426, "{method}");
        assert_eq!(head.value("upgrade"), Some("websocket"));
    }
    backend.saw_nobody();
}

fn plain(method: &str) -> String {
    format!("{method} {PROBE} HTTP/1.1\r\nHost: chat.test\r\nContent-Length: 0\r\n\r\n")
}

async fn refused(towpath: &Towpath, request: String) -> Head {
    let mut client = towpath.connect().await;
    client.send(request).await;
    client.response().await.0
}
