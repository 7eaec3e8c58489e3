//! Tunnels whose clients may ask what became of them.

use std::sync::Arc;

use super::*;
use crate::attempts::{Attempts, By, Cid, Fate};

fn cid() -> Cid {
    Cid::parse(b"wYbTz1X0c4bO4mCq3xqg9Q").unwrap()
}

fn pinged() -> Settings {
    Settings {
        ping: Some(Duration::from_secs(30)),
        ..settings()
    }
}

/// A tunnel with an attempt, and where to ask for it.
fn watched(settings: Settings) -> (Scene, Arc<Attempts>) {
    let attempts = Arc::<Attempts>::default();
    let attempt = attempts.begin(cid());
    attempt.open();
    (Scene::open(settings, PIPE, Some(attempt)), attempts)
}

#[tokio::test(start_paused = true)]
async fn the_client_is_pinged_at_once_and_heard_by_its_pong() {
    let (mut scene, attempts) = watched(pinged());
    // Even what the backend has sent before the tunnel began comes later.
    scene.backend.write_all(&[0x81, 4, b'h']).await.unwrap();
    let opened = Instant::now();
    let (ping, payload) = read_frame(&mut scene.client).await;
    assert_eq!(ping.opcode, Opcode::Ping);
    assert_eq!(opened.elapsed(), Duration::ZERO);
    assert_eq!(attempts.look(cid()), Fate::Open { heard: false });
    let (pong, text) = (masked(0x8A, &payload), masked(0x81, b"x"));
    sleep(Duration::from_secs(2)).await;
    scene.client.write_all(&pong).await.unwrap();
    scene.client.write_all(&text).await.unwrap();
    // The backend gets neither the pong nor a ping of ours.
    assert_eq!(read(&mut scene.backend, text.len()).await, text);
    assert_eq!(attempts.look(cid()), Fate::Open { heard: true });
    assert_eq!(
        scene.report().await.client_rtt,
        Some(Duration::from_secs(2))
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_answers_is_not_heard_and_is_closed_in_time() {
    let (mut scene, attempts) = watched(Settings {
        ping_timeout: Duration::from_secs(10),
        ..pinged()
    });
    let opened = Instant::now();
    assert_eq!(read_frame(&mut scene.client).await.0.opcode, Opcode::Ping);
    scene.backend.write_all(&plain(0x81, b"x")).await.unwrap();
    assert_eq!(read(&mut scene.client, 3).await, plain(0x81, b"x"));
    assert_eq!(attempts.look(cid()), Fate::Open { heard: false });
    expect_close(&mut scene.client, 1001, "ping timeout").await;
    assert_eq!(opened.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn without_pings_any_frame_of_the_clients_is_heard() {
    let (mut scene, attempts) = watched(settings());
    let ping = timeout(Duration::from_secs(300), read_frame(&mut scene.client)).await;
    assert!(ping.is_err(), "the client was sent {ping:?}");
    assert_eq!(attempts.look(cid()), Fate::Open { heard: false });
    let text = masked(0x81, b"x");
    scene.client.write_all(&text).await.unwrap();
    assert_eq!(read(&mut scene.backend, text.len()).await, text);
    assert_eq!(attempts.look(cid()), Fate::Open { heard: true });
}

#[tokio::test(start_paused = true)]
async fn without_an_attempt_no_ping_comes_before_the_silence() {
    let mut scene = Scene::new(pinged());
    let opened = Instant::now();
    assert_eq!(read_frame(&mut scene.client).await.0.opcode, Opcode::Ping);
    assert_eq!(opened.elapsed(), Duration::from_secs(30));
}

/// Its Close is not the one that ended the tunnel: what the client's side did was a cut, and that is said at once.
#[tokio::test(start_paused = true)]
async fn a_backend_that_closes_after_the_clients_end_has_not_ended_it() {
    let (mut scene, attempts) = watched(settings());
    sleep(Duration::from_secs(3)).await;
    scene.client.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut scene.backend).await, b"");
    let cut = Fate::Closed {
        by: By::Client,
        code: None,
        heard: false,
        age: 3000,
    };
    assert_eq!(attempts.look(cid()), cut);
    let answer = plain(0x88, &close(1000));
    scene.backend.write_all(&answer).await.unwrap();
    assert_eq!(read(&mut scene.client, answer.len()).await, answer);
    let report = scene.report().await;
    assert_eq!(
        (report.close, report.ended_by),
        (Some(1000), Ended::Left(Side::Client))
    );
    assert_eq!(attempts.look(cid()), cut);
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_our_doing_whatever_the_client_answers() {
    let (mut scene, attempts) = watched(settings());
    scene.drain();
    expect_close(&mut scene.client, 1001, "draining").await;
    let answer = masked(0x88, &close(1000));
    scene.client.write_all(&answer).await.unwrap();
    expect_close(&mut scene.backend, 1000, "").await;
    scene.report().await;
    let ours = Fate::Closed {
        by: By::Towpath,
        code: Some(1001),
        heard: true,
        age: 0,
    };
    assert_eq!(attempts.look(cid()), ours);
}
