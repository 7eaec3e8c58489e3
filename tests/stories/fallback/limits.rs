//! The bounds on all sessions of a process (`limits`): who meets one is told so and for how long, and gets in when there
//! is room again. Nobody who is in suffers from it.

use std::time::Duration;

use futures_util::future::join_all;
use harness::fallback::{FallbackClient, Opened, Opening, Pace, Session};
use harness::{Frame, Opcode, RawBackend, Towpath, TungstenitePeer, Wire, within};
use serde_json::Value;

/// Towpath before this server, with these limits; clients may say where they come from.
async fn limited(server: std::net::SocketAddr, limits: &str, fallback: &str) -> Towpath {
    Towpath::start(&format!(
        "trusted_proxies: [127.0.0.1/32]\nlimits: {{ {limits} }}\n\
         routes: [{{ upstream: {server}, fallback: {{ {fallback} }} }}]"
    ))
    .await
}

fn from(address: &str) -> Opening {
    Opening::new("/echo").field("x-forwarded-for", address)
}

async fn opened(towpath: &Towpath, opening: Opening) -> FallbackClient {
    FallbackClient::with(towpath.address(), opening, Pace::default()).await
}

async fn echoes(client: &FallbackClient) {
    client.send("still there?").await;
    assert_eq!(client.text().await, "still there?");
}

/// What `open` says, if it is not that there is no room.
async fn answer(towpath: &Towpath, opening: &Opening) -> Result<Value, Duration> {
    let (_, answer) = opening.ask(towpath.address()).await;
    if answer["status"] != "busy" {
        return Ok(answer);
    }
    assert_eq!(answer["token"], Value::Null);
    let retry_after = answer["retry_after"].as_u64().expect("a time to wait");
    assert!(retry_after > 0, "{answer}");
    Err(Duration::from_millis(retry_after))
}

/// Asks again with the same nonce, as a client is told to.
async fn gets_in(towpath: &Towpath, opening: &Opening) -> Opened {
    let patience = async {
        loop {
            match answer(towpath, opening).await {
                Ok(answer) => return Opened::read(&answer),
                Err(retry_after) => tokio::time::sleep(retry_after).await,
            }
        }
    };
    within("room for another session", patience).await
}

#[tokio::test]
async fn all_sessions_are_bounded() {
    let peer = TungstenitePeer::start().await;
    let towpath = limited(peer.address(), "sessions: 2", "").await;
    let first = opened(&towpath, from("192.0.2.1")).await;
    let second = opened(&towpath, from("192.0.2.2")).await;
    let third = from("192.0.2.3");
    assert!(answer(&towpath, &third).await.is_err());
    echoes(&first).await;
    echoes(&second).await;

    first.close(1000, "");
    first.ended().await;
    gets_in(&towpath, &third).await;
    assert!(answer(&towpath, &from("192.0.2.4")).await.is_err());
    echoes(&second).await;
}

/// An IPv6 client counts by its /64.
#[tokio::test]
async fn the_sessions_of_one_address_are_bounded() {
    let peer = TungstenitePeer::start().await;
    let towpath = limited(peer.address(), "sessions_per_address: 2", "").await;
    for (own, same, other) in [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
    ] {
        let first = opened(&towpath, from(own)).await;
        let _second = opened(&towpath, from(same)).await;
        let third = from(same);
        assert!(answer(&towpath, &third).await.is_err(), "{same}");
        let _neighbour = opened(&towpath, from(other)).await;
        first.close(1000, "");
        first.ended().await;
        gets_in(&towpath, &third).await;
    }
}

#[tokio::test]
async fn the_opens_of_one_address_are_spread_over_time() {
    const RATE: usize = 5;
    let peer = TungstenitePeer::start().await;
    let limits = format!("opens_per_second: {RATE}");
    let towpath = limited(peer.address(), &limits, "").await;
    let openings: Vec<_> = (0..4 * RATE).map(|_| from("192.0.2.1")).collect();
    let answers = join_all(openings.iter().map(|opening| answer(&towpath, opening))).await;
    let at_once = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((RATE..openings.len()).contains(&at_once), "{at_once}");
    opened(&towpath, from("192.0.2.2")).await;
    join_all(openings.iter().map(|opening| gets_in(&towpath, opening))).await;
}

/// A repetition asks for nothing new: whatever the bounds, it gets the session that there is.
#[tokio::test]
async fn a_repeated_open_meets_no_bound() {
    let peer = TungstenitePeer::start().await;
    let limits = "sessions: 1, opens_per_second: 1";
    let towpath = limited(peer.address(), limits, "").await;
    let opening = from("192.0.2.1");
    let first = gets_in(&towpath, &opening).await;
    let again = answer(&towpath, &opening).await;
    assert_eq!(Opened::read(&again.unwrap()), first);
}

/// A session and its backend's end.
async fn by_hand(towpath: &Towpath, backend: &RawBackend) -> (Session, Wire) {
    let opening = Session::open(towpath.address(), "/chat");
    let (session, (server, _)) = tokio::join!(opening, backend.accept_websocket());
    (session, server)
}

async fn says(server: &mut Wire, messages: usize) {
    for _ in 0..messages {
        let frame = Frame::new(Opcode::Binary, vec![7; 1024]);
        server.send(frame.bytes()).await;
    }
}

/// Takes all messages; gives the most that came at once.
async fn takes(session: &mut Session, messages: usize) -> usize {
    let (mut taken, mut most) = (0, 0);
    while taken < messages {
        let frames = session.poll(taken as u64).await.frames.len();
        taken += frames;
        most = most.max(frames);
    }
    session.poll(taken as u64).await;
    most
}

/// Two sessions whose clients take nothing hold as much as all may: nobody else gets in, and of another's backend no
/// more is read than one message at a time.
#[tokio::test]
async fn the_memory_of_all_sessions_is_bounded() {
    const MESSAGES: usize = 70;
    let (backend, peer) = (RawBackend::start().await, TungstenitePeer::start().await);
    let towpath = Towpath::start(&format!(
        "limits: {{ session_memory: 65KiB, opens_per_second: off }}\nroutes:\n  \
         - {{ upstream: {}, fallback: {{ buffer: 64KiB, max_message: 1KiB, hold: 1s }} }}\n  \
         - {{ path: /echo, upstream: {}, fallback: {{ buffer: 64KiB, max_message: 1KiB }} }}",
        backend.address(),
        peer.address()
    ))
    .await;
    let mut holding = [
        by_hand(&towpath, &backend).await,
        by_hand(&towpath, &backend).await,
    ];
    let (mut third, mut its_server) = by_hand(&towpath, &backend).await;
    for (_, server) in &mut holding {
        says(server, MESSAGES).await;
    }
    within("all is full", async {
        while answer(&towpath, &Opening::new("/echo")).await.is_ok() {}
    })
    .await;
    says(&mut its_server, MESSAGES).await;
    assert_eq!(takes(&mut third, MESSAGES).await, 1);

    // Which of the two was read more is chance.
    let mut most = 0;
    for (session, _) in &mut holding {
        most = most.max(takes(session, MESSAGES).await);
    }
    assert!(most > 1, "{most}");
    gets_in(&towpath, &Opening::new("/echo")).await;
}
