//! What a session may take: memory, and the patience of others.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use towpath_fallback::Bounds;
use towpath_fallback::session::{Ended, Limits};

use crate::backend::{Server, Verdict};
use crate::io::{BINARY_PART, Io, LAST_PART};
use crate::proxy::{Proxy, Session, settle};

/// A backend that says as much as it can; gives how many messages of `size` bytes that was.
async fn flood(server: &mut Server, size: usize) -> usize {
    let mut sent = 0;
    let message = || Message::binary(vec![0; size]);
    let moment = Duration::from_millis(1);
    while let Ok(gone) = tokio::time::timeout(moment, server.send(message())).await {
        gone.unwrap();
        sent += 1;
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_there_and_takes_nothing_is_cut_off() {
    let limits = Limits {
        buffer: 64 << 10,
        ..Limits::default()
    };
    let (proxy, mut seen) = Proxy::bounded(Verdict::Accept, Bounds::default(), limits);
    let (mut session, mut server) = proxy.session(&mut seen).await;
    let sent = flood(&mut server, 1 << 10).await;
    assert!((60..=64).contains(&sent), "{sent} messages were taken");
    // Its answer has come, and it does not read it.
    let _unread = session.request(&Io::poll(0)).await;
    let began = Instant::now();
    let told = loop {
        if let Message::Close(close) = server.next().await.unwrap().unwrap() {
            break close.unwrap();
        }
    };
    assert_eq!(u16::from(told.code), 1008);
    assert_eq!(began.elapsed(), limits.stall);
    drop(server);
    assert_eq!(seen.report().await.ended, Ended::Stalled);
}

/// Beyond what all may hold, each session has one message at most.
#[tokio::test(start_paused = true)]
async fn under_pressure_no_backend_is_read_ahead() {
    let bounds = Bounds {
        memory: 64 << 10,
        ..Bounds::default()
    };
    let (proxy, mut seen) = Proxy::bounded(Verdict::Accept, bounds, Limits::default());
    let (_greedy, mut greedy) = proxy.session(&mut seen).await;
    let opened = proxy.open("AAAAAAAAAAAAAAAAAAAAAA").await;
    let (mut modest, mut server) = (Session::new(&proxy, &opened), seen.server().await);
    assert!(flood(&mut greedy, 1 << 10).await < 70);
    assert!(flood(&mut server, 1 << 10).await <= 3);
    // It goes on all the same, message by message.
    let pushed = tokio::spawn(async move { server.flush().await.map(|()| server) });
    let answer = modest.io(&Io::poll(0)).await;
    assert_eq!(answer.frames.len(), 1);
    assert_eq!(modest.io(&Io::poll(1)).await.frames.len(), 1);
    pushed.await.unwrap().unwrap();
    assert_eq!(proxy.open("BBBBBBBBBBBBBBBBBBBBBA").await["status"], "busy");
}

#[tokio::test(start_paused = true)]
async fn a_long_message_reaches_the_backend_whole() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, mut server) = proxy.session(&mut seen).await;
    let part = |byte: u8| vec![byte; 60_000];
    let frames = vec![
        (BINARY_PART, part(1)),
        (BINARY_PART, part(2)),
        (LAST_PART, part(3)),
    ];
    assert_eq!(session.io(&Io::send(1, frames)).await.ack, 3);
    settle().await;
    let whole = [part(1), part(2), part(3)].concat();
    assert_eq!(
        server.next().await.unwrap().unwrap(),
        Message::binary(whole)
    );
}
