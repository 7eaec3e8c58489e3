//! TLS with clients that are not ours: curl, openssl, Node.

mod certificates;
mod clients;
mod files;
mod hosts;
mod protocols;

use std::net::SocketAddr;

use harness::{Authority, HttpBackend, Towpath};

/// A proxy that speaks TLS, before a backend that shows what it was asked.
struct Secure {
    authority: Authority,
    towpath: Towpath,
    _backend: HttpBackend,
}

impl Secure {
    /// With one certificate, for `localhost` and `chat.test`; `tls` and `route` say more of them.
    async fn start(tls: &str, route: &str) -> Self {
        let authority = Authority::new();
        let backend = HttpBackend::mirror().await;
        let pair = authority.server("site", &["localhost", "chat.test"]);
        let towpath = Towpath::start(&yaml(&pair.yaml(), tls, backend.address(), route)).await;
        Self {
            authority,
            towpath,
            _backend: backend,
        }
    }

    /// Arguments for curl that ask for `path` at `host`, as its own.
    fn asking(&self, host: &str, path: &str) -> [String; 5] {
        let address = self.towpath.address();
        [
            "--cacert".to_owned(),
            self.authority.certificate().display().to_string(),
            "--resolve".to_owned(),
            format!("{host}:{}:{}", address.port(), address.ip()),
            format!("https://{host}:{}{path}", address.port()),
        ]
    }

    async fn curl(&self, host: &str, path: &str, more: &[&str]) -> String {
        harness::curl(&arguments(&self.asking(host, path), more)).await
    }

    async fn curl_fails(&self, host: &str, path: &str, more: &[&str]) -> String {
        harness::curl_fails(&arguments(&self.asking(host, path), more)).await
    }
}

fn arguments<'a>(own: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    own.iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect()
}

fn yaml(pair: &str, tls: &str, backend: SocketAddr, route: &str) -> String {
    format!(
        "listeners: [{{ address: 127.0.0.1:0, tls: {{ {pair}, {tls} }} }}]\n\
         routes: [{{ upstream: {backend}, {route} }}]"
    )
}

/// curl: the status and the version of the response, and no content.
const STATUS: [&str; 4] = [
    "--output",
    "/dev/null",
    "--write-out",
    "%{http_code} over %{http_version}",
];
