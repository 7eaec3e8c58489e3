//! A hundred thousand messages each way through bad networks: none lost, none twice, none out of order, and the
//! backend was dialled once. The witness is what each end has read.

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use harness::fallback::{Ended, FallbackClient, Opening, Pace};
use harness::{Chaos, Fault, Faults, RawBackend, WebSocket, within};
use tokio_tungstenite::tungstenite::Message;

use super::in_front_of;

const MESSAGES: u32 = 100_000;

/// Small enough that it takes hundreds of requests each way.
const PACE: Pace = Pace {
    budget: 4096,
    batch: 300,
};

#[tokio::test]
async fn one_that_cuts_connections_loses_nothing() {
    let faults = Faults::none()
        .with(Fault::CutBefore, 0.04)
        .with(Fault::CutRequest, 0.04)
        .with(Fault::CutAnswer, 0.04)
        .with(Fault::CutResponse, 0.04);
    carries_everything(faults, 1).await;
}

#[tokio::test]
async fn one_that_repeats_and_reorders_requests_repeats_and_reorders_nothing() {
    let faults = Faults::none()
        .with(Fault::Duplicate, 0.3)
        .with(Fault::Reorder, 0.1)
        .with(Fault::Delay, 0.2)
        .delays_up_to(Duration::from_millis(40));
    carries_everything(faults, 2).await;
}

#[tokio::test]
async fn one_of_old_gateways_that_answer_by_themselves_carries_everything() {
    let faults = Faults::none()
        .with(Fault::Http10, 0.5)
        .with(Fault::Buffer, 0.5)
        .with(Fault::BadGateway, 0.05)
        .with(Fault::Portal, 0.05);
    carries_everything(faults, 3).await;
}

#[tokio::test]
async fn one_with_all_of_it_carries_everything() {
    let faults = Faults::none()
        .with(Fault::CutBefore, 0.02)
        .with(Fault::CutRequest, 0.02)
        .with(Fault::CutAnswer, 0.03)
        .with(Fault::CutResponse, 0.02)
        .with(Fault::BadGateway, 0.02)
        .with(Fault::Portal, 0.02)
        .with(Fault::Delay, 0.05)
        .with(Fault::Reorder, 0.05)
        .with(Fault::Duplicate, 0.1)
        .with(Fault::Buffer, 0.2)
        .with(Fault::Http10, 0.2);
    carries_everything(faults, 4).await;
}

async fn carries_everything(faults: Faults, seed: u64) {
    let backend = RawBackend::start().await;
    let towpath = in_front_of(backend.address(), "hold: 1s, resume: 30s").await;
    let chaos = Chaos::start(towpath.address(), faults, seed).await;
    let (client, server) = tokio::join!(
        FallbackClient::with(chaos.address(), Opening::new("/chat"), PACE),
        backend.accept_conversation()
    );
    let (mut sink, mut stream) = server.split();
    let say = async {
        for number in 0..MESSAGES {
            client.send(format!("c{number}")).await;
        }
    };
    let hear = async {
        for number in 0..MESSAGES {
            assert_eq!(client.text().await, format!("s{number}"));
        }
    };
    tokio::join!(say, hear, tell(&mut sink), listen(&mut stream));

    client.close(4000, "that was all");
    let (ended, closed) = tokio::join!(client.ended(), close_of(&mut stream));
    let reason = "that was all".to_owned();
    assert_eq!(closed, (4000, reason.clone()));
    assert_eq!(ended, Ended { code: 4000, reason });
    chaos.all_happened();
    backend.saw_nobody();
}

async fn tell(sink: &mut SplitSink<WebSocket, Message>) {
    for number in 0..MESSAGES {
        let message = Message::text(format!("s{number}"));
        within("room for a message", sink.feed(message))
            .await
            .unwrap();
    }
    within("all is said", sink.flush()).await.unwrap();
}

async fn listen(stream: &mut SplitStream<WebSocket>) {
    for number in 0..MESSAGES {
        match within("a message for the backend", stream.next()).await {
            Some(Ok(Message::Text(text))) => assert_eq!(text.as_str(), format!("c{number}")),
            other => panic!("no text but {other:?}"),
        }
    }
}

/// The next message is a Close. It is answered by reading on.
async fn close_of(stream: &mut SplitStream<WebSocket>) -> (u16, String) {
    let Some(Ok(Message::Close(Some(close)))) = within("a Close", stream.next()).await else {
        panic!("no Close");
    };
    while let Some(Ok(_)) = within("the end", stream.next()).await {}
    (close.code.into(), close.reason.as_str().to_owned())
}
