//! What each side sees of the other, when conversations begin and when they end: what a WebSocket would have shown, as
//! far as SockJS has words for it.

use serde_json::{Value, json};

use super::{ELSEWHERE, HERE, LEGACY, NODE, Service, agree};

/// The modules of `tests/peers/node/sockjs/pages` that look at it.
const CHECKS: &str = "handshake,ends,refusals,binary";

/// A page cannot take back a script that it waits for, so a JSONP client is gone only when it does not come again.
const SOON: &str = "heartbeat: 1s, disconnect_delay: 3s";

/// In Node, an EventSource asks again and again what was answered with an error, so it is in pages alone.
const IN_NODE: [&str; 3] = ["websocket", "xhr-streaming", "xhr-polling"];

#[tokio::test]
async fn of_a_process() {
    let service = Service::start(SOON).await;
    let seen = service.in_node(CHECKS, &IN_NODE).await;
    agree(&seen, &IN_NODE, |it| sides(&service, it, None, None));
}

#[tokio::test]
async fn of_a_page() {
    let service = Service::start(SOON).await;
    let seen = service.here(CHECKS, &HERE).await;
    let own = format!("http://{}", service.towpath.address());
    agree(&seen, &HERE, |it| {
        sides(&service, it, Some(&own), Some("flavour=oat"))
    });
}

/// The client asks for its event streams without cookies.
#[tokio::test]
async fn of_a_page_of_another_origin() {
    let service = Service::start(SOON).await;
    let seen = service.elsewhere(CHECKS, &ELSEWHERE).await;
    let site = format!("http://{}", service.site.address());
    agree(&seen, &ELSEWHERE, |it| {
        let cookie = Some("flavour=oat").filter(|_| it != "eventsource");
        sides(&service, it, Some(&site), cookie)
    });
}

/// A frame is a page of the service's own origin. A script is asked for without an Origin, so its page's is taken.
#[tokio::test]
async fn of_frames_and_scripts_in_a_page_of_another_origin() {
    let service = Service::start(SOON).await;
    let seen = service.elsewhere(CHECKS, &LEGACY).await;
    let own = format!("http://{}", service.towpath.address());
    let site = format!("http://{}", service.site.address());
    agree(&seen, &LEGACY, |it| {
        let origin = if it == "jsonp-polling" { &site } else { &own };
        sides(&service, it, Some(origin), Some("flavour=oat"))
    });
}

/// A client that is told no by its WebSocket tries its next transport. What that says is final where the backend will
/// not have this client.
#[tokio::test]
async fn who_is_refused_does_not_come_again_and_again() {
    let service = Service::start("").await;
    let free = IN_NODE.join("+");
    let seen = service.in_node("refusals", &[&free]).await;
    agree(&seen, &[&free], |_| {
        json!({
            "refused with 401": refusal("401 Unauthorized", 2),
            "refused with 403": refusal("403 Forbidden", 2),
            "refused with 404": failure(IN_NODE.len()),
        })
    });
}

#[tokio::test]
async fn a_service_elsewhere_carries_bytes_as_base64_where_that_is_agreed() {
    let service = Service::below("/sock", "binary: base64").await;
    let seen = service.in_node("binary", &NODE).await;
    agree(
        &seen,
        &NODE,
        |_| json!({ "binary": { "heard": ["before", "AH+A/w==", "after"] } }),
    );
}

/// What all checks see, of a client with this Origin and these cookies.
fn sides(service: &Service, transport: &str, origin: Option<&str>, cookie: Option<&str>) -> Value {
    let is_websocket = transport == "websocket";
    // HTTP has no word for a close, but that the client is gone.
    let left = match is_websocket {
        true => json!({ "code": 1000, "reason": "" }),
        false => json!({ "code": 1001, "reason": "client gone" }),
    };
    let refused = |status| match is_websocket {
        true => failure(1),
        false => refusal(status, 1),
    };
    json!({
        "handshake": {
            "handshakes": ["/headers?app=1&id=ID"],
            "host": service.towpath.address().to_string(),
            "origin": origin,
            "cookie": cookie,
            "address": "127.0.0.1",
        },
        "closed by the client": { "heard": ["going"], "closes": [left] },
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
        "refused with 401": refused("401 Unauthorized"),
        "refused with 403": refused("403 Forbidden"),
        "refused with 404": failure(1),
        "binary": {
            "heard": ["before"],
            "code": 1003,
            "wasClean": true,
            "closes": [{ "code": 1003, "reason": "binary is not supported" }],
        },
    })
}

/// What a client sees that the backend will not have.
fn refusal(status: &str, handshakes: usize) -> Value {
    json!({
        "events": ["close"],
        "code": 1008,
        "reason": format!("backend refused: {status}"),
        "wasClean": true,
        "handshakes": handshakes,
    })
}

/// What a client sees that has no transport left to try.
fn failure(handshakes: usize) -> Value {
    json!({
        "events": ["close"],
        "code": 2000,
        "reason": "All transports failed",
        "wasClean": false,
        "handshakes": handshakes,
    })
}
