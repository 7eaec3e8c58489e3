//! Chromium, with the client that the server itself hands out: at a path below which the fallback's requests are, too.

use harness::{Checks, Peer};
use serde_json::{Value, json};

use super::{Site, are_alike, ends_up, is_one_websocket};

const SCRIPT: &str = "socket_io/in-chromium.mjs";

#[tokio::test]
async fn a_page_that_polls() {
    let sites = Site::both(&["--recovery"]).await;
    let carried = in_a_page(&sites, "polling").await;
    ends_up(&carried, "polling");
}

#[tokio::test]
async fn a_page_that_upgrades() {
    let sites = Site::both(&["--recovery"]).await;
    let carried = in_a_page(&sites, "default").await;
    ends_up(&carried, "websocket");
}

/// Cookies of another site are none of this: Chromium keeps them to itself.
#[tokio::test]
async fn a_page_of_another_origin() {
    let sites = Site::both(&["--recovery"]).await;
    let mut seen = Vec::new();
    for site in &sites {
        let page = format!("http://localhost:{}", site.server.address().port());
        let mut checks = site.finds(SCRIPT, &["polling", &page]).await;
        assert_eq!(told(&mut checks, "origin"), page);
        assert_eq!(told(&mut checks, "cookie"), Value::Null);
        seen.push(checks);
    }
    let [direct, carried] = seen.try_into().unwrap();
    are_alike(carried, direct);
}

/// Who leaves between two polls is missed after the next ping, with and without Towpath; that is told again.
const TELLINGS: usize = 3;

#[tokio::test]
async fn tabs_are_independent_and_gone_when_they_are_gone() {
    for telling in 1..=TELLINGS {
        let [direct, carried] = Site::both(&[]).await;
        let [direct, carried] = [tabs(&direct).await, tabs(&carried).await];
        let polls = carried["polling"]["records"].as_array().unwrap();
        let by_chance = polls
            .iter()
            .any(|it| it["ended"] == json!(["ping timeout"]));
        if telling < TELLINGS && by_chance {
            continue;
        }
        return tabs_are_alike(&direct, &carried);
    }
}

fn tabs_are_alike(direct: &Value, carried: &Value) {
    for transport in ["polling", "default"] {
        let (direct, carried) = (&direct[transport], &carried[transport]);
        assert_eq!(carried["heard"], direct["heard"], "{transport}");
        assert_eq!(carried["heard"][0], json!([["hello"], ["hello"]]));
        let ends = [
            json!(["transport close"]),
            json!(["transport close"]),
            json!([]),
        ];
        for (record, end) in carried["records"].as_array().unwrap().iter().zip(ends) {
            is_one_websocket(record, 1);
            assert_eq!(record["ended"], end, "{transport}: {record}");
        }
    }
}

async fn tabs(site: &Site) -> Value {
    let said = Peer::node_client("socket_io/tabs.mjs", &site.arguments(&[])).await;
    serde_json::from_str(&said).unwrap()
}

/// A page has its site's cookies. It says no Origin where it polls its own site; the server is told of one all the
/// same, as by a WebSocket.
async fn in_a_page([direct, carried]: &[Site; 2], transport: &str) -> Checks {
    let mut expected = direct.finds(SCRIPT, &[transport]).await;
    let mut seen = carried.finds(SCRIPT, &[transport]).await;
    assert_eq!(told(&mut expected, "origin"), Value::Null);
    assert_eq!(told(&mut seen, "origin"), json!(carried.base));
    are_alike(seen.clone(), expected);
    seen
}

/// What the server was told in a field of the handshake; it is taken out of what is compared.
fn told(checks: &mut Checks, field: &str) -> Value {
    let known = checks
        .get_mut("what the server knows of the client")
        .unwrap();
    known["told"][field].take()
}
