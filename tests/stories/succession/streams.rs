//! Answers without an end: one that has begun goes on where it is, and the next one comes through the new process, piece by
//! piece as well.

use harness::fallback::{Frame, Opening, Session};
use harness::{Frame as WebSocketFrame, RawBackend, Towpath, Wire};

use super::upgrade;

#[tokio::test]
async fn a_native_stream_goes_on_and_so_does_the_next() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    let opening = Session::with(towpath.address(), Opening::new("/chat").streams());
    let (mut session, (mut server, _)) = tokio::join!(opening, backend.accept_websocket());
    let mut stream = session.stream(0).await;
    server.send(WebSocketFrame::text("one").bytes()).await;
    assert_eq!(stream.frames(1).await.frames, [Frame::text("one")]);

    let _successor = upgrade(&towpath).await;
    server.send(WebSocketFrame::text("two").bytes()).await;
    let both = [Frame::text("one"), Frame::text("two")];
    assert_eq!(stream.frames(2).await.frames, both);
    drop(stream);

    let mut stream = session.stream(2).await;
    let mut all = Vec::new();
    for text in ["three", "four"] {
        server.send(WebSocketFrame::text(text).bytes()).await;
        all.push(Frame::text(text));
        assert_eq!(stream.frames(all.len()).await.frames, all);
    }
    server
        .send(WebSocketFrame::close(4001, "bye").bytes())
        .await;
    let whole = stream.whole().await;
    assert_eq!(whole.frames[2], Frame::close(4001, "bye"));
}

#[tokio::test]
async fn a_sockjs_stream_goes_on_and_so_does_the_next() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!(
        "routes: [{{ path: /echo, upstream: {}, fallback: {{ sockjs: {{ response_limit: 1KiB }} }} }}]",
        backend.address()
    ))
    .await;
    let ask = async || {
        let mut client = towpath.connect().await;
        client
            .send("POST /echo/000/s/xhr_streaming HTTP/1.1\r\nHost: chat.test\r\n\r\n")
            .await;
        client
    };
    let mut client = ask().await;
    let (mut server, _) = backend.accept_websocket().await;
    begins(&mut client).await;
    assert_eq!(chunk(&mut client).await, "o\n");

    let _successor = upgrade(&towpath).await;
    let long = "x".repeat(1024);
    server.send(WebSocketFrame::text(&long).bytes()).await;
    assert_eq!(chunk(&mut client).await, format!("a[\"{long}\"]\n"));
    assert_eq!(client.chunk().await, None, "it is at its limit");

    let mut client = ask().await;
    begins(&mut client).await;
    for text in ["one", "two"] {
        server.send(WebSocketFrame::text(text).bytes()).await;
        assert_eq!(chunk(&mut client).await, format!("a[\"{text}\"]\n"));
    }
    server
        .send(WebSocketFrame::close(3000, "bye").bytes())
        .await;
    assert_eq!(chunk(&mut client).await, "c[3000,\"bye\"]\n");
    assert_eq!(client.chunk().await, None);
}

async fn begins(client: &mut Wire) {
    assert_eq!(client.head().await.status(), 200);
    assert_eq!(chunk(client).await, "h".repeat(2048) + "\n");
}

async fn chunk(client: &mut Wire) -> String {
    String::from_utf8(client.chunk().await.expect("a chunk")).unwrap()
}
