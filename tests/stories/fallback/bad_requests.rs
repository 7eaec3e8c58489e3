//! Requests that are none, and clients that ask for too much: each has its answer, and no session suffers.

use harness::Frame as WebSocketFrame;
use harness::fallback::{Answer, Frame, Io, Kind, Opening, Status};

use super::ByHand;

/// As in a WebSocket (RFC 6455 §5.4), fragments out of order end the conversation.
#[tokio::test]
async fn fragments_out_of_order_are_1002_for_both() {
    for frames in [
        vec![Frame::new(Kind::LastPart, "x")],
        vec![Frame::new(Kind::TextPart, "x"), Frame::text("y")],
        vec![
            Frame::new(Kind::TextPart, "x"),
            Frame::new(Kind::BinaryPart, "y"),
        ],
    ] {
        let mut carried = ByHand::open("").await;
        let told = format!("{frames:?}");
        carried.session.send(1, frames).await;
        assert_eq!(carried.server.frame().await.closing().0, 1002, "{told}");
        let poll = carried.session.poll(0).await;
        let told_1002 = poll.frames.first().is_some_and(|frame| {
            frame.kind == Kind::Close && frame.payload.starts_with(&[0, 3, 234])
        });
        assert!(told_1002, "{told}: {:?}", poll.frames);
    }
}

/// The session goes on as if nothing had been: the backend hears the first message, and nothing before it.
async fn is_unharmed(mut carried: ByHand) {
    let sent = vec![Frame::text("unharmed")];
    let answer = carried.session.send(1, sent).await;
    assert_eq!((answer.status, answer.ack), (Status::Ok, 1));
    let heard = carried.server.frame().await;
    assert_eq!(heard, WebSocketFrame::text("unharmed").masked());
}

/// D6. Each bends a good request.
#[tokio::test]
async fn a_body_that_is_no_request_is_a_protocol_error() {
    let mut carried = ByHand::open("").await;
    let good = carried.session.request();
    let bytes = good.bytes();
    // Of the magic, the flags and the token, after which the numbers come.
    let head = &bytes[..5 + good.token.len()];
    let with = |rest: &[u8]| [head, rest].concat();
    let bent = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    let table = [
        ("nothing", Vec::new()),
        ("another magic", bent(2, b'2')),
        ("an unknown flag", bent(3, 2)),
        ("the magic alone", b"TP1".to_vec()),
        ("a token that ends early", head[..9].to_vec()),
        ("no numbers", head.to_vec()),
        ("a number too few", with(&[1, 0, 0, 0])),
        ("a number in a long form", with(&[0x81, 0, 0, 0, 0, 0])),
        ("2^53", with(b"\x80\x80\x80\x80\x80\x80\x80\x10\0\0\0\0")),
        ("a number without an end", with(&[0xff; 16])),
        ("half a frame", with(&[1, 0, 0, 0, 1, 1, 5, b'h'])),
        ("a frame without a length", with(&[1, 0, 0, 0, 1, 1])),
        ("the end of a stream", with(&[1, 0, 0, 0, 0, 6, 1, 0])),
        ("type 7", with(&[1, 0, 0, 0, 1, 7, 0])),
        ("type 255", with(&[1, 0, 0, 0, 1, 255, 0])),
        ("a frame without a number", with(&[1, 0, 0, 0, 0, 1, 0])),
        ("a number without a frame", with(&[1, 0, 0, 0, 1])),
    ];
    for (what, body) in table {
        let answer = carried.session.body(body).await;
        assert_eq!(answer.status, Status::Protocol, "{what}");
        assert_eq!(answer.frames, [], "{what}");
    }
    is_unharmed(carried).await;
}

