//! Towpath keeps idle tunnels alive with pings of its own, of which neither side's application sees a trace.

use harness::{Frame, Opcode};

use super::Tunnel;

#[tokio::test]
async fn a_silent_client_is_pinged_and_its_pong_goes_no_further() {
    let mut tunnel = Tunnel::open("ping: 100ms").await;
    let ping = tunnel.client.frame().await;
    assert_eq!((ping.opcode, ping.masked), (Opcode::Ping, false));

    tunnel
        .client
        .send(Frame::new(Opcode::Pong, ping.payload).masked().bytes())
        .await;
    let word = Frame::text("hello").masked();
    tunnel.client.send(word.bytes()).await;
    assert_eq!(next_message(&mut tunnel.server).await, word);
}

#[tokio::test]
async fn a_silent_backend_is_pinged_with_masked_frames_and_its_pong_goes_no_further() {
    let mut tunnel = Tunnel::open("ping: 100ms").await;
    let ping = tunnel.server.frame().await;
    assert_eq!((ping.opcode, ping.masked), (Opcode::Ping, true));

    tunnel
        .server
        .send(Frame::new(Opcode::Pong, ping.payload).bytes())
        .await;
    let word = Frame::text("hello");
    tunnel.server.send(word.bytes()).await;
    assert_eq!(next_message(&mut tunnel.client).await, word);
}

/// A pong that answers nobody's ping is the peers' own business (RFC 6455 §5.5.3).
#[tokio::test]
async fn a_pong_of_their_own_passes() {
    let mut tunnel = Tunnel::open("").await;
    let pong = Frame::new(Opcode::Pong, "heartbeat").masked();
    tunnel.client.send(pong.bytes()).await;
    assert_eq!(tunnel.server.frame().await, pong);
}

/// The cable was pulled: no FIN, no RST, and no pong.
#[tokio::test]
async fn an_unanswered_ping_ends_the_tunnel_for_both() {
    let mut tunnel = Tunnel::open("ping: 100ms, ping_timeout: 200ms").await;
    // The backend answers all pings, the client none.
    let closing = loop {
        let frame = tunnel.server.frame().await;
        match frame.opcode {
            Opcode::Ping => {
                tunnel
                    .server
                    .send(Frame::new(Opcode::Pong, frame.payload).bytes())
                    .await
            }
            _ => break frame,
        }
    };
    assert_eq!(closing.closing().0, 1001);
    let line = tunnel.line().await;
    assert_eq!(line["ended_by"], "client_ping_timeout");
}

/// The next frame that is not a ping of Towpath's.
async fn next_message(wire: &mut harness::Wire) -> Frame {
    loop {
        let frame = wire.frame().await;
        if frame.opcode != Opcode::Ping {
            return frame;
        }
    }
}
