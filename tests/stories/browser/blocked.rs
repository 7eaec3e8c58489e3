//! The ways in which networks block WebSockets. An app sees that its socket opens, and works.

use harness::{Middlebox, Upgrades};
use serde_json::{Value, json};

use super::{Site, http, tells};

#[tokio::test]
async fn what_blocks_websockets_is_noticed_once() {
    let ways = [
        (Upgrades::Refused, "blocked"),
        (Upgrades::Reset, "blocked"),
        (Upgrades::Ignored, "blocked"),
        (Upgrades::Starved, "mute"),
    ];
    let site = Site::start().await;
    let mut boxes = Vec::new();
    for (way, _) in ways {
        boxes.push(site.behind(way).await);
    }
    let seen = visit(&boxes).await;
    for (((way, cause), middlebox), mut seen) in ways.into_iter().zip(&boxes).zip(seen) {
        for app in ["first", "second", "reloaded"] {
            assert_eq!(deaths(&mut seen[app]), 0, "{way:?}, {app}");
            works(&format!("{way:?}, {app}"), &mut seen[app], cause);
        }
        assert_eq!(
            middlebox.upgrades(),
            1,
            "{way:?}: what is known to be blocked is not tried"
        );
    }
}

/// A page cannot be spared the end of what was open and worked. The second such end is enough, but an app that
/// connects again at once has begun a third by then. And since they did work, no later page is told.
#[tokio::test]
async fn websockets_that_die_young_are_given_up() {
    let site = Site::start().await;
    let boxes = [site.behind(Upgrades::Cut).await];
    let mut seen = visit(&boxes).await.remove(0);
    for app in ["first", "reloaded"] {
        let died = deaths(&mut seen[app]);
        assert!(died <= 3, "{app}: {died} were cut off");
    }
    assert_eq!(deaths(&mut seen["second"]), 0);
    for app in ["first", "second", "reloaded"] {
        works(&format!("Cut, {app}"), &mut seen[app], "cut");
    }
}

/// What apps see behind each box: one, another in the same page, and one after a reload.
async fn visit(boxes: &[Middlebox]) -> Vec<Value> {
    let sites: Vec<String> = boxes.iter().map(|it| http(it.address())).collect();
    let sites: Vec<&str> = sites.iter().map(String::as_str).collect();
    serde_json::from_value(tells("blocked.mjs", &sites).await).unwrap()
}

/// How many sockets of an app were cut off before one stayed.
fn deaths(app: &mut Value) -> u64 {
    app["deaths"].take().as_u64().unwrap()
}

fn works(which: &str, app: &mut Value, cause: &str) {
    println!("{which}: open and working after {} ms", app["ms"].take());
    let works = json!({
        "events": ["open", "message"],
        "carried": "polling",
        "cause": cause,
        "verdict": "bad",
        "deaths": null,
        "ms": null,
    });
    assert_eq!(*app, works, "{which}");
}
