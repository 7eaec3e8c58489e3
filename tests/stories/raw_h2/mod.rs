//! HTTP/2 clients that do what no library would, frame by frame. The letters are those of tests/README.md.

mod floods;
mod requests;
mod stalls;

use harness::http2::{END_HEADERS, END_STREAM, HEADERS, frame, get};
use harness::{HttpBackend, Towpath};

/// A proxy before a backend that answers at once, with these settings at the top.
async fn in_front_of_backend(top: &str) -> (HttpBackend, Towpath) {
    let backend = HttpBackend::named("hello").await;
    let towpath = Towpath::start(&format!(
        "{top}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    (backend, towpath)
}

/// A whole GET.
fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/"))
}

/// Others are served meanwhile.
async fn serves_others(towpath: &Towpath) {
    assert_eq!(towpath.get("/", &[]).await.0, 200);
}
