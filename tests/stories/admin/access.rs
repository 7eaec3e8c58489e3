//! Who may ask.

use std::path::Path;

use harness::{NOBODY, Towpath, run};

use super::config;

pub(super) const TOKEN: &str = "a-token-that-nobody-guesses";

/// Asked from everywhere, with the token, which is in a file in `directory`.
pub(super) fn with_token(backend: &str, directory: &Path) -> String {
    let file = directory.join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let admin = format!("\"0.0.0.0:0\", token_file: {}", file.display());
    config(backend).replacen("127.0.0.1:0", &admin, 1)
}

#[tokio::test]
async fn without_the_token_it_is_401() {
    let directory = tempfile::tempdir().unwrap();
    let towpath = Towpath::start(&with_token(NOBODY, directory.path())).await;
    let file = directory.path().join("token");
    let file = file.to_str().unwrap();

    for path in ["/", "/page.js", "/metrics", "/api/status", "/api/config"] {
        assert_eq!(towpath.ask("GET", path, &[]).await.0, 401, "{path}");
    }
    let wrong = ("authorization", "Bearer a-token-that-somebody-guessed");
    for order in ["/api/drain", "/api/reload", "/api/close?id=1"] {
        assert_eq!(towpath.ask("POST", order, &[wrong]).await.0, 401, "{order}");
    }
    // Whoever balances or watches knows none.
    for probe in ["/health", "/ready"] {
        assert_eq!(towpath.ask("GET", probe, &[]).await.0, 200, "{probe}");
    }
    let right = format!("Bearer {TOKEN}");
    let right = ("authorization", right.as_str());
    assert_eq!(towpath.ask("GET", "/api/status", &[right]).await.0, 200);

    let admin = towpath.admin().to_string();
    let (code, _, error) = run(&["status", "--admin", &admin], "").await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("401"), "{error}");
    let told = ["status", "--admin", &admin, "--token-file", file];
    let (code, status, error) = run(&told, "").await;
    assert_eq!(code, Some(0), "{error}");
    assert!(status.contains(", ready"), "{status}");
}

#[tokio::test]
async fn elsewhere_than_on_loopback_it_needs_a_token() {
    let open = config(NOBODY).replacen("127.0.0.1:0", "\"0.0.0.0:9090\"", 1);
    let (code, _, error) = run(&["check", "-c", "-"], &open).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("admin") && error.contains("token_file"),
        "{error}"
    );
}
