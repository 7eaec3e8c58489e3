//! `poll-load`: opens sessions of the fallback, lets each echo one message at a time, hold a poll or idle, and
//! says what that cost: messages a second, latency, and, where the proxy's process is named, its CPU time and memory.

use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use futures_util::future::try_join_all;
use tokio::time::timeout_at;
use towpath_benches::client::{Dialect, Session};
use towpath_benches::cost::Cost;
use towpath_benches::figures::{Figures, Latencies};
use towpath_benches::sockjs;

type Fault = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Debug, Parser)]
#[command(about = "Fallback load: echo round trips, streams, held polls or idle sessions")]
struct Options {
    /// The proxy, as host:port
    host: String,
    /// The WebSocket's path, or the service's
    #[arg(long, default_value = "/")]
    path: String,
    /// What clients speak
    #[arg(long, value_enum, default_value_t = Dialect::Towpath)]
    dialect: Dialect,
    /// Sessions at one time
    #[arg(long, default_value_t = 50)]
    sessions: usize,
    /// What each does
    #[arg(long, value_enum, default_value_t = Mode::Echo)]
    mode: Mode,
    /// How long to exchange messages
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Bytes in a message
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Processes whose cost is reported, with their children
    #[arg(long)]
    pid: Vec<u32>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Echo round trips: a poll is held, a message sent, its echo taken
    Echo,
    /// A stream by SockJS' xhr_streaming is taken, as fast as it comes
    Stream,
    /// One round trip, then a poll is held
    Hold,
    /// One round trip, then nothing is under way; the connections stay open
    Idle,
    /// One round trip, then the connections are closed; only the sessions are left
    Away,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Fault> {
    let options = Options::parse();
    rlimit::increase_nofile_limit(u64::MAX)?;
    let watches = !options.pid.is_empty();
    let cost = || watches.then(|| Cost::of(&options.pid)).transpose();
    let (before, began) = (cost()?, Instant::now());
    let message = "x".repeat(options.size);
    if options.mode == Mode::Stream {
        return stream(&options).await;
    }
    let mut sessions = Vec::with_capacity(options.sessions);
    for _ in 0..options.sessions {
        let mut session = Session::open(options.dialect, &options.host, &options.path).await?;
        session.round_trip(&message).await?;
        if options.mode == Mode::Hold {
            session.hold().await?;
        }
        if options.mode != Mode::Away {
            sessions.push(session);
        }
    }
    let opened_per_second = options.sessions as f64 / began.elapsed().as_secs_f64();
    let opened = cost()?;
    let mut figures = match options.mode {
        Mode::Echo => {
            let began = Instant::now();
            let latencies = exchange(sessions, &message, options.seconds).await?;
            let took = began.elapsed();
            let cost = cost()?
                .zip(opened)
                .map(|(after, opened)| after.since(opened));
            Figures::of_operations(&latencies, took, cost)
        }
        Mode::Hold | Mode::Idle | Mode::Away | Mode::Stream => {
            let grown = opened
                .zip(before)
                .map(|(opened, before)| opened.since(before));
            let each = |cost: Cost| cost.resident as f64 / options.sessions.max(1) as f64;
            Figures {
                resident: grown.map(each),
                ..Figures::default()
            }
        }
    };
    figures.opened_per_second = Some(opened_per_second);
    figures.print(options.json)?;
    Ok(())
}

/// All sessions at once, each with one streaming response after the other.
async fn stream(options: &Options) -> Result<(), Fault> {
    let mut sessions = Vec::with_capacity(options.sessions);
    for _ in 0..options.sessions {
        let mut session = sockjs::Session::open(&options.host, &options.path).await?;
        session.stream().await?;
        sessions.push(session);
    }
    let cost = || Cost::of(&options.pid);
    let (before, began) = (cost()?, Instant::now());
    let end = tokio::time::Instant::now() + Duration::from_secs_f64(options.seconds);
    let streams = sessions.into_iter().map(|mut session| async move {
        let mut latencies = Latencies::new()?;
        while let Ok(came) = timeout_at(end, session.streamed()).await {
            (0..came?).for_each(|_| latencies.count_one());
        }
        Ok::<_, Fault>(latencies)
    });
    let all = joined(try_join_all(streams).await?)?;
    let cost = (!options.pid.is_empty()).then_some(cost()?.since(before));
    Figures::of_operations(&all, began.elapsed(), cost).print(options.json)?;
    Ok(())
}

/// All sessions at once, each with one message on its way.
async fn exchange(sessions: Vec<Session>, message: &str, seconds: f64) -> Result<Latencies, Fault> {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let echoes = sessions.into_iter().map(|mut session| async move {
        let mut latencies = Latencies::new()?;
        while Instant::now() < end {
            let sent = Instant::now();
            session.round_trip(message).await?;
            latencies.record(sent.elapsed());
        }
        Ok::<_, Fault>(latencies)
    });
    joined(try_join_all(echoes).await?)
}

fn joined(each: Vec<Latencies>) -> Result<Latencies, Fault> {
    let mut all = Latencies::new()?;
    for latencies in &each {
        all.join(latencies)?;
    }
    Ok(all)
}
