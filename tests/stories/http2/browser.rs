//! Chromium, which takes WebSockets as streams by itself where they are announced.

use harness::Peer;
use serde_json::{Value, json};

use super::Site;

#[tokio::test]
async fn a_page_and_its_websockets_share_a_connection() {
    let site = Site::before("browser/server.mjs", "").await;
    let said = Peer::node_client("http2/page.mjs", &[&site.secure()]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["page"], "h2");
    assert_eq!(said["echoes"], json!(["0", "1", "2"]));
    for tunnel in site.towpath.accesses("tunnel", 3).await {
        assert_eq!(tunnel["protocol"], "HTTP/2", "{tunnel}");
    }
}

/// Its fallback polls over the same connection.
#[tokio::test]
async fn the_fallback_of_a_page_does_too() {
    let site = Site::before("browser/server.mjs", "").await;
    let said = Peer::node_client("http2/page.mjs", &[&site.secure(), "fallback"]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["echoes"], json!(["0"]));
    let session = site.towpath.access("session", |_| true).await;
    assert_eq!(session["client_messages"], 1);
}
