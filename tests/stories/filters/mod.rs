//! What a route does with requests before its backend sees them. It holds for plain requests, for WebSockets and for
//! sessions of the fallback alike (SECURITY A12): every story that can tells all three.

mod basic_auth;
mod compression;
mod forward_auth;
mod origins;
mod redirects;
mod rewriting;

use harness::fallback::Opening;
use harness::{Head, RawBackend, Towpath, Wire, handshake};

/// A way to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    Upgrade,
    Open,
}

const WAYS: [Way; 3] = [Way::Plain, Way::Upgrade, Way::Open];

/// A route to `backend` that says this of itself.
async fn route(backend: &RawBackend, says: &str) -> Towpath {
    Towpath::start(&format!(
        "routes: [{{ upstream: {}, {says} }}]",
        backend.address()
    ))
    .await
}

/// Sends a request with these fields (each with its line end) by one of the ways.
async fn ask(towpath: &Towpath, way: Way, target: &str, fields: &str) -> Wire {
    let mut client = towpath.connect().await;
    let request = match way {
        Way::Plain => format!("GET {target} HTTP/1.1\r\nHost: chat.test\r\n{fields}\r\n"),
        Way::Upgrade => handshake(target, fields),
        Way::Open => {
            let body = Opening::new("/").body().to_string();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let query = if query.is_empty() {
                String::new()
            } else {
                format!("?{query}")
            };
            let path = path.trim_end_matches('/');
            format!(
                "POST {path}/~towpath/1/open{query} HTTP/1.1\r\nHost: chat.test\r\n{fields}\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    };
    client.send(request).await;
    client
}

/// What the backend sees of such a request.
async fn seen(
    towpath: &Towpath,
    backend: &RawBackend,
    way: Way,
    target: &str,
    fields: &str,
) -> Head {
    let _client = ask(towpath, way, target, fields).await;
    backend.accept().await.head().await
}

/// What the client hears of a request that goes no further.
async fn heard(towpath: &Towpath, way: Way, target: &str, fields: &str) -> (Head, String) {
    ask(towpath, way, target, fields).await.response().await
}
