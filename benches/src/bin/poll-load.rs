//! `poll-load`: opens sessions of the fallback, lets each echo one message at a time, hold a poll or idle, and
//! says what that cost: messages a second, latency, and, where the proxy's process is named, its CPU time and memory.

use std::io;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use towpath_benches::client::{Dialect, Session};
use towpath_benches::{Cost, percentile};

#[derive(Clone, Debug, Parser)]
#[command(about = "Fallback load: echo round trips, held polls or idle sessions")]
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
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Bytes in a message
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// The process whose cost is reported
    #[arg(long)]
    pid: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Echo round trips: a poll is held, a message sent, its echo taken
    Echo,
    /// One round trip, then a poll is held
    Hold,
    /// One round trip, then nothing is under way; the connections stay open
    Idle,
    /// One round trip, then the connections are closed; only the sessions are left
    Away,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    rlimit::increase_nofile_limit(u64::MAX)?;
    let cost = || options.pid.map(Cost::of).transpose();
    let before = cost()?;
    let message = "x".repeat(options.size);
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
    println!("opened {} sessions", options.sessions);
    let opened = cost()?;
    if let Some((before, opened)) = before.zip(opened) {
        let each = opened.resident.saturating_sub(before.resident) / options.sessions.max(1) as u64;
        println!("resident memory: {:.1} KiB a session", each as f64 / 1024.0);
    }
    if options.mode != Mode::Echo {
        return Ok(());
    }
    let mut latencies = exchange(sessions, &message, options.seconds).await?;
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

/// All sessions at once, each with one message on its way.
async fn exchange(
    sessions: Vec<Session>,
    message: &str,
    seconds: u64,
) -> io::Result<Vec<Duration>> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let echoes = sessions.into_iter().map(|mut session| async move {
        let mut latencies = Vec::new();
        while Instant::now() < end {
            let sent = Instant::now();
            session.round_trip(message).await?;
            latencies.push(sent.elapsed());
        }
        io::Result::Ok(latencies)
    });
    let all = futures_util::future::try_join_all(echoes).await?;
    Ok(all.into_iter().flatten().collect())
}
