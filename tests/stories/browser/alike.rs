//! Whatever a page can see of a WebSocket, and its backend of the page, is the same natively, through Towpath, and
//! through the fallback.

use std::net::SocketAddr;

use harness::{Checks, Peer, Upgrades, checklist};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Site;

#[tokio::test]
async fn the_client_leaves_websockets_as_they_are() {
    let site = Site::start().await;
    let mut carried = conformance(site.towpath.address(), "page?client").await;
    assert_eq!(carried.remove("transports"), Some(json!(["websocket"])));
    are_alike(&carried, native().await);
}

#[tokio::test]
async fn the_fallback_is_like_a_websocket() {
    let site = Site::start().await;
    let middlebox = site.behind(Upgrades::Refused).await;
    let mut carried = conformance(middlebox.address(), "page?client").await;
    let transports = carried.remove("transports").unwrap();
    assert!(
        !transports.as_array().unwrap().contains(&json!("websocket")),
        "{transports}"
    );
    assert_eq!(middlebox.upgrades(), 1, "what is blocked is tried once");
    are_alike(&carried, native().await);
}

/// Without Towpath and without the client.
async fn native() -> &'static Checks {
    static NATIVE: OnceCell<Checks> = OnceCell::const_new();
    let look = || async {
        let backend = Peer::node("browser/server.mjs").await;
        let mut seen = conformance(backend.address(), "page").await;
        assert_eq!(seen.remove("transports"), Some(json!([])));
        seen
    };
    NATIVE.get_or_init(look).await
}

async fn conformance(address: SocketAddr, page: &str) -> Checks {
    checklist(
        "browser/conformance.mjs",
        &[&format!("http://{address}/{page}")],
    )
    .await
}

fn are_alike(got: &Checks, expected: &Checks) {
    let differing: Vec<String> = expected
        .iter()
        .filter(|(name, seen)| got.get(*name) != Some(seen))
        .map(|(name, seen)| {
            let got = got.get(name).unwrap_or(&Value::Null);
            format!("{name}\n  expected {seen}\n  got      {got}")
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(got.len(), expected.len());
}
