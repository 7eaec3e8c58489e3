//! A side that does not read stops the other one, and nothing is lost when it reads again (§6).

use std::time::Duration;

use harness::fallback::{Frame, Io, Kind, Status};
use harness::{Frame as WebSocketFrame, Opcode};
use tokio::sync::watch;
use tokio::time::timeout;

use super::ByHand;

const MESSAGE: usize = 60_000;
const MESSAGES: usize = 1000;

/// More than the proxy may hold and the kernel may have in its buffers, and much less than all.
const STOPPED: usize = MESSAGES / 3;

fn payload(number: usize) -> Vec<u8> {
    [number.to_be_bytes().to_vec(), vec![7; MESSAGE - 8]].concat()
}

/// The count at which there was no more progress for a while.
async fn stopped_at(progress: &mut watch::Receiver<usize>) -> usize {
    while let Ok(Ok(())) = timeout(Duration::from_secs(1), progress.changed()).await {}
    *progress.borrow()
}

/// D5.
#[tokio::test]
async fn a_client_that_does_not_read_stops_the_backend() {
    let ByHand {
        mut session,
        mut server,
        towpath: _towpath,
        ..
    } = ByHand::open("hold: 5s").await;
    let (progress, mut sent) = watch::channel(0);
    let sending = tokio::spawn(async move {
        for number in 0..MESSAGES {
            let frame = WebSocketFrame::new(Opcode::Binary, payload(number));
            server.send(frame.bytes()).await;
            progress.send_replace(number + 1);
        }
        server
    });
    let stopped = stopped_at(&mut sent).await;
    assert!(stopped < STOPPED, "{stopped} messages were taken");

    let mut read = 0;
    while read < MESSAGES {
        for frame in session.poll(read as u64).await.frames {
            assert!(frame.payload == payload(read), "not message {read}");
            read += 1;
        }
    }
    sending.await.unwrap();
}

/// The credit says how much more; a frame beyond it waits, and is told so.
#[tokio::test]
async fn a_backend_that_does_not_read_stops_the_client() {
    let mut carried = ByHand::open("").await;
    let mut sent = 0;
    let refused = loop {
        let frame = Frame::new(Kind::Binary, payload(sent));
        let answer = carried.session.send(sent as u64 + 1, vec![frame]).await;
        if answer.status != Status::Ok {
            break answer;
        }
        sent = answer.ack as usize;
        assert!(sent < STOPPED, "{sent} messages were taken");
    };
    assert_eq!(refused.status, Status::Throttled);
    assert_eq!(refused.ack as usize, sent);
    assert!(refused.credit < MESSAGE as u64, "{refused:?}");

    for number in 0..sent {
        let frame = carried.server.frame().await;
        assert!(frame.payload == payload(number), "not message {number}");
    }
    let frame = Frame::new(Kind::Binary, payload(sent));
    let answer = carried.session.send(sent as u64 + 1, vec![frame]).await;
    assert_eq!(answer.ack as usize, sent + 1);
}

/// Of a body with more than there is room for, the first frames are taken.
#[tokio::test]
async fn no_more_is_taken_than_there_is_credit_for() {
    let mut carried = ByHand::open("").await;
    let mut sent = 0;
    loop {
        let frames = (0..4).map(|more| Frame::new(Kind::Binary, payload(sent + more)));
        let first = sent as u64 + 1;
        let request = Io {
            first,
            frames: frames.collect(),
            ..carried.session.request()
        };
        let answer = carried.session.io(&request).await;
        let taken = answer.ack as usize - sent;
        sent += taken;
        if taken < 4 {
            break;
        }
        assert!(sent < STOPPED, "{sent} messages were taken");
    }
    for number in 0..sent {
        let frame = carried.server.frame().await;
        assert!(frame.payload == payload(number), "not message {number}");
    }
    carried.server.is_silent();
}
