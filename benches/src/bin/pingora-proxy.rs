//! `pingora-proxy`: pingora's own HTTP proxy with nothing around it, one thread: what plain HTTP costs at least while
//! the engine is this one.

use std::net::SocketAddr;

use async_trait::async_trait;
use clap::Parser;
use pingora::Result;
use pingora::prelude::{HttpPeer, ProxyHttp, Server, Session, http_proxy_service};

#[derive(Debug, Parser)]
#[command(about = "pingora's own HTTP proxy, with nothing around it")]
struct Options {
    /// Where to listen
    listen: SocketAddr,
    /// The server behind it
    server: SocketAddr,
}

struct Passing(SocketAddr);

#[async_trait]
impl ProxyHttp for Passing {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    let mut server = Server::new(None)?;
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, Passing(options.server));
    service.add_tcp(&options.listen.to_string());
    server.add_service(service);
    server.run_forever()
}
