//! Streams (§7): they begin at once, bring frames as they come, and one that is cut is no loss.

use harness::Frame as WebSocketFrame;
use harness::fallback::{Frame, Kind, Opening, Status};

use super::ByHand;

const MESSAGE: usize = 60_000;

async fn streaming() -> ByHand {
    let carried = ByHand::with(Opening::new("/chat").streams(), "").await;
    assert!(carried.session.opened.stream);
    carried
}

#[tokio::test]
async fn a_stream_begins_at_once_and_brings_frames_as_they_come() {
    let mut carried = streaming().await;
    let mut stream = carried.session.stream(0).await;
    let beginning = stream.bytes(2048).await;
    assert_eq!(beginning[..4], *b"TP1\x00");
    let mut all = Vec::new();
    for text in ["one", "two", "three"] {
        carried
            .server
            .send(WebSocketFrame::text(text).bytes())
            .await;
        all.push(Frame::text(text));
        let answer = stream.frames(all.len()).await;
        assert_eq!((answer.first, &answer.frames), (1, &all));
    }
    let close = WebSocketFrame::close(4001, "bye").bytes();
    carried.server.send(close).await;
    all.push(Frame::close(4001, "bye"));
    let whole = stream.whole().await;
    let (end, frames) = whole.frames.split_last().unwrap();
    assert_eq!((frames, end.kind), (all.as_slice(), Kind::End));
}

#[tokio::test]
async fn after_a_mebibyte_the_client_asks_for_the_next() {
    let mut carried = streaming().await;
    let stream = carried.session.stream(0).await;
    let messages = (1 << 20) / MESSAGE;
    let server = &mut carried.server;
    let send = async {
        for number in 0..=messages {
            let payload = vec![number as u8; MESSAGE];
            let frame = WebSocketFrame::new(harness::Opcode::Binary, payload);
            server.send(frame.bytes()).await;
        }
    };
    let (whole, ()) = tokio::join!(stream.whole(), send);
    let (end, frames) = whole.frames.split_last().unwrap();
    assert_eq!((end.kind, &*end.payload), (Kind::End, [0].as_slice()));
    assert_eq!(frames.len(), messages);

    let next = carried.session.poll(messages as u64).await;
    assert_eq!(next.first as usize, messages + 1);
    assert_eq!(next.frames[0].payload, vec![messages as u8; MESSAGE]);
}

#[tokio::test]
async fn what_a_cut_stream_has_lost_comes_with_the_next_poll() {
    let mut carried = streaming().await;
    let mut stream = carried.session.stream(0).await;
    stream.bytes(2048).await;
    carried
        .server
        .send(WebSocketFrame::text("lost").bytes())
        .await;
    stream.frames(1).await;
    drop(stream);
    let poll = carried.session.poll(0).await;
    assert_eq!(
        (poll.status, poll.frames),
        (Status::Ok, vec![Frame::text("lost")])
    );
}

/// A client that sees nothing of a stream polls instead, and the stream is over.
#[tokio::test]
async fn a_poll_takes_over_from_a_stream() {
    let mut carried = streaming().await;
    let mut stream = carried.session.stream(0).await;
    stream.bytes(2048).await;
    let (poll, end) = tokio::join!(
        async {
            carried
                .server
                .send(WebSocketFrame::text("for the poll").bytes())
                .await;
            carried.session.poll(0).await
        },
        stream.whole()
    );
    assert_eq!(poll.frames, [Frame::text("for the poll")]);
    let end = end.frames.last().unwrap().clone();
    assert_eq!((end.kind, end.payload), (Kind::End, vec![1]));
}
