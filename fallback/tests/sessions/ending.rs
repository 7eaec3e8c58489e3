//! How a session ends, whoever ends it.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use towpath_fallback::session::Ended;

use crate::backend::{Server, Verdict};
use crate::io::{CLOSE, GONE, Io};
use crate::proxy::{Proxy, arrive, whole};

/// What the backend is told at the end.
async fn goodbye(server: &mut Server) -> Option<CloseFrame> {
    loop {
        if let Message::Close(close) = server.next().await?.unwrap() {
            return close;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clients_close_reaches_the_backend_and_comes_back() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, mut server) = proxy.session(&mut seen).await;
    let close = (CLOSE, [&[0, 0x0f, 0xa0][..], b"bye"].concat());
    session.io(&Io::send(1, vec![close])).await;
    let (said, code) = tokio::join!(
        async {
            let said = goodbye(&mut server).await.unwrap();
            while server.next().await.is_some() {}
            drop(server);
            said
        },
        session.until_closed(0)
    );
    assert_eq!((u16::from(said.code), said.reason.as_str()), (4000, "bye"));
    assert_eq!(code, Some(4000));
    assert_eq!(seen.report().await.ended, Ended::Client);
    assert_eq!(session.io(&Io::default()).await.status, GONE);
}

#[tokio::test(start_paused = true)]
async fn a_drain_tells_both_sides() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, mut server) = proxy.session(&mut seen).await;
    let mut poll = session.request(&Io::poll(0));
    arrive(&mut poll).await;
    seen.draining.send_replace(true);
    assert_eq!(whole(poll.await).await.close(), Some(1012));
    assert_eq!(u16::from(goodbye(&mut server).await.unwrap().code), 1001);
    drop(server);
    let acknowledged = Io {
        ack: 1,
        ..Io::default()
    };
    session.io(&acknowledged).await;
    assert_eq!(seen.report().await.ended, Ended::Drain);
    proxy.fallback.none().await;
}

/// Whoever is away during a drain will not find this process again.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_five_seconds_for_a_client_that_is_away() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, mut server) = proxy.session(&mut seen).await;
    session.io(&Io::default()).await;
    let began = Instant::now();
    seen.draining.send_replace(true);
    goodbye(&mut server).await;
    drop(server);
    proxy.fallback.none().await;
    assert_eq!(began.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_lost_is_an_abnormal_close() {
    let (proxy, mut seen) = Proxy::new(Verdict::Accept);
    let (mut session, server) = proxy.session(&mut seen).await;
    drop(server);
    let answer = session.io(&Io::poll(0)).await;
    assert_eq!(answer.frames, [(CLOSE, vec![1, 0, 0])]);
}
