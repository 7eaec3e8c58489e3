//! `ws-load`: opens WebSockets, lets each echo one message at a time or idle, and says what that cost:
//! messages a second, latency, and, where the proxy's process is named, its CPU time and resident memory.

use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use towpath_benches::{Cost, percentile};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[derive(Clone, Debug, Parser)]
#[command(about = "WebSocket load: echo round trips, or idle connections with --seconds 0")]
struct Options {
    /// ws://host:port/path
    url: String,
    /// Connections at one time
    #[arg(long, default_value_t = 100)]
    connections: usize,
    /// How long to exchange messages
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Bytes in a message
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// The process whose cost is reported
    #[arg(long)]
    pid: Option<u32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    rlimit::increase_nofile_limit(u64::MAX)?;
    let cost = || options.pid.map(Cost::of).transpose();
    let before = cost()?;
    let began = Instant::now();
    let mut sockets = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        sockets.push(open(&options).await?);
    }
    let opening = began.elapsed();
    println!(
        "opened {} connections, {:.0} a second",
        sockets.len(),
        sockets.len() as f64 / opening.as_secs_f64()
    );
    let opened = cost()?;
    if let Some((before, opened)) = before.zip(opened) {
        let each = opened.resident.saturating_sub(before.resident) / sockets.len().max(1) as u64;
        println!("resident memory: {} KiB a connection", each as f64 / 1024.0);
    }
    let mut latencies = exchange(sockets, &options).await?;
    if latencies.is_empty() {
        return Ok(());
    }
    let rate = latencies.len() as f64 / options.seconds as f64;
    println!("echoed {} messages, {rate:.0} a second", latencies.len());
    println!(
        "p50 {:?}, p99 {:?}",
        percentile(&mut latencies, 50),
        percentile(&mut latencies, 99)
    );
    if let Some((opened, after)) = opened.zip(cost()?) {
        let cpu = after.cpu.saturating_sub(opened.cpu).as_secs_f64() * 1e6;
        println!("cpu: {:.2} µs a round trip", cpu / latencies.len() as f64);
    }
    Ok(())
}

async fn open(options: &Options) -> Result<Socket, Error> {
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0);
    let (mut socket, _) = connect_async_with_config(&options.url, Some(config), true).await?;
    // One message each, so that what is allocated with the first is in the count.
    round_trip(&mut socket, &Message::binary(vec![0; options.size])).await?;
    Ok(socket)
}

async fn round_trip(socket: &mut Socket, message: &Message) -> Result<Duration, Error> {
    let sent = Instant::now();
    socket.send(message.clone()).await?;
    loop {
        match socket.next().await {
            Some(Ok(received)) if received.is_binary() => return Ok(sent.elapsed()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            None => return Err(Error::ConnectionClosed),
        }
    }
}

/// All connections at once, each with one message on its way.
async fn exchange(sockets: Vec<Socket>, options: &Options) -> Result<Vec<Duration>, Error> {
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let message = Message::binary(vec![0; options.size]);
    let echoes = sockets.into_iter().map(|mut socket| {
        let message = message.clone();
        async move {
            let mut latencies = Vec::new();
            while Instant::now() < end {
                latencies.push(round_trip(&mut socket, &message).await?);
            }
            Ok::<_, Error>(latencies)
        }
    });
    let all = futures_util::future::try_join_all(echoes).await?;
    Ok(all.into_iter().flatten().collect())
}
