//! How long a session lives when its client is gone (§5).

use harness::fallback::{Frame, Io, Opened, Opening, Status};
use harness::{Frame as WebSocketFrame, RawBackend, Towpath, Wire, within};
use tokio::task::JoinSet;

use super::{ByHand, Conversation};

/// A poll that is held, on a connection that can be broken off. The frame that it sends shows that it is there.
async fn hold(carried: &mut ByHand, number: u64) -> Wire {
    let body = Io {
        wait: carried.session.opened.wait,
        first: number,
        frames: vec![Frame::text("I hold")],
        ..carried.session.request()
    }
    .bytes();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: chat.test\r\nContent-Length: {}\r\n\r\n",
        carried.session.path,
        body.len()
    );
    let mut wire = carried.towpath.connect().await;
    wire.send([head.as_bytes(), &body].concat()).await;
    carried.server.frame().await;
    wire
}

#[tokio::test]
async fn a_client_that_comes_back_goes_on_where_it_was() {
    let mut carried = ByHand::open("hold: 5m").await;
    for (number, word) in [(1, "first"), (2, "second")] {
        hold(&mut carried, number).await.reset();
        carried
            .server
            .send(WebSocketFrame::text(word).bytes())
            .await;
    }
    let mut frames = Vec::new();
    while frames.len() < 2 {
        frames = carried.session.poll(0).await.frames;
    }
    assert_eq!(frames, [Frame::text("first"), Frame::text("second")]);
}

#[tokio::test]
async fn a_client_that_does_not_come_back_is_given_up() {
    let mut carried = ByHand::open("hold: 5m, resume: 5s").await;
    hold(&mut carried, 1).await.reset();
    is_told_to_go(carried.server).await;
    assert_eq!(carried.session.poll(0).await.status, Status::Gone);
}

/// B4.
#[tokio::test]
async fn a_session_that_is_old_enough_is_closed_with_1001() {
    let mut carried = Conversation::open("websocket: { max_lifetime: 1s }").await;
    let close = carried.server.frame().await.closing();
    assert_eq!(close, (1001, "max lifetime".to_owned()));
    carried
        .server
        .send(WebSocketFrame::close(1001, "").bytes())
        .await;
    carried.server.half_close().await;
    carried.server.ends().await;
    let ended = carried.client.ended().await;
    assert_eq!((ended.code, &*ended.reason), (1001, "max lifetime"));
    let line = carried.towpath.access("session", |_| true).await;
    assert_eq!(line["ended_by"], "max_lifetime");
}

/// D4.
#[tokio::test]
async fn a_thousand_abandoned_sessions_leave_nothing_behind() {
    const SESSIONS: usize = 1000;
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!(
        "limits: {{ sessions_per_address: off, opens_per_second: off }}\n\
         routes: [{{ upstream: {}, fallback: {{ resume: 5s }} }}]",
        backend.address()
    ))
    .await;
    let before = towpath.descriptors();
    let mut servers = JoinSet::new();
    for _ in 0..SESSIONS {
        let opening = Opening::new("/chat");
        let (answer, (server, _)) =
            tokio::join!(opening.ask(towpath.address()), backend.accept_websocket());
        Opened::read(&answer.1);
        servers.spawn(is_told_to_go(server));
    }
    while let Some(told) = servers.join_next().await {
        told.unwrap();
    }
    within("the sockets are gone", async {
        // A few more than before: connections that are kept for the next request.
        while towpath.descriptors() > before + 20 {
            towpath.get("/chat/~towpath/1/io", &[]).await;
        }
    })
    .await;
}

/// A backend's end, to which nothing is said but a Close 1001.
async fn is_told_to_go(mut server: Wire) {
    assert_eq!(server.frame().await.closing().0, 1001);
    server.send(WebSocketFrame::close(1001, "").bytes()).await;
    server.half_close().await;
    server.ends().await;
}
