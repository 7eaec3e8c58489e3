//! `ws-echo`: a WebSocket server that echoes, to put behind a proxy under load.

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

#[derive(Debug, Parser)]
#[command(about = "A WebSocket server that echoes")]
struct Options {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9001")]
    address: String,
    /// Say first what an Engine.IO server says
    #[arg(long)]
    engine_io: bool,
}

/// An open packet of revision 4, with the intervals that servers have.
const OPEN: &str = r#"0{"sid":"echo","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    rlimit::increase_nofile_limit(u64::MAX)?;
    let listener = TcpListener::bind(&options.address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // Small buffers, so that what is measured is the proxy and not this.
            let config = WebSocketConfig::default()
                .read_buffer_size(4096)
                .write_buffer_size(0);
            let Ok(mut socket) = accept_async_with_config(stream, Some(config)).await else {
                return;
            };
            if options.engine_io && socket.send(OPEN.into()).await.is_err() {
                return;
            }
            while let Some(Ok(message)) = socket.next().await {
                let data = message.is_text() || message.is_binary();
                if data && socket.send(message).await.is_err() {
                    return;
                }
            }
        });
    }
}
