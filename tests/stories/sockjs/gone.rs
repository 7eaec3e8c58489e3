//! Clients that are gone without a word. What an idle session waits for its client is longer than any deadline here, so
//! what ends these is that the request they held has broken off.

use serde_json::json;

use super::{ELSEWHERE, HERE, LEGACY, NODE, Service};

const PATIENT: &str = "disconnect_delay: 5m, heartbeat: 5m";

#[tokio::test]
async fn the_backend_hears_of_a_killed_process_at_once() {
    let service = Service::start(PATIENT).await;
    let others = [service.site.address()];
    let seen = service.tells(&["gone-from-node.mjs"], &others, &NODE).await;
    for transport in NODE {
        let gone = json!([{ "code": 1001, "reason": "client gone" }]);
        assert_eq!(seen[transport], gone, "{transport}");
    }
}

#[tokio::test]
async fn the_backend_hears_of_a_closed_page_at_once() {
    let service = Service::start(PATIENT).await;
    let site = service.site.address();
    let old_and_new = [ELSEWHERE, LEGACY].concat();
    for (pages, transports) in [(service.towpath.address(), &HERE[..]), (site, &old_and_new)] {
        let seen = service
            .tells(&["gone-from-chromium.mjs"], &[site, pages], transports)
            .await;
        for transport in transports {
            // The client closes its WebSocket as its page goes.
            let (code, reason) = match *transport {
                "websocket" => (1000, ""),
                _ => (1001, "client gone"),
            };
            let gone = json!([{ "code": code, "reason": reason }]);
            assert_eq!(seen[transport], gone, "{transport} of {pages}");
        }
    }
}
