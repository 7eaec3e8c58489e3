//! The dashboard and the alert rules, in the hands of a real Prometheus.

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::StreamExt;
use harness::fallback::FallbackClient;
use harness::{Prometheus, Towpath, TungstenitePeer, closed, echo, promtool, within};
use serde_json::Value;

fn file(name: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.join("../proxy/observability").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// What stands behind `key:` in lines of YAML.
fn values<'t>(text: &'t str, key: &str) -> BTreeSet<&'t str> {
    let value = |line: &'t str| line.trim_start_matches([' ', '-']).strip_prefix(key);
    text.lines().filter_map(value).map(str::trim).collect()
}

#[tokio::test]
async fn each_alert_is_raised_by_what_it_is_for() {
    let (alerts, tests) = (text("alerts.yaml"), text("alerts.test.yaml"));
    let alerts = values(&alerts, "alert:");
    assert!(alerts.len() > 10, "{alerts:?}");
    assert_eq!(alerts, values(&tests, "alertname:"), "each has its test");
    let rules = file("alerts.yaml");
    promtool(&["check", "rules", rules.to_str().unwrap()]).await;
    let tests = file("alerts.test.yaml");
    promtool(&["test", "rules", tests.to_str().unwrap()]).await;
}

/// One of each kind that comes and goes; how many of them there are in a second is the machine's affair.
async fn come_and_go(towpath: &Towpath) {
    let tunnel = towpath.websocket("/close?code=4001&reason=bye").await;
    assert_eq!(closed(tunnel).await.0, 4001);
    let session = FallbackClient::open(towpath.address(), "/echo").await;
    session.send("two").await;
    assert_eq!(session.text().await, "two");
    session.close(1000, "");
    session.ended().await;
    // Its backend speaks nothing but WebSocket.
    assert_eq!(towpath.get("/", &[]).await.0, 502);
}

/// All that the dashboard asks, for these: with its variables filled in.
fn asked() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let filled = |target: &Value| {
        let expression = target["expr"].as_str().unwrap();
        expression
            .replace("$__rate_interval", "1m")
            .replace("$job", "towpath")
            .replace("$instance", ".*")
            .replace("$route", ".*")
    };
    targets.map(filled).collect()
}

async fn answers(prometheus: &Prometheus, expression: &str, towpath: &Towpath) {
    while prometheus.query(expression).await.is_empty() {
        come_and_go(towpath).await;
    }
}

#[tokio::test]
async fn prometheus_finds_everything_that_the_dashboard_shows() {
    let peer = TungstenitePeer::start().await;
    let config = format!(
        "admin: {{ address: 127.0.0.1:0 }}\n\
         limits: {{ opens_per_second: off }}\n\
         routes: [{{ name: all, upstream: \"{}\", websocket: {{ ping: 200ms }} }}]",
        peer.address()
    );
    let towpath = Towpath::start(&config).await;
    let prometheus = Prometheus::start(&towpath, &file("alerts.yaml")).await;
    let mut live = towpath.websocket("/echo").await;
    assert_eq!(echo(&mut live, "there").await, "there");
    // Reading is what answers pings.
    tokio::spawn(live.for_each(|_| std::future::ready(())));
    let _session = FallbackClient::open(towpath.address(), "/echo").await;
    let asked = asked();
    assert!(asked.len() > 50, "{asked:#?}");
    for expression in asked {
        let answered = answers(&prometheus, &expression, &towpath);
        within(format!("an answer to {expression}"), answered).await;
    }
    for rule in prometheus.rules().await {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_ne!(
            rule["state"], "firing",
            "nothing has been wrong for long: {rule}"
        );
    }
}
