//! What a client sends is taken once and in order, however often and in whatever order it arrives (§4).

use harness::Frame as WebSocketFrame;
use harness::fallback::{Frame, Io, Kind, Status};

use super::ByHand;

fn texts(texts: &[&str]) -> Vec<Frame> {
    texts.iter().map(|text| Frame::text(text)).collect()
}

async fn heard(carried: &mut ByHand, words: &[&str]) {
    for word in words {
        let frame = carried.server.frame().await;
        assert_eq!(frame, WebSocketFrame::text(word).masked());
    }
}

/// D3.
#[tokio::test]
async fn a_request_that_is_repeated_is_taken_once() {
    let mut carried = ByHand::open("").await;
    let request = carried.session.request();
    let (first, frames) = (1, texts(&["one", "two"]));
    let request = Io {
        first,
        frames,
        ..request
    };
    for _ in 0..3 {
        let answer = carried.session.io(&request).await;
        assert_eq!((answer.status, answer.ack), (Status::Ok, 2));
    }
    let answer = carried.session.send(2, texts(&["two", "three"])).await;
    assert_eq!((answer.status, answer.ack), (Status::Ok, 3));
    heard(&mut carried, &["one", "two", "three"]).await;
    carried.server.is_silent();
}

/// D3.
#[tokio::test]
async fn after_a_gap_nothing_is_taken_and_all_is_asked_for_again() {
    let mut carried = ByHand::open("").await;
    let answer = carried.session.send(2, texts(&["two", "three"])).await;
    assert_eq!((answer.status, answer.ack), (Status::Resend, 0));
    let all = texts(&["one", "two", "three"]);
    let answer = carried.session.send(1, all).await;
    assert_eq!((answer.status, answer.ack), (Status::Ok, 3));
    heard(&mut carried, &["one", "two", "three"]).await;
    carried.server.is_silent();
}

/// Frames count even in a poll that is too late to be held.
#[tokio::test]
async fn frames_are_taken_before_anything_else_is_looked_at() {
    let mut carried = ByHand::open("hold: 1s").await;
    let mut later = carried.session.again(&[]);
    later.poll(0).await;
    let request = carried.session.request();
    let (first, frames, wait) = (1, texts(&["in a stale poll"]), 1000);
    let request = Io {
        first,
        frames,
        wait,
        ..request
    };
    let answer = carried.session.io(&request).await;
    assert_eq!((answer.status, answer.ack), (Status::Stale, 1));
    heard(&mut carried, &["in a stale poll"]).await;
}

#[tokio::test]
async fn fragments_may_come_in_requests_of_their_own_and_padding_anywhere() {
    let mut carried = ByHand::open("").await;
    let part = |kind, text: &str| vec![Frame::new(Kind::Padding, [7; 9]), Frame::new(kind, text)];
    for (number, kind, text) in [
        (1, Kind::TextPart, "one "),
        (2, Kind::TextPart, "and "),
        (3, Kind::LastPart, "two"),
    ] {
        let answer = carried.session.send(number, part(kind, text)).await;
        assert_eq!((answer.status, answer.ack), (Status::Ok, number));
    }
    let mut message = String::new();
    loop {
        let frame = carried.server.frame().await;
        message += std::str::from_utf8(&frame.payload).unwrap();
        if frame.fin {
            break;
        }
    }
    assert_eq!(message, "one and two");
}
