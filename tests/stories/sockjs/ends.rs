//! How conversations end: each side sees of the other what SockJS has words for.

use serde_json::{Value, json};

use super::{ANY, ELSEWHERE, HERE, NODE, Service, agree};

/// A page cannot take back a script that it waits for, so a JSONP client is gone only when it does not come again.
const SOON: &str = "heartbeat: 1s, disconnect_delay: 3s";

#[tokio::test]
async fn of_a_process() {
    let service = Service::start(SOON).await;
    let seen = service.in_node("ends", &NODE).await;
    agree(&seen, &NODE, ends);
}

#[tokio::test]
async fn of_a_page() {
    let service = Service::start(SOON).await;
    let seen = service.here("ends", &HERE).await;
    agree(&seen, &HERE, ends);
}

#[tokio::test]
async fn of_a_page_of_another_origin() {
    let service = Service::start(SOON).await;
    let seen = service.elsewhere("ends", &ELSEWHERE).await;
    agree(&seen, &ELSEWHERE, ends);
}

/// A client that is told no by its WebSocket tries the next transport. What that says is final where the backend will
/// not have this client.
#[tokio::test]
async fn who_is_refused_does_not_come_again_and_again() {
    let service = Service::start("").await;
    let seen = service.in_node("refusals", &[ANY]).await;
    agree(&seen, &[ANY], |_| {
        json!({
            "401": with_handshakes(refusal(ANY, "401 Unauthorized"), 2),
            "403": with_handshakes(refusal(ANY, "403 Forbidden"), 2),
            "404": with_handshakes(failure(), NODE.len()),
            "503": with_handshakes(failure(), NODE.len()),
        })
    });
}

/// What a client sees that the backend refuses with 401 or 403.
pub(super) fn refusal(transport: &str, status: &str) -> Value {
    if transport == "websocket" {
        return failure();
    }
    json!({
        "events": ["close"],
        "code": 1008,
        "reason": format!("backend refused: {status}"),
        "wasClean": true,
    })
}

/// What a client sees that has no transport left to try.
fn failure() -> Value {
    json!({
        "events": ["close"],
        "code": 2000,
        "reason": "All transports failed",
        "wasClean": false,
    })
}

fn with_handshakes(mut end: Value, count: usize) -> Value {
    end["handshakes"] = json!(count);
    end
}

/// What `tests/peers/node/sockjs/pages/ends.js` sees.
fn ends(transport: &str) -> Value {
    // HTTP has no word for a close, but that the client is gone.
    let end = match transport {
        "websocket" => json!({ "code": 1000, "reason": "" }),
        _ => json!({ "code": 1001, "reason": "client gone" }),
    };
    json!({
        "closed by the client": { "heard": ["going"], "closes": [end] },
        "closed by the backend": {
            "events": ["open", "message", "message", "message", "close"],
            "heard": ["1", "2", "3"],
            "code": 4001,
            "reason": "bye",
            "wasClean": true,
            "closes": [{ "code": 4001, "reason": "bye" }],
        },
        "closed without a code": { "code": 1000, "reason": "Normal closure", "wasClean": true },
        "lost": {
            "events": ["open", "message", "close"],
            "heard": ["last words"],
            "code": 1006,
            "wasClean": false,
        },
        "refused with 401": with_handshakes(refusal(transport, "401 Unauthorized"), 1),
        "refused with 403": with_handshakes(refusal(transport, "403 Forbidden"), 1),
        "refused with 404": with_handshakes(failure(), 1),
        "refused with 503": with_handshakes(failure(), 1),
    })
}
