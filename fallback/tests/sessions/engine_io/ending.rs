//! How a session ends, whoever ends it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use towpath_fallback::session::Ended;

use super::Site;
use crate::backend::{Server, Verdict};
use crate::proxy::{arrive, settle};

const UNKNOWN: &str = r#"{"code":1,"message":"Session ID unknown"}"#;

fn bye(code: u16) -> CloseFrame {
    CloseFrame {
        code: code.into(),
        reason: "bye".into(),
    }
}

/// The close that comes next, after whatever else.
async fn goodbye(socket: &mut Server) -> Option<CloseFrame> {
    loop {
        if let Message::Close(close) = socket.next().await?.ok()? {
            return close;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_leaves_at_once() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let mut poll = client.poll();
    arrive(&mut poll).await;
    client.say("4last\u{1e}1").await;
    assert_eq!(poll.await.content, "6");
    let last = server.next().await.unwrap().unwrap();
    assert_eq!(last, Message::text("4last"));
    assert_eq!(goodbye(&mut server).await, None, "with no code");
    while server.next().await.is_some() {}
    drop(server);
    assert_eq!(seen.report().await.ended, Ended::Client);
    assert_eq!(client.poll().await.content, UNKNOWN);
    site.proxy.fallback.none().await;
}

#[tokio::test(start_paused = true)]
async fn the_backends_close_comes_after_what_it_said() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    server.send(Message::text("4last")).await.unwrap();
    server.close(Some(bye(4000))).await.unwrap();
    settle().await;
    drop(server);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(client.poll().await.content, "4last");
    assert_eq!(client.poll().await.content, "1");
    let report = seen.report().await;
    assert_eq!(report.ended, Ended::Backend);
    assert_eq!(report.close.unwrap().code, Some(4000));
    assert_eq!(client.poll().await.content, UNKNOWN);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_waits_is_told_of_the_backends_close() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let mut poll = client.poll();
    arrive(&mut poll).await;
    server.close(None).await.unwrap();
    assert_eq!(poll.await.content, "1");
    assert_eq!(client.poll().await.content, UNKNOWN);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_for_a_client_that_is_away_but_messages() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    server.send(Message::text("2")).await.unwrap();
    server.close(None).await.unwrap();
    drop(server);
    seen.report().await;
    assert_eq!(client.poll().await.content, UNKNOWN);
}

#[tokio::test(start_paused = true)]
async fn a_drain_tells_both_sides() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let mut poll = client.poll();
    arrive(&mut poll).await;
    seen.draining.send_replace(true);
    assert_eq!(poll.await.content, "1");
    let close = goodbye(&mut server).await.unwrap();
    assert_eq!(u16::from(close.code), 1001);
    drop(server);
    assert_eq!(seen.report().await.ended, Ended::Drain);
}

#[tokio::test(start_paused = true)]
async fn the_closes_of_a_client_that_has_upgraded_are_passed_on() {
    for backend_first in [true, false] {
        let (site, mut seen) = Site::new(Verdict::Accept);
        let (mut client, mut server) = site.session(&mut seen).await;
        let mut line = client.upgraded().await;
        settle().await;
        let (first, second) = match backend_first {
            true => (&mut server, &mut line),
            false => (&mut line, &mut server),
        };
        first.send(Message::text("4last")).await.unwrap();
        first.close(Some(bye(4001))).await.unwrap();
        let last = second.next().await.unwrap().unwrap();
        assert_eq!(last, Message::text("4last"));
        assert_eq!(goodbye(second).await, Some(bye(4001)));
        let _ = second.flush().await;
        assert_eq!(goodbye(first).await, Some(bye(4001)));
        drop((line, server));
        let ended = match backend_first {
            true => Ended::Backend,
            false => Ended::Client,
        };
        assert_eq!(seen.report().await.ended, ended);
        assert_eq!(client.poll().await.content, UNKNOWN);
        site.proxy.fallback.none().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_side_that_is_lost_is_so_for_the_other() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let line = client.upgraded().await;
    settle().await;
    drop(line);
    let close = goodbye(&mut server).await.unwrap();
    assert_eq!(u16::from(close.code), 1001);
    drop(server);
    assert_eq!(seen.report().await.ended, Ended::Abandoned);

    let (mut client, server) = site.session(&mut seen).await;
    let mut line = client.upgraded().await;
    settle().await;
    drop(server);
    assert_eq!(goodbye(&mut line).await, None);
    assert_eq!(seen.report().await.ended, Ended::Lost);
    site.proxy.fallback.none().await;
}

#[tokio::test(start_paused = true)]
async fn a_websocket_that_is_lost_before_the_upgrade_leaves_polling_alone() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let mut line = client.websocket().await;
    line.send(Message::text("2probe")).await.unwrap();
    settle().await;
    drop(line);
    settle().await;
    server.send(Message::text("4a")).await.unwrap();
    assert_eq!(client.poll().await.content, "4a");
    // And it may try again.
    let mut line = client.upgraded().await;
    server.send(Message::text("4b")).await.unwrap();
    let told = line.next().await.unwrap().unwrap();
    assert_eq!(told, Message::text("4b"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_go_on_with_its_upgrade_goes_on_polling() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let mut line = client.websocket().await;
    line.send(Message::text("2probe")).await.unwrap();
    let began = Instant::now();
    let close = goodbye(&mut line).await.unwrap();
    assert_eq!(u16::from(close.code), 1000);
    assert_eq!(began.elapsed(), Duration::from_secs(10));
    server.send(Message::text("4a")).await.unwrap();
    assert_eq!(client.poll().await.content, "4a");
}

#[tokio::test(start_paused = true)]
async fn another_websocket_is_welcomed_and_closed() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, mut server) = site.session(&mut seen).await;
    let mut line = client.upgraded().await;
    let mut other = client.websocket().await;
    let close = goodbye(&mut other).await.unwrap();
    assert_eq!(u16::from(close.code), 1000);
    line.send(Message::text("4a")).await.unwrap();
    let heard = server.next().await.unwrap().unwrap();
    assert_eq!(heard, Message::text("4a"));
}

/// Its task would have lived for as long as the connection.
#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_does_not_keep_its_session() {
    let (site, mut seen) = Site::new(Verdict::Accept);
    let (mut client, server) = site.session(&mut seen).await;
    let mut line = client.connect(256);
    let ping = [0x89, 0x80 | 100, 0, 0, 0, 0];
    // What it is answered fills all that there is.
    for _ in 0..1000 {
        line.write_all(&[&ping[..], &[0; 100]].concat())
            .await
            .unwrap();
    }
    let mut poll = client.poll();
    arrive(&mut poll).await;
    drop(server);
    assert_eq!(poll.await.content, "1");
    let report = tokio::time::timeout(Duration::from_secs(6), seen.report());
    assert_eq!(report.await.unwrap().ended, Ended::Lost);
    drop(line);
}
