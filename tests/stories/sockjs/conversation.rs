//! All that is said arrives as it was said, by every transport and before every kind of server.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures_util::StreamExt;
use harness::{Peer, WebSocket, open, within};
use serde_json::{Value, json};

use super::{ANY, ELSEWHERE, HERE, NODE, Service, agree};

/// Streams of so little are renewed all the time.
const SHORT_STREAMS: &str = "response_limit: 4KiB";

#[tokio::test]
async fn before_ws() {
    let server = Peer::node("ws.mjs").await;
    let service = Service::before(server.address(), SHORT_STREAMS).await;
    in_node(&service, server.address()).await;
    let seen = service.here("contract", &HERE).await;
    agree(&seen, &HERE, conversation);
}

#[tokio::test]
async fn before_ws_from_another_origin() {
    let server = Peer::node("ws.mjs").await;
    let service = Service::before(server.address(), SHORT_STREAMS).await;
    let seen = service.elsewhere("contract", &ELSEWHERE).await;
    agree(&seen, &ELSEWHERE, conversation);
}

#[tokio::test]
async fn before_fastapi() {
    let server = Peer::python("fastapi_peer.py").await;
    let service = Service::before(server.address(), "").await;
    in_node(&service, server.address()).await;
    let seen = service.here("contract", &HERE).await;
    agree(&seen, &HERE, conversation);
}

#[tokio::test]
async fn before_gorilla() {
    let server = Peer::go("gorilla").await;
    let service = Service::before(server.address(), "").await;
    in_node(&service, server.address()).await;
    let seen = service.here("contract", &HERE).await;
    agree(&seen, &HERE, conversation);
}

/// Every transport in Node, and how its conversations ended for the server.
async fn in_node(service: &Service, server: SocketAddr) {
    let witness = open(server, "/closes").await;
    let transports = [&NODE[..], &[ANY]].concat();
    let seen = service.in_node("contract", &transports).await;
    agree(&seen, &transports, conversation);
    // Three echoes of each transport. HTTP has no word for a close, but that the client is gone.
    let codes = BTreeMap::from([(1000, 6), (1001, 9)]);
    assert_eq!(ends(witness, 15).await, codes);
}

/// How often connections ended with each code.
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

/// What `tests/peers/node/sockjs/pages/contract.js` sees.
fn conversation(transport: &str) -> Value {
    let carried = if transport == ANY {
        "websocket"
    } else {
        transport
    };
    json!({
        "echo": {
            "transport": carried,
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
        "refused": super::ends::refusal(transport, "403 Forbidden"),
    })
}