#[tokio::test]
async fn a_close_that_a_client_may_not_send_is_a_protocol_error() {
    let mut carried = ByHand::open("").await;
    let close = |payload: &[u8]| vec![Frame::new(Kind::Close, payload)];
    let coded = |code| vec![Frame::close(code, "")];
    let table = [
        ("a close of two bytes", close(&[0, 3])),
        ("an abnormal close", close(&[1, 3, 232])),
        ("a close with an unknown flag", close(&[2, 3, 232])),
        ("a close with no UTF-8", close(&[0, 3, 232, 0xff])),
        (
            "a reason of 124 bytes",
            vec![Frame::close(1000, &"r".repeat(124))],
        ),
        ("code 999", coded(999)),
        ("code 1004", coded(1004)),
        ("code 1005", coded(1005)),
        ("code 1006", coded(1006)),
        ("code 1012", coded(1012)),
        ("code 2000", coded(2000)),
        ("code 5000", coded(5000)),
    ];
    for (what, frames) in table {
        let answer = carried.session.send(1, frames).await;
        assert_eq!((answer.status, answer.ack), (Status::Protocol, 0), "{what}");
    }
    is_unharmed(carried).await;
}

#[tokio::test]
async fn a_frame_is_65_536_bytes_at_most() {
    let mut carried = ByHand::open("").await;
    let too_long = vec![Frame::new(Kind::Binary, vec![0; 65_537])];
    let answer = carried.session.send(1, too_long).await;
    assert_eq!((answer.status, answer.ack), (Status::Protocol, 0));
    is_unharmed(carried).await;
}

#[tokio::test]
async fn what_was_never_said_cannot_be_acknowledged() {
    let mut carried = ByHand::open("").await;
    let request = carried.session.request();
    let answer = carried.session.io(&Io { ack: 1, ..request }).await;
    assert_eq!(answer.status, Status::Protocol);
    is_unharmed(carried).await;
}

/// D6.
#[tokio::test]
async fn a_body_beyond_the_limit_is_too_large() {
    let mut carried = ByHand::open("").await;
    let request = carried.session.request();
    let limit = carried.session.opened.max_body as usize;
    let fill = |request: &Io, length: usize| {
        let mut body = request.bytes();
        while body.len() < length {
            let rest = (length - body.len()).min(60_000);
            // A padding's header takes two, three or four bytes.
            let payload = match rest {
                0..=129 => rest - 2,
                130..=16_386 => rest - 3,
                _ => rest - 4,
            };
            let mut padding = Io {
                frames: vec![Frame::new(Kind::Padding, vec![0; payload])],
                ..Io::default()
            }
            .bytes();
            body.append(&mut padding.split_off(Io::default().bytes().len()));
        }
        body
    };
    let fits = fill(&request, limit);
    assert_eq!(fits.len(), limit);
    assert_eq!(carried.session.body(fits).await.status, Status::Ok);
    let text = Io {
        first: 1,
        frames: vec![Frame::text("lost")],
        ..request
    };
    let answer = carried.session.body(fill(&text, limit + 1)).await;
    assert_eq!(answer.status, Status::TooLarge);
    // What lies behind the limit looked as if the client had gone on, and every other time it got no answer.
    for _ in 0..8 {
        let answer = carried.session.body(fill(&text, 2 * limit)).await;
        assert_eq!(answer.status, Status::TooLarge);
    }
    is_unharmed(carried).await;
}

/// D1: nothing tells a token that is another's from one that was never given.
#[tokio::test]
async fn a_token_of_somebody_else_is_gone_like_any_other() {
    let opening = Opening::new("/chat").field("origin", "http://page.test");
    let mut carried = ByHand::with(opening, "").await;
    let good = carried.session.request();
    let mut flipped = good.token.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let unknown = "A".repeat(good.token.len());
    let mut evil = carried.session.again(&[("origin", "http://evil.test")]);
    let mut nobody = carried.session.again(&[]);
    let mut friend = carried.session.again(&[("origin", "http://page.test")]);

    for token in [&flipped, &unknown, &"x".to_owned(), &"A".repeat(255)] {
        let request = Io {
            token: token.clone(),
            ..good.clone()
        };
        let answer: Answer = friend.io(&request).await;
        assert_eq!(answer.status, Status::Gone, "{token}");
    }
    for stranger in [&mut evil, &mut nobody] {
        let mut sizes = Vec::new();
        for token in [&good.token, &flipped, &unknown] {
            let request = Io {
                token: token.clone(),
                ..good.clone()
            };
            assert_eq!(stranger.io(&request).await.status, Status::Gone);
            sizes.push(stranger.size_of_answer(&request).await);
        }
        assert_eq!(sizes, [sizes[0]; 3]);
    }
    is_unharmed(carried).await;
}

