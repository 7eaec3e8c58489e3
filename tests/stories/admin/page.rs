//! The operator's page in a real browser.

use harness::fallback::FallbackClient;
use harness::{Peer, Towpath, TungstenitePeer, closed, curl, echo};
use serde_json::{Value, json};

use super::access::{TOKEN, with_token};
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
    towpath.rewrite("routes: [{ upstrem: nothing }]");
    assert_eq!(towpath.ask("POST", "/api/reload", &[]).await.0, 409);

    let url = format!("http://{}", towpath.admin());
    let told = Peer::node_client("admin/page.mjs", &[&url, "4001"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["faults"], json!([]));
    assert_eq!(told["asked"], json!([url]), "nobody else is asked");
    for (name, view) in told["views"].as_object().unwrap() {
        shows(name, view, &peer.address().to_string());
    }
    assert_ne!(
        told["views"]["desk"]["ground"],
        told["views"]["desk-dark"]["ground"]
    );
    let refused = told["refused"].as_str().unwrap();
    assert!(refused.contains("a code that may be sent"), "{refused}");
    assert_eq!(closed(tunnel).await.0, 4001);
    session.send("three").await;
    assert_eq!(session.text().await, "three");
}

fn shows(name: &str, view: &Value, server: &str) {
    assert_eq!(view["overflow"], 0, "{name}: it fits");
    assert_eq!(view["state"], "ready", "{name}");
    assert_eq!(view["charts"], 4, "{name}");
    assert_eq!(view["kinds"], json!(["Towpath", "WebSocket"]), "{name}");
    assert_eq!(view["figures"]["use the fallback"], "50.0 %", "{name}");
    assert_eq!(view["config"]["routes"][0]["name"], "all", "{name}");
    let route = json!(["all", "1", "1", "1", "0"]);
    assert_eq!(view["routes"], json!([route]), "{name}");
    let servers = json!([[server, server, "healthy", "2"]]);
    assert_eq!(view["servers"], servers, "{name}");
    let reload = view["reload"].as_str().unwrap();
    assert!(
        reload.contains("not taken") && reload.contains("routes[0].upstrem: unknown key"),
        "{name}: {reload}"
    );
}

#[tokio::test]
async fn a_browser_logs_in_with_the_token() {
    let peer = TungstenitePeer::start().await;
    let directory = tempfile::tempdir().unwrap();
    let config = with_token(&peer.address().to_string(), directory.path());
    let towpath = Towpath::start(&config).await;
    let tunnel = towpath.websocket("/echo").await;

    let url = format!("http://127.0.0.1:{}", towpath.admin().port());
    let told = Peer::node_client("admin/login.mjs", &[&url, TOKEN, "4002"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told,
        json!({ "without": 401, "wrong": 401, "state": "ready" })
    );
    assert_eq!(closed(tunnel).await.0, 4002);
}

/// Neither another site nor anything that a client has sent may make a script of it.
#[tokio::test]
async fn nothing_of_it_is_for_other_sites_or_for_caches() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address()).await;
    for path in ["/", "/page.js", "/api/status", "/metrics", "/nothing"] {
        let url = format!("http://{}{path}", towpath.admin());
        let answer = curl(&["--include", &url]).await.to_ascii_lowercase();
        for field in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "cross-origin-resource-policy: same-origin",
            "cross-origin-opener-policy: same-origin",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            let has = answer.lines().any(|line| line == field);
            assert!(has, "{path} has no {field}: {answer}");
        }
    }
    let license = format!("http://{}/uplot.LICENSE", towpath.admin());
    let license = curl(&[&license]).await;
    assert!(license.contains("MIT License"), "{license}");
}
