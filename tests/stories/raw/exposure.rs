//! E4, E6, E10: what clients can reach of the operator's side, and what they can write into it.

use harness::{HttpBackend, Towpath, Wire, handshake, within};

/// E4.
#[tokio::test]
async fn the_operators_paths_are_not_there_for_clients() {
    let backend = HttpBackend::named("the backend's own").await;
    let towpath = Towpath::start(&format!(
        "admin: {{ address: 127.0.0.1:0 }}\nroutes: [{{ host: h, upstream: {} }}]",
        backend.address()
    ))
    .await;
    for path in ["/metrics", "/health", "/ready"] {
        let (status, content) = towpath.get(path, &[("host", "h")]).await;
        assert_eq!((status, content.as_str()), (200, "the backend's own"));
        assert_eq!(towpath.get(path, &[("host", "elsewhere")]).await.0, 404);
    }
    // And the operator's listener carries nothing.
    let mut client = Wire::connect(towpath.admin()).await;
    client
        .send("GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    assert_eq!(client.response().await.0.status(), 404);
    let mut client = Wire::connect(towpath.admin()).await;
    let upgrade = handshake("/metrics", "").replace("chat.test", "localhost");
    client.send(upgrade).await;
    assert_eq!(client.head().await.status(), 200);
    // It is asked by its address: a page whose name was made to mean this machine gets nothing.
    let mut rebound = Wire::connect(towpath.admin()).await;
    rebound
        .send("GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n")
        .await;
    assert_eq!(rebound.response().await.0.status(), 421);
}

/// E4: where nothing is said of it, there is none.
#[tokio::test]
async fn there_is_no_operators_listener_by_itself() {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    assert!(towpath.logged("admin listening").is_empty());
    assert_eq!(towpath.listening().len(), 1);
}

/// E6: a line of a log stays one line, and its escapes do nothing to a terminal.
#[tokio::test]
async fn clients_write_no_lines_of_their_own_into_logs() {
    let backend = HttpBackend::named("hello").await;
    for access_log in ["json", "text"] {
        let towpath = Towpath::start(&format!(
            "access_log: {access_log}\nroutes: [{{ upstream: {} }}]",
            backend.address()
        ))
        .await;
        let mut client = towpath.connect().await;
        client
            .send(
                "GET /\"}%0a{\"kind\":\"forged\"}\u{9b}31m\u{2028} HTTP/1.1\r\nHost: h\r\n\
                 User-Agent: \"\u{9b}31m\r\n\r\n",
            )
            .await;
        client.response().await;
        // Whatever a head has in it that would do harm, it is refused for.
        for hostile in ["/\x1b[31m", "/\x07"] {
            let mut client = towpath.connect().await;
            client
                .send(format!("GET {hostile} HTTP/1.1\r\nHost: h\r\n\r\n"))
                .await;
            assert_eq!(client.response().await.0.status(), 400);
        }
        let count = |written: &str| {
            written.matches("reason=\"").count() + written.matches("\"reason\":").count()
        };
        within("three lines", async {
            while count(&towpath.written()) < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let written = towpath.written();
        let is_harmless = |c: char| c == '\n' || !(c.is_control() || c == '\u{2028}');
        assert!(written.chars().all(is_harmless), "{written:?}");
        assert!(
            !written
                .lines()
                .any(|line| line.starts_with("{\"kind\":\"forged"))
        );
    }
}

/// E6: whatever clients ask for, no time series of theirs begins.
#[tokio::test]
async fn clients_add_no_series_to_the_metrics() {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!(
        "admin: {{ address: 127.0.0.1:0 }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let mut client = towpath.connect().await;
    for number in 0..50 {
        client
            .send(format!(
                "METHOD{number} /path-{number} HTTP/1.1\r\nHost: host-{number}\r\n\
                 Origin: http://origin-{number}\r\nContent-Length: 0\r\n\r\n"
            ))
            .await;
        client.response().await;
    }
    let mut operator = Wire::connect(towpath.admin()).await;
    operator
        .send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    let (_, metrics) = operator.response().await;
    for word in ["host-", "path-", "METHOD", "origin-"] {
        assert!(!metrics.contains(word), "{metrics}");
    }
}

/// E10: an expression that others need ages for. It is decided in one pass here, however long the path.
#[tokio::test]
async fn no_path_makes_an_expression_slow() {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!(
        "routes: [{{ path: {{ regex: '^/(a+)+$' }}, upstream: {} }}]",
        backend.address()
    ))
    .await;
    for _ in 0..20 {
        let path = format!("/{}!", "a".repeat(30_000));
        assert_eq!(towpath.get(&path, &[]).await.0, 404);
    }
}
