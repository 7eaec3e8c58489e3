//! `ws-load`: opens WebSockets and lets each echo one message at a time, take a stream, idle, or begin anew again and
//! again; says how fast that was and, where processes are named, what it cost them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use futures_util::future::try_join_all;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{sleep, timeout_at};
use tokio_tungstenite::tungstenite::{Error, Message};
use towpath_benches::cost::Cost;
use towpath_benches::figures::{Figures, Latencies};
use towpath_benches::websocket::{Place, Socket, message};

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A message that fills every buffer on its way once.
const LARGE: usize = 32 * 1024;
/// How many connections are opened, or carry a large message, at one time.
const AT_ONCE: usize = 50;
/// How long memory has to settle.
const SETTLING: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, Parser)]
#[command(about = "WebSocket load")]
struct Options {
    /// The server, as host:port
    host: String,
    /// The WebSocket's path
    #[arg(long, default_value = "/echo")]
    path: String,
    /// What each connection does
    #[arg(long, value_enum, default_value_t = Mode::Echo)]
    mode: Mode,
    /// Connections at one time
    #[arg(long, default_value_t = 100)]
    connections: usize,
    /// For how long
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds that memory has to be given back, in the idle mode
    #[arg(long, default_value_t = 12.0)]
    return_seconds: f64,
    /// Bytes in a message
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// TLS, with a server that this authority's certificate (PEM) vouches for
    #[arg(long)]
    authority: Option<String>,
    /// Processes whose cost is reported, with their children
    #[arg(long)]
    pid: Vec<u32>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Echo round trips, one message at a time on each connection
    Echo,
    /// Takes what the server sends
    Stream,
    /// Nothing; then each carries a message of 32 KiB, then all leave
    Idle,
    /// Opens and closes, again and again
    Upgrade,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Fault> {
    let options = Arc::new(Options::parse());
    rlimit::increase_nofile_limit(u64::MAX)?;
    let (host, path) = (&options.host, &options.path);
    let place = Arc::new(Place::new(host, path, options.authority.as_deref())?);
    let figures = match options.mode {
        Mode::Idle => idle(&place, &options).await?,
        Mode::Upgrade => {
            let places = vec![place; options.connections];
            measure(places, &options, upgrades).await?
        }
        Mode::Echo => {
            let sockets = open(&place, &options).await?;
            measure(sockets, &options, echoes).await?
        }
        Mode::Stream => {
            let sockets = open(&place, &options).await?;
            measure(sockets, &options, stream).await?
        }
    };
    figures.print(options.json)?;
    Ok(())
}

fn cost(options: &Options) -> std::io::Result<Option<Cost>> {
    let watches = !options.pid.is_empty();
    watches.then(|| Cost::of(&options.pid)).transpose()
}

async fn open(place: &Place, options: &Options) -> Result<Vec<Socket>, Fault> {
    let mut sockets = Vec::with_capacity(options.connections);
    while sockets.len() < options.connections {
        let some = AT_ONCE.min(options.connections - sockets.len());
        sockets.extend(try_join_all((0..some).map(|_| place.open())).await?);
    }
    Ok(sockets)
}

/// What all connections record: one histogram for each would be more memory than all else.
type Record = Arc<Mutex<Latencies>>;

/// Lets all do their work at the same time, each in a task of its own, so that each has its turn.
async fn measure<T, F>(
    who: Vec<T>,
    options: &Arc<Options>,
    work: impl Fn(T, Arc<Options>, Record) -> F,
) -> Result<Figures, Fault>
where
    F: Future<Output = Result<(), Fault>> + Send + 'static,
{
    let record = Arc::new(Mutex::new(Latencies::new()?));
    let (before, began) = (cost(options)?, Instant::now());
    let all = who
        .into_iter()
        .map(|it| tokio::spawn(work(it, options.clone(), record.clone())));
    for done in try_join_all(all).await? {
        done?;
    }
    let (took, after) = (began.elapsed(), cost(options)?);
    let cost = after.zip(before).map(|(after, before)| after.since(before));
    Ok(Figures::of_operations(&lock(&record), took, cost))
}

fn lock(record: &Mutex<Latencies>) -> MutexGuard<'_, Latencies> {
    // Nobody panics while holding it.
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(options: &Options) -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs_f64(options.seconds)
}

async fn echoes(mut socket: Socket, options: Arc<Options>, record: Record) -> Result<(), Fault> {
    let (end, message) = (end(&options), message(options.size));
    while tokio::time::Instant::now() < end {
        let took = round_trip(&mut socket, &message).await?;
        lock(&record).record(took);
    }
    Ok(())
}

async fn stream(mut socket: Socket, options: Arc<Options>, record: Record) -> Result<(), Fault> {
    let end = end(&options);
    while let Ok(next) = timeout_at(end, socket.next()).await {
        let next = next.ok_or(Error::ConnectionClosed)??;
        if next.is_binary() {
            lock(&record).count_one();
        }
    }
    Ok(())
}

async fn upgrades(place: Arc<Place>, options: Arc<Options>, record: Record) -> Result<(), Fault> {
    let end = end(&options);
    while tokio::time::Instant::now() < end {
        let began = Instant::now();
        let mut socket = place.open().await?;
        lock(&record).record(began.elapsed());
        socket.close(None).await?;
        // Until the server has said so too.
        while let Some(Ok(_)) = socket.next().await {}
    }
    Ok(())
}

async fn idle(place: &Place, options: &Options) -> Result<Figures, Fault> {
    let before = cost(options)?;
    let each = |now: Option<Cost>| {
        let (now, before) = now.zip(before)?;
        Some(now.since(before).resident as f64 / options.connections.max(1) as f64)
    };
    let began = Instant::now();
    let mut sockets = open(place, options).await?;
    let opened_per_second = Some(sockets.len() as f64 / began.elapsed().as_secs_f64());
    sleep(SETTLING).await;
    let resident = each(cost(options)?);
    let large = message(LARGE);
    for some in sockets.chunks_mut(AT_ONCE) {
        try_join_all(some.iter_mut().map(|socket| round_trip(socket, &large))).await?;
    }
    sleep(SETTLING).await;
    let resident_used = each(cost(options)?);
    drop(sockets);
    sleep(Duration::try_from_secs_f64(options.return_seconds)?).await;
    Ok(Figures {
        opened_per_second,
        resident,
        resident_used,
        resident_gone: each(cost(options)?),
        ..Figures::default()
    })
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
