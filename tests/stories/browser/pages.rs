//! The life of pages: several at once, gone in mid-conversation, without a network for a while, and their workers.

use harness::Upgrades;
use serde_json::json;

use super::{Site, http, tells};

#[tokio::test]
async fn tabs_are_independent_and_gone_when_they_are_gone() {
    let site = Site::start().await;
    let middlebox = site.behind(Upgrades::Refused).await;
    let [native, carried] = [
        tells(
            "tabs.mjs",
            &[&format!("{}/page", http(site.backend.address()))],
        )
        .await,
        tells(
            "tabs.mjs",
            &[&format!("{}/page?client", http(middlebox.address()))],
        )
        .await,
    ];
    let gone = json!([{ "code": 1001, "reason": "" }]);
    assert_eq!(native["reloaded"]["closes"], gone);
    assert_eq!(carried, native);
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_while_the_network_comes_and_goes() {
    let site = Site::start().await;
    let middlebox = site.behind(Upgrades::Refused).await;
    let sites = [http(middlebox.address()), http(site.backend.address())];
    let all = json!({ "count": 450, "inOrder": true });
    assert_eq!(
        tells("offline.mjs", &[&sites[0], &sites[1]]).await,
        json!({
            "total": 450, "heard": all, "echoed": all, "said": all, "others": ["open", "close"], "handshakes": 1,
            "closes": [{ "code": 1000, "reason": "" }],
        })
    );
}

/// A browser has six connections to a host.
#[tokio::test]
async fn many_sockets_share_a_browsers_few_connections() {
    let site = Site::start().await;
    let middlebox = site.behind(Upgrades::Refused).await;
    let sites = [http(middlebox.address()), http(site.backend.address())];
    let told = tells("many.mjs", &[&sites[0], &sites[1]]).await;
    let echoed: Vec<_> = (0..10).map(|n| format!("echo {n}")).collect();
    assert_eq!(told["echoed"], json!(echoed));
    assert_eq!(told["pushed"], json!(vec![["1", "2"]; 10]));
}

#[tokio::test]
async fn workers_have_it_too() {
    let site = Site::start().await;
    let middlebox = site.behind(Upgrades::Refused).await;
    let [mut native, mut carried] = [
        tells(
            "workers.mjs",
            &[&format!("{}/page", http(site.backend.address()))],
        )
        .await,
        tells(
            "workers.mjs",
            &[&format!("{}/page?client", http(middlebox.address()))],
        )
        .await,
    ];
    for worker in ["classic", "module"] {
        assert_eq!(native[worker]["carried"].take(), json!(null));
        assert_eq!(
            carried[worker]["carried"].take(),
            json!("polling"),
            "{worker}"
        );
    }
    assert_eq!(carried, native);
}

#[tokio::test]
async fn a_page_of_another_origin_has_it_too() {
    let site = Site::start().await;
    let middlebox = site.behind(Upgrades::Refused).await;
    let [page, host] = [site.backend.address(), middlebox.address()].map(|it| it.to_string());
    assert_eq!(
        tells("elsewhere.mjs", &[&page, &host]).await,
        json!({
            "carried": "polling",
            "origin": format!("http://{page}"),
            "host": host,
            "cookie": "flavour=oat",
            "message": { "origin": format!("ws://{host}") },
            "closed": { "code": 1000, "wasClean": true },
        })
    );
}
