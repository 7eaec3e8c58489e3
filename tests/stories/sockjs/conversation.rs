//! All that is said arrives as it was said, by every transport and before every kind of server.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures_util::StreamExt;
use harness::{Peer, WebSocket, open, within};
use serde_json::{Value, json};

use super::{ELSEWHERE, HERE, LEGACY, NODE, Service, agree};

/// The module of `tests/peers/node/sockjs/pages` that talks.
const CHECKS: &str = "contract";

/// Streams of so little are renewed all the time.
const SHORT_STREAMS: &str = "response_limit: 4KiB";

#[tokio::test]
async fn before_ws() {
    let server = Peer::node("ws.mjs").await;
    carries(server.address(), SHORT_STREAMS).await;
}

#[tokio::test]
async fn before_fastapi() {
    let server = Peer::python("fastapi_peer.py").await;
    carries(server.address(), "").await;
}

#[tokio::test]
async fn before_gorilla() {
    let server = Peer::go("gorilla").await;
    carries(server.address(), "").await;
}

#[tokio::test]
async fn from_another_origin() {
    let server = Peer::node("ws.mjs").await;
    let service = Service::before(server.address(), "").await;
    let seen = service.elsewhere(CHECKS, &ELSEWHERE).await;
    agree(&seen, &ELSEWHERE, conversation);
}

#[tokio::test]
async fn by_frames_and_scripts_in_a_page_of_another_origin() {
    let server = Peer::node("ws.mjs").await;
    let service = Service::before(server.address(), SHORT_STREAMS).await;
    let seen = service.elsewhere(CHECKS, &LEGACY).await;
    agree(&seen, &LEGACY, conversation);
}

/// To processes and to pages.
async fn carries(server: SocketAddr, settings: &str) {
    let service = Service::before(server, settings).await;
    let witness = open(server, "/closes").await;
    let seen = service.in_node(CHECKS, &NODE).await;
    agree(&seen, &NODE, conversation);
    // Three by each transport. HTTP has no word for a close, but that the client is gone.
    let codes = BTreeMap::from([(1000, 3), (1001, 9)]);
    assert_eq!(ends(witness, 12).await, codes);

    let seen = service.here(CHECKS, &HERE).await;
    agree(&seen, &HERE, conversation);
}

/// With which codes the first echoes ended, and how many of them.
async fn ends(mut witness: WebSocket, count: usize) -> BTreeMap<u64, usize> {
    let mut codes = BTreeMap::new();
    while codes.values().sum::<usize>() < count {
        let word = within("a connection's end", witness.next()).await;
        let word = word.unwrap().unwrap().into_text().unwrap();
        if let Ok(end) = serde_json::from_str::<Value>(&word) {
            *codes.entry(end["code"].as_u64().unwrap()).or_default() += 1;
        }
    }
    codes
}

fn conversation(transport: &str) -> Value {
    json!({
        "echo": {
            "transport": transport,
            "heard": "hello",
            "events": ["open", "message", "close"],
            "code": 4002,
            "reason": "so long",
            "wasClean": true,
        },
        "in order": {
            "count": 1000,
            "inOrder": true,
            "code": 1000,
            "reason": "Normal closure",
            "wasClean": true,
        },
        "characters": {},
        "closed by the backend": {
            "events": ["open", "close"],
            "code": 4001,
            "reason": "bye €",
            "wasClean": true,
        },
    })
}
