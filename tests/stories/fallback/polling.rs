//! Polls: when they are answered, and what becomes of them when there are several (§4, §5).

use harness::fallback::{Frame, Io, Status};
use harness::{Frame as WebSocketFrame, within};

use super::ByHand;

fn says(text: &str) -> Vec<u8> {
    WebSocketFrame::text(text).bytes()
}

#[tokio::test]
async fn a_held_poll_is_answered_as_soon_as_there_is_something() {
    let mut carried = ByHand::open("hold: 5m").await;
    let (answer, ()) = tokio::join!(carried.session.poll(0), carried.server.send(says("news")));
    assert_eq!(answer.status, Status::Ok);
    assert_eq!(
        (answer.first, answer.frames),
        (1, vec![Frame::text("news")])
    );
}

#[tokio::test]
async fn a_poll_is_answered_without_news_when_the_hold_is_over() {
    let mut carried = ByHand::open("hold: 1s").await;
    assert_eq!(carried.session.opened.wait, 1000);
    for wait in [1000, 200, 0] {
        let request = carried.session.request();
        let answer = carried.session.io(&Io { wait, ..request }).await;
        assert_eq!((answer.status, answer.first), (Status::Ok, 0));
        assert_eq!(answer.frames, []);
    }
}

/// D3. The one that is held is told, and the new one is served from its own `ack`.
#[tokio::test]
async fn a_newer_poll_takes_over() {
    let mut carried = ByHand::open("hold: 5m").await;
    let mut second = carried.session.again(&[]);
    // What it sends shows that it is there.
    let (wait, request) = (carried.session.opened.wait, carried.session.request());
    let (first, frames) = (1, vec![Frame::text("I hold")]);
    let older = Io {
        wait,
        first,
        frames,
        ..request
    };
    let older = tokio::spawn(async move { carried.session.io(&older).await });
    carried.server.frame().await;

    let newer = tokio::spawn(async move { second.poll(0).await });
    let older = within("the older poll", older).await.unwrap();
    assert_eq!((older.status, older.first), (Status::Superseded, 0));
    carried.server.send(says("to the newer")).await;
    let newer = within("the newer poll", newer).await.unwrap();
    assert_eq!(newer.frames, [Frame::text("to the newer")]);
}

#[tokio::test]
async fn an_older_poll_is_stale_and_does_no_harm() {
    let mut carried = ByHand::open("hold: 1s").await;
    let mut later = carried.session.again(&[]);
    assert_eq!(later.poll(0).await.status, Status::Ok);
    let stale = carried.session.poll(0).await;
    assert_eq!((stale.status, stale.first), (Status::Stale, 0));
    carried.server.send(says("still here")).await;
    assert_eq!(later.poll(0).await.frames, [Frame::text("still here")]);
}

#[tokio::test]
async fn what_was_not_acknowledged_is_said_again_and_what_was_is_not() {
    let mut carried = ByHand::open("hold: 1s").await;
    carried.server.send(says("one")).await;
    let one = carried.session.poll(0).await;
    carried.server.send(says("two")).await;
    let (mut again, mut frames) = (Vec::new(), 0);
    while frames < 2 {
        again = carried.session.poll(0).await.frames;
        frames = again.len();
    }
    assert_eq!(one.frames, [Frame::text("one")]);
    assert_eq!(again, [Frame::text("one"), Frame::text("two")]);

    let rest = carried.session.poll(1).await;
    assert_eq!((rest.first, rest.frames), (2, vec![Frame::text("two")]));
}

/// It is on its way: a request that sends must not double what the poll brings.
#[tokio::test]
async fn what_a_poll_has_just_carried_does_not_come_with_the_next_send() {
    let mut carried = ByHand::open("hold: 1s").await;
    carried.server.send(says("one")).await;
    assert_eq!(carried.session.poll(0).await.frames.len(), 1);
    let sent = carried.session.send(1, vec![Frame::text("hello")]).await;
    assert_eq!((sent.status, sent.ack), (Status::Ok, 1));
    assert_eq!(sent.frames, []);
}

/// One frame comes in any case, and the rest as the budget allows.
#[tokio::test]
async fn an_answer_keeps_to_the_budget() {
    let mut carried = ByHand::open("hold: 1s").await;
    for text in ["0123456789", "abcdefghij", "klmnopqrst"] {
        carried.server.send(says(text)).await;
    }
    // All three are there once an answer has them all.
    while carried.session.poll(0).await.frames.len() < 3 {}
    for (budget, frames) in [(0, 1), (23, 1), (24, 2), (36, 3)] {
        let (request, wait) = (carried.session.request(), 1000);
        let request = Io {
            budget,
            wait,
            ..request
        };
        let answer = carried.session.io(&request).await;
        assert_eq!(answer.frames.len(), frames, "{budget}");
    }
}
