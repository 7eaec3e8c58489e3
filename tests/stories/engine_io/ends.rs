//! Ends that nobody announced: a client is killed, a server is.

use serde_json::{Value, json};

use super::Site;

#[tokio::test]
async fn the_death_of_a_client_that_polls() {
    let [direct, carried] = Site::both(&["--restarts"]).await;
    // To a server, a poll that breaks off is an error; a WebSocket that ends is just closed.
    is_noticed_at_once(&direct, "polling", "transport error").await;
    let (polls, _) = is_noticed_at_once(&carried, "polling", "transport close").await;
    assert_eq!(polls, 0);
}

#[tokio::test]
async fn the_death_of_a_client_that_upgraded() {
    let [direct, carried] = Site::both(&["--restarts"]).await;
    let (_, reason) = is_noticed_at_once(&direct, "default", "transport close").await;
    assert_eq!(reason, "transport close");
    let (polls, reason) = is_noticed_at_once(&carried, "default", "transport close").await;
    assert_eq!((polls, reason), (0.into(), "transport close".into()));
}

/// Long before a heartbeat would tell. Then the server is killed, and its client comes back by itself: gives how often
/// it polled the new one, and what it took the end for.
async fn is_noticed_at_once(site: &Site, transport: &str, reason: &str) -> (Value, Value) {
    let mut seen = site.finds("socket_io/ends.mjs", &[transport]).await;
    assert_eq!(seen["a client that is killed"], json!([reason]));
    let mut back = seen.remove("a server that is killed").unwrap();
    let (polls, reason) = (back["polls"].take(), back["reason"].take());
    assert_eq!(back["answer"], "there you are");
    assert_eq!(back["opened"], json!(["/"]));
    (polls, reason)
}
