//! The operator's listener, by its API, its page and the command line's verbs.

mod access;
mod closing;
mod observability;
mod page;
mod verbs;

use harness::Towpath;

/// Everything goes to this backend.
async fn in_front_of(backend: std::net::SocketAddr) -> Towpath {
    Towpath::start(&config(&backend.to_string())).await
}

fn config(backend: &str) -> String {
    format!(
        "admin: {{ address: 127.0.0.1:0 }}\nroutes: [{{ name: all, upstream: \"{backend}\", fallback: on }}]"
    )
}
