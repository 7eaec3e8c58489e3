//! Clients that are gone without a word. What an idle session would wait for its client is longer than any deadline here,
//! so what ends these is that the poll they held has broken off.

use serde_json::json;

use super::{ELSEWHERE, HERE, NODE, Service, tells};

const PATIENT: &str = "disconnect_delay: 5m, heartbeat: 5m";

#[tokio::test]
async fn the_backend_hears_of_a_killed_process_at_once() {
    let service = Service::start(PATIENT).await;
    let addresses = [service.towpath.address(), service.site.address()];
    let seen = tells(&["gone-from-node.mjs"], &addresses, &NODE).await;
    let gone = json!([{ "code": 1001, "reason": "client gone" }]);
    for transport in &NODE[1..] {
        assert_eq!(seen[transport], gone, "{transport}");
    }
    // TODO websocket
}

#[tokio::test]
async fn the_backend_hears_of_a_closed_page_at_once() {
    let service = Service::start(PATIENT).await;
    let [towpath, site] = [service.towpath.address(), service.site.address()];
    for (pages, transports) in [(towpath, &HERE[..]), (site, &ELSEWHERE)] {
        let seen = tells(
            &["gone-from-chromium.mjs"],
            &[towpath, site, pages],
            transports,
        )
        .await;
        let gone = json!([{ "code": 1001, "reason": "client gone" }]);
        for transport in &transports[1..] {
            assert_eq!(seen[transport], gone, "{transport}");
        }
    }
}
