//! `http-load`: asks for the same thing again and again, over connections that stay open.

use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::future::try_join_all;
use towpath_benches::cost::Cost;
use towpath_benches::figures::{Figures, Latencies};
use towpath_benches::http::Connection;

type Fault = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Debug, Parser)]
#[command(about = "HTTP load: keep-alive requests")]
struct Options {
    /// The server, as host:port
    host: String,
    /// What is asked for
    #[arg(long, default_value = "/plain")]
    path: String,
    /// Connections at one time
    #[arg(long, default_value_t = 100)]
    connections: usize,
    /// For how long
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Processes whose cost is reported, with their children
    #[arg(long)]
    pid: Vec<u32>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Fault> {
    let options = Options::parse();
    rlimit::increase_nofile_limit(u64::MAX)?;
    let open = (0..options.connections).map(|_| Connection::new(&options.host));
    let connections = try_join_all(open).await?;
    let cost = || Cost::of(&options.pid);
    let (before, began) = (cost()?, Instant::now());
    let all = connections.into_iter().map(|it| ask(it, &options));
    let done = try_join_all(all).await?;
    let (took, after) = (began.elapsed(), cost()?);
    let mut latencies = Latencies::new()?;
    for some in &done {
        latencies.join(some)?;
    }
    let cost = (!options.pid.is_empty()).then(|| after.since(before));
    Figures::of_operations(&latencies, took, cost).print(options.json)?;
    Ok(())
}

async fn ask(mut connection: Connection, options: &Options) -> Result<Latencies, Fault> {
    let end = Instant::now() + Duration::from_secs_f64(options.seconds);
    let mut latencies = Latencies::new()?;
    while Instant::now() < end {
        let sent = Instant::now();
        connection.write_get(&options.path).await?;
        connection.read().await?;
        latencies.record(sent.elapsed());
    }
    Ok(latencies)
}
