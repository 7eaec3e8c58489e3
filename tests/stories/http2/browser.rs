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

/// Its fallback goes over the same connection. The browser ends with its page, perhaps before the client's last word has
/// left; the session would be kept for it, so nobody waits for its end here.
#[tokio::test]
async fn the_fallback_of_a_page_does_too() {
    let site = Site::before("browser/server.mjs", "").await;
    let said = Peer::node_client("http2/page.mjs", &[&site.secure(), "fallback"]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["echoes"], json!(["0"]));
    let is_opening = |line: &Value| line["path"] == "/echo/~towpath/1/open";
    let opening = site.towpath.access("request", is_opening).await;
    assert_eq!(opening["protocol"], "HTTP/2", "{opening}");
    assert_eq!(opening["status"], 200, "{opening}");
}
