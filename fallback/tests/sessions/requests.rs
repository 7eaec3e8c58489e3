//! Requests of one session: that come, that wait, and that leave.

use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use towpath_fallback::Bounds;
use towpath_fallback::session::Limits;

use crate::backend::Verdict;
use crate::io::{BINARY, END, Io, OK, TEXT, frames};
use crate::proxy::{Proxy, arrive, settle, whole};

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_held_is_answered_when_the_backend_speaks() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, mut server) = proxy.session(&mut seen).await;
    let mut poll = session.request(&Io::poll(0));
    arrive(&mut poll).await;
    server.send(Message::text("hello")).await.unwrap();
    let answer = whole(poll.await).await;
    assert_eq!(answer.frames, [(TEXT, b"hello".to_vec())]);
}

/// The session lives for a minute from there on, not from the end of the poll's 25 s.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_a_held_poll_is_missed_at_once() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, _server) = proxy.session(&mut seen).await;
    let mut poll = session.request(&Io::poll(0));
    arrive(&mut poll).await;
    tokio::time::advance(Duration::from_secs(10)).await;
    drop(poll);
    let began = Instant::now();
    seen.report().await;
    assert_eq!(began.elapsed(), Duration::from_secs(60 + 5));
}

/// An answer is under way until its body is dropped, which is when the client has it.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_being_written_keeps_the_session() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, _server) = proxy.session(&mut seen).await;
    let slow = session.request(&Io::default()).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(proxy.fallback.sessions(), 1);
    drop(slow);
    let began = Instant::now();
    seen.report().await;
    assert_eq!(began.elapsed(), Duration::from_secs(60 + 5));
}

/// All places are taken by requests whose clients have just left, and the last of those that came meanwhile found none.
#[tokio::test(start_paused = true)]
async fn a_request_is_not_forgotten_because_others_have_just_left() {
    let limits = Limits {
        credit: 1,
        ..Limits::default()
    };
    let (proxy, mut seen) = Proxy::bounded(Verdict::Accept, Bounds::default(), limits);
    let (mut session, _server) = proxy.session(&mut seen).await;
    let mut poll = session.request(&Io::poll(0));
    arrive(&mut poll).await;
    // The backend does not read, so of these the last must wait for room.
    let long = vec![(BINARY, vec![0; 60_000]); 4];
    let mut waiting = session.request(&Io::send(1, long));
    arrive(&mut waiting).await;
    drop((poll, waiting));
    let mut leaving = [
        session.request(&Io::default()),
        session.request(&Io::default()),
    ];
    for request in &mut leaving {
        assert!(request.now_or_never().is_none());
    }
    let mut last = session.request(&Io::default());
    assert!((&mut last).now_or_never().is_none());
    drop(leaving);
    let began = Instant::now();
    let answer = whole(last.await).await;
    assert_eq!((answer.status, answer.serial), (OK, 5));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

/// Parts filled all the room that there was for those who read slowly, and the end was lost.
#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_has_an_end_all_the_same() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, mut server) = proxy.session(&mut seen).await;
    let poll = Io {
        stream: true,
        ..Io::poll(0)
    };
    let mut stream = session.request(&poll).await;
    for text in ["a", "b", "c", "d"] {
        server.send(Message::text(text)).await.unwrap();
        settle().await;
    }
    let mut next = session.request(&Io::poll(0));
    arrive(&mut next).await;
    let mut content = Vec::new();
    while let Some(part) = stream.body_mut().next().await {
        content.extend(part);
    }
    let superseded = (END, vec![1]);
    assert_eq!(frames(&content[9..]).last(), Some(&superseded));
    assert_eq!(whole(next.await).await.frames.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_reaches_the_backend_in_order() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, mut server) = proxy.session(&mut seen).await;
    let long = vec![7; 60_000];
    let frames = vec![
        (TEXT, b"hello".to_vec()),
        (BINARY, long.clone()),
        (TEXT, b"bye".to_vec()),
    ];
    assert_eq!(session.io(&Io::send(1, frames)).await.ack, 3);
    for message in [
        Message::text("hello"),
        Message::binary(long),
        Message::text("bye"),
    ] {
        assert_eq!(server.next().await.unwrap().unwrap(), message);
    }
}
