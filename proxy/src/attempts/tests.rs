//! An attempt's way, as it is told by whoever carries it, and what is answered meanwhile.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tokio::time::advance;

use super::*;
use crate::tunnel::Side;

fn cid() -> Cid {
    Cid::parse(b"wYbTz1X0c4bO4mCq3xqg9Q").unwrap()
}

fn begin() -> (Arc<Attempts>, Attempt) {
    let attempts = Arc::<Attempts>::default();
    let attempt = attempts.begin(cid());
    (attempts, attempt)
}

fn closed(by: By, code: Option<u16>, heard: bool, age: u64) -> Fate {
    Fate::Closed {
        by,
        code,
        heard,
        age,
    }
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_from_its_handshake_to_its_close() {
    let (attempts, attempt) = begin();
    assert_eq!(attempts.look(cid()), Fate::Connecting);
    advance(Duration::from_secs(5)).await;
    attempt.open();
    assert_eq!(attempts.look(cid()), Fate::Open { heard: false });
    attempt.hear();
    assert_eq!(attempts.look(cid()), Fate::Open { heard: true });
    advance(Duration::from_millis(120)).await;
    attempt.close(Ended::By(Side::Client), Some(1000));
    let fate = closed(By::Client, Some(1000), true, 120);
    assert_eq!(attempts.look(cid()), fate);
    // The backend takes its time to answer; then the minute begins.
    advance(Duration::from_secs(100)).await;
    drop(attempt);
    assert_eq!(attempts.look(cid()), fate);
    advance(Duration::from_millis(59_999)).await;
    assert_eq!(attempts.look(cid()), fate);
    advance(Duration::from_millis(1)).await;
    assert_eq!(attempts.look(cid()), Fate::Unseen);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_its_status() {
    let (attempts, attempt) = begin();
    attempt.refuse(StatusCode::UNAUTHORIZED);
    let answer = r#"{"towpath":1,"status":"refused","http_status":401}"#;
    assert_eq!(attempts.look(cid()).to_json(), answer);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_answer_has_ended_it() {
    let (attempts, attempt) = begin();
    drop(attempt);
    assert_eq!(attempts.look(cid()), closed(By::Client, None, false, 0));
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_whose_task_is_stopped_was_ended_by_us() {
    let (attempts, attempt) = begin();
    attempt.open();
    advance(Duration::from_secs(2)).await;
    drop(attempt);
    assert_eq!(attempts.look(cid()), closed(By::Towpath, None, false, 2000));
}
