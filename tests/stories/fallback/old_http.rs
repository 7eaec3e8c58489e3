//! How connections are kept and ended: old intermediaries speak HTTP/1.0, which has no chunks, and keep a connection
//! only if both sides say so (RFC 9112 §9.3). A whole conversation goes all the same.

use harness::fallback::{Answer, Frame, Io, Kind, Opened, Opening};
use harness::{Frame as WebSocketFrame, Head, RawBackend, Towpath, Wire, switching_protocols};

use super::{ByHand, in_front_of};

const IO: &str = "/chat/~towpath/1/io";

/// A request for the fallback; `first` are its version and the lines that tell of the connection.
fn post(path: &str, first: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let (body, length) = (body.as_ref(), body.as_ref().len());
    let head = format!("POST {path} {first}Host: chat.test\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

const OLD: &str = "HTTP/1.0\r\n";
const OLD_KEPT: &str = "HTTP/1.0\r\nConnection: keep-alive\r\n";
const NEW: &str = "HTTP/1.1\r\n";
const NEW_CLOSED: &str = "HTTP/1.1\r\nConnection: close\r\n";

/// An answer whose length its head says.
async fn answer(client: &mut Wire) -> (Head, Vec<u8>) {
    let head = client.head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.value("transfer-encoding"), None);
    let length = head.value("content-length").expect("a length");
    let content = client.bytes(length.parse().unwrap()).await;
    (head, content)
}

fn connection(head: &Head) -> String {
    let connection = head.value("connection").unwrap_or_default();
    connection.to_ascii_lowercase()
}

/// Opens a session, sends and polls, each with such a request.
async fn converses(first: &str, is_kept: bool) {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "").await;
    let mut client = Client {
        wire: towpath.connect().await,
        towpath: &towpath,
        first,
        is_kept,
    };

    let opening = Opening::new("/chat");
    let accept = async {
        let mut server = backend.accept().await;
        let request = server.head().await;
        server.send(switching_protocols(&request, "")).await;
        server
    };
    let body = opening.body().to_string();
    let path = opening.endpoint("open");
    let (content, mut server) = tokio::join!(client.post(&path, body), accept);
    let opened = Opened::read(&serde_json::from_slice(&content).unwrap());

    let hello = WebSocketFrame::text("hello");
    let mut request = Io {
        token: opened.token,
        serial: 1,
        budget: 1000,
        first: 1,
        frames: vec![Frame::text("hello")],
        ..Io::default()
    };
    assert_eq!(client.io(&request).await.ack, 1);
    assert_eq!(server.frame().await, hello.clone().masked());

    server.send(hello.bytes()).await;
    request.wait = opened.wait;
    request.serial = 2;
    assert_eq!(client.io(&request).await.frames, [Frame::text("hello")]);
}

/// A client that keeps its connection only if it may.
struct Client<'a> {
    wire: Wire,
    towpath: &'a Towpath,
    first: &'a str,
    is_kept: bool,
}

impl Client<'_> {
    async fn io(&mut self, request: &Io) -> Answer {
        Answer::parse(&self.post(IO, request.bytes()).await).unwrap()
    }

    async fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
        self.wire.send(post(path, self.first, body)).await;
        let (head, content) = answer(&mut self.wire).await;
        if !self.is_kept {
            assert_ne!(connection(&head), "keep-alive");
            self.wire.ends().await;
            self.wire = self.towpath.connect().await;
        } else if self.first == OLD_KEPT {
            assert_eq!(connection(&head), "keep-alive");
        }
        content
    }
}

#[tokio::test]
async fn over_http_1_0_each_request_has_a_connection() {
    converses(OLD, false).await;
}

#[tokio::test]
async fn over_http_1_0_a_connection_may_be_kept() {
    converses(OLD_KEPT, true).await;
}

#[tokio::test]
async fn over_http_1_1_a_connection_is_kept() {
    converses(NEW, true).await;
}

#[tokio::test]
async fn over_http_1_1_a_client_may_end_each_connection() {
    converses(NEW_CLOSED, false).await;
}

/// Without chunks, the connection's end is the stream's: it cannot be kept, whatever the client wishes.
#[tokio::test]
async fn over_http_1_0_a_stream_ends_with_its_connection() {
    for first in [OLD, OLD_KEPT] {
        let mut carried = ByHand::with(Opening::new("/chat").streams(), "").await;
        let poll = Io {
            flags: 1,
            wait: carried.session.opened.wait,
            budget: 1 << 20,
            ..carried.session.request()
        };
        let mut client = carried.towpath.connect().await;
        client.send(post(IO, first, poll.bytes())).await;
        let head = client.head().await;
        assert_eq!(head.status(), 200);
        assert_eq!(head.value("transfer-encoding"), None);
        assert_eq!(head.value("content-length"), None);
        assert_ne!(connection(&head), "keep-alive");
        let beginning = client.bytes(2048).await;
        assert_eq!(beginning[..4], *b"TP1\x00");

        let close = WebSocketFrame::close(4001, "bye").bytes();
        carried.server.send(close).await;
        let whole = [beginning, client.rest().await].concat();
        let mut frames = Answer::parse(&whole).unwrap().frames;
        frames.retain(|frame| frame.kind != Kind::Padding);
        assert_eq!(frames[0], Frame::close(4001, "bye"));
        assert_eq!((frames.len(), frames[1].kind), (2, Kind::End));
    }
}

/// Pipelined (RFC 9112 §9.3.2): each is answered, in order.
#[tokio::test]
async fn requests_may_follow_each_other_on_a_connection_before_they_are_answered() {
    let mut carried = ByHand::open("hold: 1s").await;
    let mut text = |number, wait| {
        let request = Io {
            wait,
            first: number,
            frames: vec![Frame::text("hello")],
            ..carried.session.request()
        };
        post(IO, NEW, request.bytes())
    };
    // One that is held stands in the middle.
    let all = [text(1, 0), text(2, 1000), text(3, 0)].concat();
    let mut client = carried.towpath.connect().await;
    client.send(all).await;
    for number in 1..4 {
        let (_, content) = answer(&mut client).await;
        let answer = Answer::parse(&content).unwrap();
        assert_eq!((answer.serial, answer.ack), (number, number));
    }
}
