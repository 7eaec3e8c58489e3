//! Responses without end, where they get through and where they do not.

use harness::{Middlebox, Responses, Upgrades};
use serde_json::{Value, json};

use super::{Site, http, tells};

#[tokio::test]
async fn streams_carry_what_the_backend_says() {
    let site = Site::start().await;
    let middlebox = site.behind(Upgrades::Refused).await;
    listens(&site, &middlebox, "streaming").await;
}

#[tokio::test]
async fn where_responses_are_buffered_polls_carry_it_and_no_stream_is_asked_for_again() {
    let site = Site::start().await;
    let towpath = site.towpath.address();
    let middlebox = Middlebox::start(towpath, Upgrades::Refused, Responses::Buffered).await;
    listens(&site, &middlebox, "polling").await;
    assert_eq!(middlebox.streams(), 1);
}

/// Two pages, one after the other, hear all that the backend says.
async fn listens(site: &Site, middlebox: &Middlebox, transport: &str) {
    let sites = [http(middlebox.address()), http(site.backend.address())];
    let mut seen = tells("streaming.mjs", &[&sites[0], &sites[1], transport]).await;
    let all: Vec<Value> = (0..200).map(|n| json!(n.to_string())).collect();
    for page in ["first", "second"] {
        assert_eq!(seen[page]["heard"].take(), json!(all), "{page}");
        assert_eq!(
            seen[page],
            json!({ "heard": null, "carried": transport }),
            "{page}"
        );
    }
}
