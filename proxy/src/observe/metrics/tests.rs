#![allow(clippy::unwrap_used)]
use prometheus_client::encoding::text::encode;

use super::*;
use crate::observe::live::Passed;

fn text(metrics: &Metrics) -> String {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|it| it == line), "no {line} in\n{text}");
}

#[test]
fn traffic_never_falls() {
    let metrics = Metrics::default();
    for bytes in [10, 5] {
        let from_client = Passed { bytes, messages: 1 };
        let traffic = Traffic {
            from_client,
            buffered: 7,
            ..Traffic::default()
        };
        metrics.look(&Now {
            traffic: vec![("chat".to_owned(), traffic)],
            ..Now::default()
        });
    }
    let text = text(&metrics);
    has(
        &text,
        r#"towpath_tunnel_bytes_total{route="chat",direction="from_client"} 10"#,
    );
    has(&text, r#"towpath_tunnel_buffered_bytes{route="chat"} 7"#);
}

#[test]
fn what_has_not_happened_is_zero() {
    let text = text(&Metrics::default());
    has(&text, r#"towpath_config_reloads_total{result="failure"} 0"#);
    has(
        &text,
        r#"towpath_websocket_checks_total{verdict="unseen"} 0"#,
    );
}

#[test]
fn servers_that_are_gone_are_forgotten() {
    let metrics = Metrics::default();
    let look = |servers: &[(u8, &'static str)]| {
        let servers = servers.iter().map(|(last, state)| OfServer {
            upstream: "app".to_owned(),
            address: ([192, 0, 2, *last], 80).into(),
            state,
            active: 3,
        });
        metrics.look(&Now {
            servers: servers.collect(),
            ..Now::default()
        });
        text(&metrics)
    };
    let text = look(&[(1, "healthy"), (2, "unhealthy")]);
    for line in [
        r#"towpath_upstream_servers{upstream="app",state="unhealthy"} 1"#,
        r#"towpath_upstream_servers{upstream="app",state="ejected"} 0"#,
        r#"towpath_upstream_server_up{upstream="app",server="192.0.2.2:80"} 0"#,
        r#"towpath_upstream_server_active{upstream="app",server="192.0.2.1:80"} 3"#,
    ] {
        has(&text, line);
    }
    let text = look(&[(1, "healthy")]);
    assert!(!text.contains("192.0.2.2"), "{text}");
    has(
        &text,
        r#"towpath_upstream_servers{upstream="app",state="unhealthy"} 0"#,
    );
}
