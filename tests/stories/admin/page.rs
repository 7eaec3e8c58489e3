//! The operator's page in a real browser.

use harness::fallback::FallbackClient;
use harness::{Peer, TungstenitePeer, closed, echo};
use serde_json::{Value, json};

use super::in_front_of;

#[tokio::test]
async fn it_shows_what_is_there_and_ends_what_it_is_told_to() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address()).await;
    let mut tunnel = towpath.websocket("/echo").await;
    let session = FallbackClient::open(towpath.address(), "/echo").await;
    assert_eq!(echo(&mut tunnel, "one").await, "one");
    session.send("two").await;
    assert_eq!(session.text().await, "two");

    let url = format!("http://{}", towpath.admin());
    let told = Peer::node_client("admin/page.mjs", &[&url, "4001"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    for (name, view) in told["views"].as_object().unwrap() {
        shows(name, view, &url, &peer.address().to_string());
    }
    assert_ne!(
        told["views"]["desk"]["ground"],
        told["views"]["desk-dark"]["ground"]
    );
    assert_eq!(told["closed"]["faults"], json!([]));
    let refused = told["closed"]["refused"].as_str().unwrap();
    assert!(refused.contains("a code that may be sent"), "{refused}");
    assert_eq!(closed(tunnel).await.0, 4001);
    session.send("three").await;
    assert_eq!(session.text().await, "three");
}

fn shows(name: &str, view: &Value, url: &str, server: &str) {
    assert_eq!(view["faults"], json!([]), "{name}");
    assert_eq!(view["asked"], json!([url]), "{name}: nobody else is asked");
    assert_eq!(view["overflow"], 0, "{name}: it fits");
    assert_eq!(view["state"], "ready", "{name}");
    assert_eq!(view["charts"], 4, "{name}");
    assert_eq!(view["kinds"], json!(["Towpath", "WebSocket"]), "{name}");
    assert_eq!(view["figures"]["use the fallback"], "50.0 %", "{name}");
    assert_eq!(view["config"]["routes"][0]["name"], "all", "{name}");
    let servers = view["servers"][0].to_string();
    assert!(
        servers.contains(server) && servers.contains("healthy"),
        "{name}: {servers}"
    );
}
