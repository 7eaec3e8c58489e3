//! Compressed responses.

use harness::{HttpBackend, Towpath, full};
use http::Response;

async fn encoding(towpath: &Towpath, path: &str, accepts: &str) -> Option<String> {
    let url = format!("http://{}{path}", towpath.address());
    let accepts = format!("Accept-Encoding: {accepts}");
    let head = harness::curl(&["--head", "-X", "GET", "--header", &accepts, &url]).await;
    let field = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Encoding: "));
    field.map(|value| value.trim().to_owned())
}

#[tokio::test]
async fn a_route_compresses_what_is_asked_for_and_nothing_else() {
    let backend = HttpBackend::start(|request| async move {
        let media_type = match request.uri().path() {
            "/events" => "text/event-stream",
            "/picture" => "image/png",
            _ => "text/html",
        };
        let content = full("towpath ".repeat(1000));
        Response::builder()
            .header("content-type", media_type)
            .body(content)
            .unwrap()
    })
    .await;
    let start = |says| {
        format!(
            "routes: [{{ upstream: {}, compression: {says} }}]",
            backend.address()
        )
    };
    let on = Towpath::start(&start("on")).await;
    for (path, accepts, expected) in [
        ("/page", "gzip", Some("gzip")),
        ("/page", "br", Some("br")),
        ("/page", "zstd", Some("zstd")),
        ("/page", "identity", None),
        ("/events", "gzip", None),
        ("/picture", "gzip", None),
    ] {
        let encoding = encoding(&on, path, accepts).await;
        assert_eq!(encoding.as_deref(), expected, "{path} {accepts}");
    }
    let url = format!("http://{}/page", on.address());
    let content = harness::curl(&["--compressed", &url]).await;
    assert_eq!(content, "towpath ".repeat(1000));
    let off = Towpath::start(&start("off")).await;
    assert_eq!(encoding(&off, "/page", "gzip").await, None);
}
