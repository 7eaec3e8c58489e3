//! The networks that SockJS was made for: the client finds the transport that gets through, and the backend has one
//! connection from it in the end.

use harness::{Middlebox, Responses, Upgrades};
use serde_json::{Value, json};

use super::{Service, agree};

/// The client may choose, in this order.
const FREE: &str = "websocket+xhr-streaming+xhr-polling";

#[tokio::test]
async fn it_streams_where_websockets_are_blocked() {
    for upgrades in [Upgrades::Refused, Upgrades::Ignored] {
        let way = (upgrades, Responses::Streamed);
        arrives(FREE, way, &choice("xhr-streaming", &[])).await;
    }
}

#[tokio::test]
async fn it_streams_where_the_service_has_no_websockets() {
    let service = Service::start("websocket: off").await;
    let seen = service.in_node("choice", &[FREE]).await;
    agree(&seen, &[FREE], |_| choice("xhr-streaming", &[]));
}

/// The stream that never came had a connection of its own. The client's patience with a WebSocket that failed would run
/// on and end its later attempts, so here there is none.
#[tokio::test]
async fn it_polls_where_responses_are_buffered() {
    let way = (Upgrades::Refused, Responses::Buffered);
    let expected = choice("xhr-polling", &["client gone"]);
    arrives("xhr-streaming+xhr-polling", way, &expected).await;
}

async fn arrives(free: &str, (upgrades, responses): (Upgrades, Responses), expected: &Value) {
    let mut service = Service::start("").await;
    let middlebox = Middlebox::start(service.towpath.address(), upgrades, responses).await;
    service.services = middlebox.address().to_string();
    let seen = service.in_node("choice", &[free]).await;
    agree(&seen, &[free], |_| expected.clone());
    let tried = usize::from(free.contains("websocket"));
    assert_eq!(middlebox.upgrades(), tried, "{upgrades:?}");
}

/// A client that arrived at this transport, and how its connections before that ended for the backend.
fn choice(transport: &str, before: &[&str]) -> Value {
    let closes: Vec<_> = before
        .iter()
        .map(|reason| json!({ "code": 1001, "reason": reason }))
        .collect();
    json!({ "choice": {
        "transport": transport,
        "heard": "hello",
        "handshakes": closes.len() + 1,
        "closes": closes,
    } })
}