/// D2: it stands in bodies alone.
#[tokio::test]
async fn a_token_is_in_no_address_and_no_log() {
    let mut carried = ByHand::open("").await;
    let token = carried.session.opened.token.clone();
    assert!(!carried.session.path.contains(&token));
    carried
        .session
        .send(1, vec![Frame::text("hello"), Frame::close(1000, "")])
        .await;
    carried.server.frame().await;
    carried.server.frame().await;
    carried
        .server
        .send(WebSocketFrame::close(1000, "").bytes())
        .await;
    drop(carried.server);
    // It has heard of the end, and then said so.
    carried.session.poll(0).await;
    carried.session.poll(1).await;
    carried.towpath.access("session", |_| true).await;
    let written = carried.towpath.written();
    assert!(!written.contains(&token), "{written}");
}

#[tokio::test]
async fn a_text_that_is_no_utf_8_is_1007_for_both() {
    both_are_closed_with(
        1007,
        [
            vec![Frame::new(Kind::Text, [0xff])],
            vec![
                Frame::new(Kind::TextPart, [0xc3]),
                Frame::new(Kind::LastPart, ""),
            ],
            vec![
                Frame::new(Kind::TextPart, [0xc3]),
                Frame::new(Kind::LastPart, "a"),
            ],
        ],
    )
    .await;
}

#[tokio::test]
async fn a_message_within_another_is_1002_for_both() {
    let part = || Frame::new(Kind::TextPart, "x");
    both_are_closed_with(
        1002,
        [
            vec![Frame::new(Kind::LastPart, "of nothing")],
            vec![part(), Frame::text("y")],
            vec![part(), Frame::new(Kind::BinaryPart, "y")],
        ],
    )
    .await;
}

/// Each of these ends a session of its own.
async fn both_are_closed_with<const N: usize>(code: u16, frames: [Vec<Frame>; N]) {
    for frames in frames {
        let mut carried = ByHand::open("hold: 5s").await;
        carried.session.send(1, frames).await;
        assert_eq!(carried.server.frame().await.closing().0, code);
        let close = WebSocketFrame::close(code, "").bytes();
        carried.server.send(close).await;
        let last = carried.session.poll(0).await.frames.pop().unwrap();
        assert_eq!(last.kind, Kind::Close);
        let [high, low] = code.to_be_bytes();
        assert_eq!(last.payload[..3], [0, high, low]);
    }
}

/// Several connections ask and ask, and never bring anything new: first they are slowed, then it is over.
#[tokio::test]
async fn a_storm_of_requests_is_throttled_and_then_closed_with_1008() {
    let mut carried = ByHand::open("").await;
    let storms = (0..3).map(|_| {
        let mut session = carried.session.again(&[]);
        tokio::spawn(async move {
            let mut throttled = 0;
            loop {
                let request = session.request();
                let answer = session.io(&request).await;
                match answer.status {
                    Status::Ok if answer.frames.is_empty() => {}
                    Status::Throttled => {
                        assert!(answer.advice > 0);
                        throttled += 1;
                    }
                    _ => return throttled,
                }
            }
        })
    });
    let storms: Vec<_> = storms.collect();
    let close = carried.server.frame().await;
    assert_eq!(close.closing().0, 1008);
    let close = WebSocketFrame::close(1008, "").bytes();
    carried.server.send(close).await;
    let mut throttled = 0;
    for storm in storms {
        throttled += harness::within("the storm ends", storm).await.unwrap();
    }
    assert!(throttled >= 90, "{throttled}");
}
