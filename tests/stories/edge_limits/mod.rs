//! Limits on what one client may ask for, each with its answer and its count: how often, how much, how slowly, and for
//! how long on one connection.

mod content;
mod counted;
mod keep_alive;
mod rates;

use std::net::SocketAddr;

use harness::Towpath;

/// A proxy before one server, with these limits; clients may say where they come from.
async fn limited(server: SocketAddr, limits: &str, route: &str) -> Towpath {
    Towpath::start(&format!(
        "trusted_proxies: [127.0.0.1]\nadmin: {{ address: 127.0.0.1:0 }}\n{limits}\n\
         routes: [{{ upstream: {server}, {route} }}]"
    ))
    .await
}
