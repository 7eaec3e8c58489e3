//! Frames pass as they are, both ways, to the last one.

use harness::{Frame, Opcode};

use super::Tunnel;

#[tokio::test]
async fn frames_pass_both_ways_byte_for_byte() {
    let mut tunnel = Tunnel::open("ping: off").await;
    let from_client = [
        Frame::text("").masked(),
        Frame::text("hel").unfinished().masked(),
        Frame::new(Opcode::Ping, "still there?").masked(),
        Frame::new(Opcode::Continuation, "lo").masked(),
        Frame::new(Opcode::Binary, vec![7; 70_000]).masked(),
    ];
    let from_server = [
        Frame::new(Opcode::Pong, "still there?"),
        Frame::text("hello"),
        Frame::new(Opcode::Binary, vec![9; 200]),
    ];
    for frame in &from_client {
        tunnel.client.send(frame.bytes()).await;
    }
    for frame in &from_server {
        tunnel.server.send(frame.bytes()).await;
    }
    for frame in from_client {
        assert_eq!(tunnel.server.frame().await, frame);
    }
    for frame in from_server {
        assert_eq!(tunnel.client.frame().await, frame);
    }
}

#[tokio::test]
async fn a_frame_may_come_a_byte_at_a_time() {
    let mut tunnel = Tunnel::open("").await;
    let frame = Frame::text("slowly").masked();
    for byte in frame.bytes() {
        tunnel.client.send([byte]).await;
    }
    assert_eq!(tunnel.server.frame().await, frame);
}

#[tokio::test]
async fn a_client_that_says_no_more_still_hears() {
    let mut tunnel = Tunnel::open("").await;
    let last = Frame::text("that was all").masked();
    tunnel.client.send(last.bytes()).await;
    tunnel.client.half_close().await;
    assert_eq!(tunnel.server.frame().await, last);
    tunnel.server.ends().await;

    let answer = Frame::new(Opcode::Binary, vec![1; 300_000]);
    tunnel.server.send(answer.bytes()).await;
    assert_eq!(tunnel.client.frame().await, answer);
    drop(tunnel.server);
    tunnel.client.ends().await;
}

#[tokio::test]
async fn a_backend_that_says_no_more_still_hears() {
    let mut tunnel = Tunnel::open("").await;
    let last = Frame::text("that was all");
    tunnel.server.send(last.bytes()).await;
    tunnel.server.half_close().await;
    assert_eq!(tunnel.client.frame().await, last);
    tunnel.client.ends().await;

    let answer = Frame::new(Opcode::Binary, vec![1; 300_000]).masked();
    tunnel.client.send(answer.bytes()).await;
    assert_eq!(tunnel.server.frame().await, answer);
}

/// The backend is the judge of what it is sent, unless the route says otherwise.
#[tokio::test]
async fn bytes_that_are_no_frames_pass_too() {
    let mut tunnel = Tunnel::open("").await;
    tunnel
        .client
        .send("these are no frames, but the backend may understand them")
        .await;
    let relayed = tunnel.server.bytes(56).await;
    assert_eq!(
        relayed,
        b"these are no frames, but the backend may understand them"
    );
    tunnel.server.send(b"\xff\xff\xff").await;
    assert_eq!(tunnel.client.bytes(3).await, b"\xff\xff\xff");
}

/// Back-pressure: a side that does not read stops the other one, and nothing is lost when it reads again.
#[tokio::test]
async fn a_slow_reader_gets_everything() {
    let mut tunnel = Tunnel::open("").await;
    let large = Frame::new(
        Opcode::Binary,
        (0..32 << 20).map(|n: u32| n as u8).collect::<Vec<_>>(),
    );
    let bytes = large.bytes();
    let mut server = tunnel.server;
    let sending = tokio::spawn(async move {
        server.send(bytes).await;
        server
    });
    // The other direction is not held up by it.
    let small = Frame::text("meanwhile").masked();
    tunnel.client.send(small.bytes()).await;
    assert_eq!(tunnel.client.frame().await, large);
    assert_eq!(sending.await.unwrap().frame().await, small);
}
