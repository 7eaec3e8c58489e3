//! What the backend is told of a client: what a WebSocket of the same page would have told.

use serde_json::{Value, json};

use super::{ANY, ELSEWHERE, HERE, NODE, Service, agree};

#[tokio::test]
async fn of_a_process() {
    let service = Service::start("").await;
    let transports = [&NODE[..], &[ANY]].concat();
    let seen = service.in_node("handshake", &transports).await;
    agree(&seen, &transports, |_| told(&service, None, None));
}

#[tokio::test]
async fn of_a_page() {
    let service = Service::start("").await;
    let seen = service.here("handshake", &HERE).await;
    let own = format!("http://{}", service.towpath.address());
    agree(&seen, &HERE, |_| {
        told(&service, Some(&own), Some("flavour=oat"))
    });
}

/// A frame is a page of the service's own origin. A script is asked for without an Origin, from wherever it is.
#[tokio::test]
async fn of_a_page_of_another_origin() {
    let service = Service::start("").await;
    let seen = service.elsewhere("handshake", &ELSEWHERE).await;
    let own = format!("http://{}", service.towpath.address());
    let site = format!("http://{}", service.site.address());
    agree(&seen, &ELSEWHERE, |transport| {
        let origin = match transport {
            "jsonp-polling" => None,
            framed if framed.starts_with("iframe-") => Some(&*own),
            _ => Some(&*site),
        };
        told(&service, origin, Some("flavour=oat"))
    });
}

/// What `tests/peers/node/sockjs/pages/handshake.js` sees; where there is nothing, it says nothing.
fn told(service: &Service, origin: Option<&str>, cookie: Option<&str>) -> Value {
    json!({ "handshake": {
        "origin": origin,
        "cookie": cookie,
        "host": service.towpath.address().to_string(),
        "address": "127.0.0.1",
        "handshakes": ["/headers?app=1&id=ID"],
    } })
}
