//! How a conversation ends, and what each side is told of it (§9).

use harness::fallback::{self, Ended, Io, Kind, Session};
use harness::{Frame, Opcode, RawBackend, Signal, Towpath, Wire, within};

use super::Conversation;

fn ended(code: u16, reason: &str) -> Ended {
    let reason = reason.to_owned();
    Ended { code, reason }
}

#[tokio::test]
async fn the_clients_close_follows_its_messages_and_is_answered() {
    let Conversation {
        client,
        mut server,
        towpath: _towpath,
        ..
    } = Conversation::open("").await;
    client.send("last words").await;
    client.close(4001, "bye");
    assert_eq!(server.frame().await, Frame::text("last words").masked());
    assert_eq!(server.frame().await.closing(), (4001, "bye".to_owned()));
    server.send(Frame::text("mine too").bytes()).await;
    server.send(Frame::close(4002, "so long").bytes()).await;
    assert_eq!(client.text().await, "mine too");
    hang_up(server).await;
    assert_eq!(client.ended().await, ended(4002, "so long"));
}

#[tokio::test]
async fn a_close_may_have_no_code() {
    let mut carried = Conversation::open("").await;
    carried.client.close(0, "");
    let without_code = Frame::new(Opcode::Close, "");
    let close = carried.server.frame().await;
    assert_eq!(close, without_code.clone().masked());
    carried.server.send(without_code.bytes()).await;
    hang_up(carried.server).await;
    assert_eq!(carried.client.ended().await, ended(1005, ""));
}

#[tokio::test]
async fn the_backends_close_follows_its_messages_and_is_answered() {
    for (frame, end) in [
        (Frame::close(4001, "bye"), ended(4001, "bye")),
        (Frame::close(1000, ""), ended(1000, "")),
        (Frame::new(Opcode::Close, ""), ended(1005, "")),
    ] {
        let mut carried = Conversation::open("").await;
        carried.server.send(Frame::text("last words").bytes()).await;
        carried.server.send(frame.bytes()).await;
        assert_eq!(carried.server.frame().await, frame.masked());
        hang_up(carried.server).await;
        assert_eq!(carried.client.text().await, "last words");
        assert_eq!(carried.client.ended().await, end);
    }
}

/// A backend that never answers a Close holds nobody up for more than 5 s.
#[tokio::test]
async fn a_backend_that_does_not_answer_a_close_is_not_waited_for() {
    let mut carried = Conversation::open("").await;
    carried.client.close(4001, "bye");
    assert_eq!(carried.server.frame().await.closing().0, 4001);
    assert_eq!(carried.client.ended().await.code, 1006);
    carried.server.ends().await;
}

#[tokio::test]
async fn a_backend_that_is_lost_is_1006() {
    let carried = Conversation::open("").await;
    let Conversation { client, server, .. } = carried;
    server.reset();
    assert_eq!(client.ended().await.code, 1006);
}

#[tokio::test]
async fn a_backend_that_breaks_the_websocket_protocol_is_1006() {
    for broken in [
        Frame::text("masked").masked().bytes(),
        vec![0x83, 0],
        vec![0xc1, 0],
        Frame::new(Opcode::Continuation, "of nothing").bytes(),
    ] {
        let mut carried = Conversation::open("").await;
        carried.server.send(Frame::text("fine").bytes()).await;
        carried.server.send(&broken).await;
        assert_eq!(carried.client.text().await, "fine");
        assert_eq!(carried.client.ended().await.code, 1006, "{broken:?}");
    }
}

#[tokio::test]
async fn a_text_of_the_backend_that_is_no_utf_8_is_1007_for_both() {
    let mut carried = Conversation::open("").await;
    let no_text = Frame::new(Opcode::Text, [0xff]);
    carried.server.send(no_text.bytes()).await;
    both_are_told(carried, 1007).await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_1009_for_both() {
    const ROUTE: &str = "fallback: { max_message: 1KiB }";
    let mut carried = Conversation::open(ROUTE).await;
    assert_eq!(carried.client.opened.max_message, 1024);
    carried.client.send(vec![1; 1024]).await;
    let fits = Frame::new(Opcode::Binary, vec![1; 1024]).masked();
    assert_eq!(carried.server.frame().await, fits);
    carried.client.send(vec![1; 1025]).await;
    both_are_told(carried, 1009).await;

    let mut carried = Conversation::open(ROUTE).await;
    let too_large = Frame::new(Opcode::Binary, vec![1; 1025]);
    carried.server.send(too_large.bytes()).await;
    both_are_told(carried, 1009).await;
}

/// The client hears of it by the poll that is held.
#[tokio::test]
async fn when_the_proxy_goes_down_the_client_is_told_1012_and_the_backend_1001() {
    let backend = RawBackend::start().await;
    let mut towpath = Towpath::start(&format!(
        "drain: {{ delay: 1s, spread: 0s, timeout: 1h }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let (mut session, (mut server, _)) = tokio::join!(
        Session::open(towpath.address(), "/chat"),
        backend.accept_websocket()
    );
    // What it sends shows that the poll is there.
    let poll = Io {
        wait: session.opened.wait,
        first: 1,
        frames: vec![fallback::Frame::text("I hold")],
        ..session.request()
    };
    let poll = tokio::spawn(async move { session.io(&poll).await });
    server.frame().await;

    towpath.signal(Signal::TERM);
    assert_eq!(server.frame().await.closing().0, 1001);
    server.send(Frame::close(1001, "").bytes()).await;
    hang_up(server).await;
    let answer = within("the poll's answer", poll).await.unwrap();
    assert_eq!(answer.frames.len(), 1);
    assert_eq!(answer.frames[0].kind, Kind::Close);
    assert_eq!(answer.frames[0].payload[..3], [0, 0x03, 0xf4]);
    assert_eq!(towpath.exit_code().await, Some(0));
}

async fn both_are_told(mut carried: Conversation, code: u16) {
    assert_eq!(carried.server.frame().await.closing().0, code);
    carried.server.send(Frame::close(code, "").bytes()).await;
    hang_up(carried.server).await;
    assert_eq!(carried.client.ended().await.code, code);
}

/// The server ends the connection after both have closed (RFC 6455 §7.1.1).
async fn hang_up(mut server: Wire) {
    server.half_close().await;
    server.ends().await;
}
