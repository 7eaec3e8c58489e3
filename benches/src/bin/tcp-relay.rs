//! `tcp-relay`: each connection passed on as it is, by tokio with nothing around it, one thread: what opening a WebSocket
//! costs at least while the runtime is this one. It reads no handshake and proves none.

use std::net::SocketAddr;

use clap::Parser;
use tokio::net::{TcpListener, TcpStream};

/// What is read at once.
const READ_SIZE: usize = 4 * 1024;

#[derive(Debug, Parser)]
#[command(about = "A relay of bytes, with nothing around it")]
struct Options {
    /// Where to listen
    listen: SocketAddr,
    /// The server behind it
    server: SocketAddr,
}

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all();
    runtime.build()?.block_on(async {
        let listener = TcpListener::bind(options.listen).await?;
        // On a worker, not on the thread that waits for it.
        tokio::spawn(accept(listener, options.server)).await?
    })
}

async fn accept(listener: TcpListener, server: SocketAddr) -> std::io::Result<()> {
    loop {
        let (client, _) = listener.accept().await?;
        // Whoever has left needs no answer.
        tokio::spawn(relay(client, server));
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let sizes = (READ_SIZE, READ_SIZE);
    tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, sizes.0, sizes.1).await?;
    Ok(())
}
