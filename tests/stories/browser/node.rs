//! The browser's client in Node, which has all that it needs but a WebSocket.

use serde_json::json;

use super::{Site, http, tells};

#[tokio::test]
async fn node_has_websockets_by_the_client_alone() {
    let site = Site::start().await;
    let mut seen = tells("in-node.mjs", &[&http(site.towpath.address())]).await;
    seen["backend"].as_object_mut().unwrap().remove("heard");
    assert_eq!(
        seen,
        json!({
            "echoes": {
                "protocol": "chat.v1",
                "heard": ["grüße 👋", [0, 127, 255], [98, 108, 111, 98], "xxxxxxxxxx"],
                "transport": "polling",
                "cause": "no WebSocket here",
                "closed": [4000, "done", true],
            },
            "closed by the backend": ["open", 4001, "bye", true],
            "refused": ["error", 1006, "", false],
            "backend": { "handshakes": ["/echo?id=node"], "closes": [{ "code": 4000, "reason": "done" }] },
        })
    );
}
