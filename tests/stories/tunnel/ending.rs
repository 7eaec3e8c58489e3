//! How a tunnel ends when the peers want it to, and what the access log tells of it.

use harness::{Frame, Opcode, Towpath, TungstenitePeer, echo};

use super::Tunnel;

#[tokio::test]
async fn the_closing_handshake_is_the_peers_own() {
    let mut tunnel = Tunnel::open("").await;
    let close = Frame::close(4000, "so long").masked();
    tunnel.client.send(close.bytes()).await;
    assert_eq!(tunnel.server.frame().await, close);
    let answer = Frame::close(4000, "and thanks");
    tunnel.server.send(answer.bytes()).await;
    assert_eq!(tunnel.client.frame().await, answer);
    drop(tunnel.server);
    tunnel.client.ends().await;
}

#[tokio::test]
async fn the_access_log_tells_of_a_tunnel() {
    let mut tunnel = Tunnel::open("").await;
    let said = [
        Frame::text("hel").unfinished().masked(),
        Frame::new(Opcode::Continuation, "lo").masked(),
        Frame::text("again").masked(),
        Frame::new(Opcode::Ping, "").masked(),
    ];
    let answered = Frame::new(Opcode::Binary, vec![1; 1000]);
    for frame in said.clone() {
        tunnel.client.send(frame.bytes()).await;
        tunnel.server.frame().await;
    }
    tunnel.server.send(answered.bytes()).await;
    tunnel.client.frame().await;
    let close = Frame::close(4003, "done");
    tunnel.server.send(close.bytes()).await;
    tunnel.client.frame().await;
    tunnel.client.send(close.clone().masked().bytes()).await;
    tunnel.server.frame().await;
    tunnel.server.half_close().await;
    tunnel.client.ends().await;
    tunnel.client.half_close().await;

    let line = tunnel.line().await;
    let size = |frames: &[Frame]| {
        frames
            .iter()
            .map(|frame| frame.bytes().len())
            .sum::<usize>() as u64
    };
    assert_eq!(
        line["client_bytes"],
        size(&said) + size(&[close.clone().masked()])
    );
    assert_eq!(line["client_messages"], 2);
    assert_eq!(line["backend_bytes"], size(&[answered, close]));
    assert_eq!(line["backend_messages"], 1);
    assert_eq!(line["close_code"], 4003);
    assert_eq!(line["ended_by"], "backend");
    assert_eq!(line["path"], "/ws");
    assert_eq!(line["host"], "chat.test");
    assert_eq!(line["status"], 101);
    assert_eq!(line["client"], "127.0.0.1");
    assert!(line["duration_ms"].as_f64().is_some(), "{line}");
}

/// Three hundred fast handshakes: none may be torn down for having been answered too soon.
#[tokio::test]
async fn tunnels_that_open_fast_stay_open() {
    let backend = TungstenitePeer::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    for round in 0..300 {
        let mut socket = towpath.websocket("/echo").await;
        assert_eq!(echo(&mut socket, "hello").await, "hello", "round {round}");
    }
}
