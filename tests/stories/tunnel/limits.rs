//! What a route may forbid: silence, large messages, broken frames.

use harness::{Frame, Opcode, Wire};

use super::Tunnel;

#[tokio::test]
async fn a_tunnel_in_which_nobody_speaks_is_closed_with_1001() {
    let mut tunnel = Tunnel::open("idle_timeout: 200ms").await;
    assert_eq!(tunnel.client.frame().await.closing().0, 1001);
    let answer = Frame::close(1001, "");
    tunnel.client.send(answer.clone().masked().bytes()).await;
    assert_eq!(tunnel.server.frame().await.closing().0, 1001);
    answer_close(&mut tunnel.server, answer).await;
    tunnel.client.ends().await;
    tunnel.client.half_close().await;
    assert_eq!(tunnel.line().await["ended_by"], "idle_timeout");
}

/// B4: whoever was let in long ago is asked again who it is, however busy the tunnel.
#[tokio::test]
async fn a_tunnel_that_is_old_enough_is_closed_with_1001() {
    let mut tunnel = Tunnel::open("max_lifetime: 1s").await;
    let close = loop {
        tunnel
            .client
            .send(Frame::text("busy").masked().bytes())
            .await;
        tunnel.server.frame().await;
        tunnel.server.send(Frame::text("too").bytes()).await;
        let frame = tunnel.client.frame().await;
        if frame.opcode == Opcode::Close {
            break frame;
        }
    };
    assert_eq!(close.closing(), (1001, "max lifetime".to_owned()));
    let answer = Frame::close(1001, "");
    tunnel.client.send(answer.clone().masked().bytes()).await;
    assert_eq!(tunnel.server.frame().await.closing().0, 1001);
    answer_close(&mut tunnel.server, answer).await;
    tunnel.client.half_close().await;
    assert_eq!(tunnel.line().await["ended_by"], "max_lifetime");
}

#[tokio::test]
async fn a_message_that_is_too_large_closes_both_sides_with_1009() {
    let mut tunnel = Tunnel::open("max_message: 1KiB").await;
    let fits = Frame::new(Opcode::Binary, vec![1; 1024]).masked();
    tunnel.client.send(fits.bytes()).await;
    assert_eq!(tunnel.server.frame().await, fits);

    // Its header is enough; nobody waits for the rest.
    let too_large = Frame::new(Opcode::Binary, vec![1; 1025]).masked().bytes();
    tunnel.client.send(&too_large[..20]).await;
    both_closed_with(&mut tunnel, 1009).await;
    let line = tunnel.line().await;
    assert_eq!(
        (line["close_code"].as_u64(), line["ended_by"].as_str()),
        (Some(1009), Some("client_message_too_big"))
    );
}

#[tokio::test]
async fn fragments_count_together() {
    let mut tunnel = Tunnel::open("max_message: 1KiB").await;
    let start = Frame::new(Opcode::Binary, vec![1; 600]).unfinished();
    tunnel.server.send(start.bytes()).await;
    assert_eq!(tunnel.client.frame().await, start);
    tunnel
        .server
        .send(Frame::new(Opcode::Continuation, vec![1; 600]).bytes())
        .await;
    both_closed_with(&mut tunnel, 1009).await;
}

/// C1.
#[tokio::test]
async fn broken_frames_close_both_sides_with_1002_where_framing_is_strict() {
    let unmasked = Frame::text("unmasked").bytes();
    let reserved_opcode = vec![0x83, 0x80, 0, 0, 0, 0];
    let reserved_bit = vec![0xc1, 0x80, 0, 0, 0, 0];
    let long_ping = Frame::new(Opcode::Ping, vec![0; 126]).masked().bytes();
    let fragmented_ping = Frame::new(Opcode::Ping, "").unfinished().masked().bytes();
    let stray_continuation = Frame::new(Opcode::Continuation, "").masked().bytes();
    let long_way_to_say_five = vec![0x82, 0xfe, 0, 5, 0, 0, 0, 0];
    let huge = vec![
        0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
    ];
    for bytes in [
        unmasked,
        reserved_opcode,
        reserved_bit,
        long_ping,
        fragmented_ping,
        stray_continuation,
        long_way_to_say_five,
        huge,
    ] {
        let mut tunnel = Tunnel::open("framing: strict").await;
        tunnel.client.send(&bytes).await;
        both_closed_with(&mut tunnel, 1002).await;
    }
}

/// C3: a Close with half a code, or with one that is never sent (RFC 6455 §7.4.1).
#[tokio::test]
async fn a_close_that_nobody_may_send_is_1002_where_framing_is_strict() {
    let half = Frame::new(Opcode::Close, [3]);
    let codes = [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535];
    let codes = codes.map(|code| Frame::close(code, ""));
    for close in codes.into_iter().chain([half]) {
        let mut tunnel = Tunnel::open("framing: strict").await;
        tunnel.client.send(close.masked().bytes()).await;
        both_closed_with(&mut tunnel, 1002).await;
    }
}

/// C4: what floods is relayed as fast as the other side takes it, and no faster: nothing of it is answered here, and
/// nothing is kept.
#[tokio::test]
async fn a_flood_of_control_frames_meets_backpressure_and_costs_no_memory() {
    let mut tunnel = Tunnel::open("framing: strict, ping: off").await;
    let flood = [
        Frame::new(Opcode::Ping, "").masked().bytes(),
        Frame::new(Opcode::Pong, "unasked").masked().bytes(),
        Frame::text("").masked().bytes(),
        Frame::text("").unfinished().masked().bytes(),
        Frame::new(Opcode::Continuation, "")
            .unfinished()
            .masked()
            .bytes(),
        Frame::new(Opcode::Continuation, "").masked().bytes(),
    ]
    .concat();
    let round = flood.repeat(1000);
    let before = tunnel.towpath.memory();
    for _ in 0..100 {
        let sent = round.clone();
        let mut client = tunnel.client;
        let sending = tokio::spawn(async move {
            client.send(sent).await;
            client
        });
        assert_eq!(tunnel.server.bytes(round.len()).await, round);
        tunnel.client = sending.await.unwrap();
    }
    tunnel.client.is_silent();
    let grown = tunnel.towpath.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more");
}

/// C1.
#[tokio::test]
async fn a_masked_frame_from_the_backend_is_broken_too() {
    let mut tunnel = Tunnel::open("framing: strict").await;
    tunnel
        .server
        .send(Frame::text("masked").masked().bytes())
        .await;
    both_closed_with(&mut tunnel, 1002).await;
}

async fn both_closed_with(tunnel: &mut Tunnel, code: u16) {
    for wire in [&mut tunnel.client, &mut tunnel.server] {
        assert_eq!(wire.frame().await.closing().0, code);
    }
    answer_close(&mut tunnel.client, Frame::close(code, "").masked()).await;
    answer_close(&mut tunnel.server, Frame::close(code, "")).await;
    tunnel.client.ends().await;
    tunnel.server.ends().await;
}

async fn answer_close(wire: &mut Wire, close: Frame) {
    wire.send(close.bytes()).await;
    wire.half_close().await;
}
