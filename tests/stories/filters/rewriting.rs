//! The path that a backend sees.

use harness::RawBackend;

use super::{WAYS, route, seen};

#[tokio::test]
async fn a_prefix_is_taken_away_and_another_put_in_its_place() {
    let backend = RawBackend::start().await;
    for (rewrite, target, path) in [
        ("{ strip_prefix: /app }", "/app/a", "/a"),
        ("{ strip_prefix: /app }", "/app", "/"),
        ("{ strip_prefix: /app }", "/apple", "/apple"),
        (
            "{ strip_prefix: /app, add_prefix: /v2 }",
            "/app/a?b=c",
            "/v2/a?b=c",
        ),
        ("{ add_prefix: /v2 }", "/a", "/v2/a"),
    ] {
        let towpath = route(&backend, &format!("rewrite: {rewrite}")).await;
        for way in WAYS {
            let forged = "X-Forwarded-Prefix: /forged\r\n";
            let head = seen(&towpath, &backend, way, target, forged).await;
            let line = format!("GET {path} HTTP/1.1");
            assert_eq!(head.start, line, "{way:?} {rewrite} {target}");
            let stripped = rewrite.contains("strip") && target != "/apple";
            let prefix = stripped.then_some("/app");
            assert_eq!(
                head.value("x-forwarded-prefix"),
                prefix,
                "{way:?} {rewrite} {target}"
            );
        }
    }
}
