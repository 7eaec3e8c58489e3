//! HTTP/2 with clients that are not ours: plain requests, polls and WebSockets on one connection (RFC 8441).

mod browser;
mod connections;
mod node;
mod python;

use harness::{Authority, Peer, Towpath};

/// A proxy before the `ws` backend, with TLS and without.
struct Site {
    authority: Authority,
    towpath: Towpath,
    _backend: Peer,
}

impl Site {
    /// `more` says more of both listeners.
    async fn start(more: &str) -> Self {
        Self::before("ws.mjs", more).await
    }

    async fn before(script: &str, more: &str) -> Self {
        let authority = Authority::new();
        let pair = authority.server("site", &["localhost"]);
        let backend = Peer::node(script).await;
        let towpath = Towpath::start(&format!(
            "listeners:\n\
             \x20 - {{ address: 127.0.0.1:0, tls: {{ {} }}, {more} }}\n\
             \x20 - {{ address: 127.0.0.2:0, {more} }}\n\
             routes:\n\
             \x20 - {{ upstream: {server} }}\n\
             \x20 - {{ path: /echo, upstream: {server}, fallback: {{ sockjs: /sockjs }} }}",
            pair.yaml(),
            server = backend.address()
        ))
        .await;
        Self {
            authority,
            towpath,
            _backend: backend,
        }
    }

    /// Where it speaks TLS.
    fn secure(&self) -> String {
        format!("https://localhost:{}", self.towpath.listening()[0].port())
    }

    /// Where it does not.
    fn plain(&self) -> String {
        format!("http://{}", self.towpath.listening()[1])
    }

    fn ca(&self) -> String {
        self.authority.certificate().display().to_string()
    }
}
