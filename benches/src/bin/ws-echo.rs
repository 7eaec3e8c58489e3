//! `ws-echo`: the server behind a proxy under load. It echoes WebSockets, streams on `/stream`
//! (text below it), and answers plain requests
//! with a hundred bytes.

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use towpath_benches::websocket::{message, small};

#[derive(Clone, Debug, Parser)]
#[command(about = "A WebSocket server that echoes")]
struct Options {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9001")]
    address: String,
    /// Where to answer plain requests, and nothing else
    #[arg(long)]
    http: Option<String>,
    /// Say first what an Engine.IO server says
    #[arg(long)]
    engine_io: bool,
    /// Bytes in a message of `/stream`
    #[arg(long, default_value_t = 1024)]
    size: usize,
}

/// An open packet of revision 4, with the intervals that servers have.
const OPEN: &str = r#"0{"sid":"echo","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    rlimit::increase_nofile_limit(u64::MAX)?;
    if let Some(address) = &options.http {
        tokio::spawn(answer_requests(TcpListener::bind(address).await?));
    }
    let listener = TcpListener::bind(&options.address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let options = options.clone();
        tokio::spawn(async move {
            let mut path = String::new();
            // The library gives the error by value.
            #[allow(clippy::result_large_err)]
            let look = |request: &Request, response: Response| {
                request.uri().path().clone_into(&mut path);
                Ok::<_, ErrorResponse>(response)
            };
            let socket = accept_hdr_async_with_config(stream, look, Some(small())).await;
            // A client that is gone needs nothing more.
            let _ = match socket {
                Ok(socket) if path == "/stream" => stream_to(socket, false, &options).await,
                Ok(socket) if path.starts_with("/stream/") => {
                    stream_to(socket, true, &options).await
                }
                Ok(socket) => echo(socket, &options).await,
                Err(error) => Err(error),
            };
        });
    }
}

type Served = Result<(), tokio_tungstenite::tungstenite::Error>;

async fn echo(mut socket: WebSocketStream<TcpStream>, options: &Options) -> Served {
    if options.engine_io {
        socket.send(OPEN.into()).await?;
    }
    while let Some(message) = socket.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// As fast as the client reads.
async fn stream_to(
    mut socket: WebSocketStream<TcpStream>,
    is_text: bool,
    options: &Options,
) -> Served {
    let message = match is_text {
        true => Message::text("x".repeat(options.size)),
        false => message(options.size),
    };
    loop {
        socket.send(message.clone()).await?;
    }
}

async fn answer_requests(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answer(stream));
    }
}

/// Requests without content, one after the other.
async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{}",
        "x".repeat(100)
    );
    let mut read = Vec::with_capacity(1024);
    while stream.read_buf(&mut read).await? > 0 {
        if read.ends_with(b"\r\n\r\n") {
            read.clear();
            stream.write_all(response.as_bytes()).await?;
        }
    }
    Ok(())
}
