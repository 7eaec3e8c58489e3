//! Node's http2.

use harness::checklist;
use serde_json::json;

use super::Site;

#[tokio::test]
async fn one_connection_carries_it_all() {
    let site = Site::start("http2: { streams: 64 }").await;
    let (secure, plain, ca) = (site.secure(), site.plain(), site.ca());
    for arguments in [&[&*secure, &*ca][..], &[&*plain]] {
        let seen = checklist("http2/checks.mjs", arguments).await;
        let settings = json!({ "enableConnectProtocol": true, "maxConcurrentStreams": 64 });
        assert_eq!(seen["the settings"], settings);
        // The stream has ended as a WebSocket's connection would have: nothing was cut off.
        let done = json!({ "code": 4002, "reason": "done", "rst": 0 });
        assert_eq!(seen["messages"], done);
        assert_eq!(seen["what the backend sees"]["cookie"], "a=1; b=2");
        assert_eq!(seen["what the backend sees"]["mine"], "kept");
        assert_eq!(seen["what the backend sees"]["protocol"], "chat.v1");
        let bye = json!({ "code": 4001, "reason": "bye" });
        assert_eq!(seen["a close of the backend"], bye);
        let refused = json!({ "status": 403, "by": "peer", "text": "not for you\n" });
        assert_eq!(seen["a refusal"], refused);
        let malformed = json!({
            "version 8": 426,
            "version ": 426,
            "another protocol": 501,
            "no protocol": 405,
        });
        assert_eq!(seen["what is malformed"], malformed);
    }
    let tunnels = site.towpath.accesses("tunnel", 2).await;
    assert!(tunnels.iter().all(|line| line["protocol"] == "HTTP/2"));
    // Node ends a stream before it resets it.
    let cut = |line: &serde_json::Value| line["client_bytes"] == 0 && line["ended_by"] == "client";
    site.towpath.access("tunnel", cut).await;
}

/// Browsers then open a connection for each WebSocket, as they did before.
#[tokio::test]
async fn websockets_as_streams_may_be_off() {
    let site = Site::start("http2: { websocket: off }").await;
    let seen = harness::curl(&[
        "--http2-prior-knowledge",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        &format!("{}/sockjs/info", site.plain()),
    ])
    .await;
    assert_eq!(seen, "200");
    let said = harness::Peer::node_client("http2/settings.mjs", &[&site.plain()]).await;
    assert_eq!(said, "{\"enableConnectProtocol\":false,\"connect\":405}\n");
}
