//! `compare`: runs every scenario with every peer, in turn, and writes what came of it. `benches/compare` builds and
//! installs what it needs, and starts it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use towpath_benches::compare::chart::draw;
use towpath_benches::compare::peers::{Peer, Site};
use towpath_benches::compare::results::{Results, Row, Table};
use towpath_benches::compare::scenarios::{Pace, SCENARIOS, Scenario};
use towpath_benches::figures::Figures;

#[derive(Debug, Parser)]
#[command(about = "Compares Towpath with nginx, HAProxy, Caddy, sockjs-node and engine.io")]
struct Options {
    /// Two minutes: fewer rounds, shorter, fewer connections; RESULTS.md stays as it is
    #[arg(long)]
    quick: bool,
    /// Only these scenarios; RESULTS.md stays as it is
    #[arg(long)]
    scenario: Vec<String>,
    /// The Towpath that is compared; the one beside this program if none is given
    #[arg(long)]
    towpath: Option<PathBuf>,
    /// Only puts each load on Towpath, which is built to write a profile of what it runs; there are no results
    #[arg(long, conflicts_with = "quick")]
    train: bool,
    /// Where npm has installed the peers in Node
    #[arg(long, default_value = "target/bench/node")]
    modules: PathBuf,
}

fn main() -> ExitCode {
    match compare(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> io::Result<()> {
    let own = std::env::current_exe()?;
    let tools = own.parent().unwrap_or(Path::new("."));
    let directory = tempfile::tempdir()?;
    let mut site = Site::new(
        directory.path(),
        Path::new("benches/peers"),
        tools,
        &options.modules,
    )?;
    if let Some(towpath) = &options.towpath {
        site.compare(towpath);
    }
    if options.train {
        return train(&chosen(&options.scenario)?, &mut site);
    }
    let pace = match options.quick {
        true => Pace {
            rounds: 1,
            seconds: 0.8,
            is_quick: true,
        },
        false => Pace {
            rounds: 5,
            seconds: 1.6,
            is_quick: false,
        },
    };
    let began = Instant::now();
    let (mut tables, mut failures) = (Vec::new(), Vec::new());
    for scenario in chosen(&options.scenario)? {
        tables.push(run(scenario, &site, pace, &mut failures));
    }
    let results = Results {
        machine: machine(&site, began),
        versions: versions(&site),
        failures,
        tables,
    };
    let is_whole = !options.quick && options.scenario.is_empty();
    let to = if is_whole { "benches" } else { "target/bench" };
    fs::create_dir_all("target/bench")?;
    fs::write(
        "target/bench/results.json",
        serde_json::to_string_pretty(&results)?,
    )?;
    fs::write(format!("{to}/results.svg"), draw(&results))?;
    fs::write(format!("{to}/RESULTS.md"), results.markdown("results.svg"))?;
    println!("\n{}", results.markdown("results.svg"));
    let all_borne = results.failures.is_empty();
    println!("written: {to}/RESULTS.md, {to}/results.svg, target/bench/results.json");
    match all_borne {
        true => Ok(()),
        false => Err(io::Error::other("not every load was borne")),
    }
}

/// Every load, once without an access log, as it is compared, and once with it, as most will run it.
fn train(scenarios: &[&Scenario], site: &mut Site) -> io::Result<()> {
    let pace = Pace {
        rounds: 1,
        seconds: 2.0,
        is_quick: true,
    };
    for access_log in ["off", "on"] {
        for scenario in scenarios {
            eprintln!("{}, access log {access_log}", scenario.title);
            scenario.run(Peer::Towpath, site, pace)?;
        }
        site.log_accesses();
    }
    Ok(())
}

fn chosen(names: &[String]) -> io::Result<Vec<&'static Scenario>> {
    let find = |name: &String| {
        let mut all = SCENARIOS.iter();
        let known = || {
            SCENARIOS
                .iter()
                .map(|it| it.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        all.find(|scenario| scenario.name == name)
            .ok_or_else(|| io::Error::other(format!("no scenario {name}; there are {}", known())))
    };
    match names.is_empty() {
        true => Ok(SCENARIOS.iter().collect()),
        false => names.iter().map(find).collect(),
    }
}

/// All peers in turn, and round again. One that does not bear the load is left out of that round, and named.
fn run(scenario: &'static Scenario, site: &Site, pace: Pace, failures: &mut Vec<String>) -> Table {
    let is_there = |peer: &&Peer| **peer != Peer::TowpathPlain || site.has_plain_build();
    let mut found: Vec<(Peer, Vec<Figures>)> = scenario
        .peers
        .iter()
        .filter(is_there)
        .map(|peer| (*peer, Vec::new()))
        .collect();
    let rounds = scenario.rounds(pace);
    for round in 1..=rounds {
        eprintln!("{} ({round}/{rounds})", scenario.title);
        for (peer, figures) in &mut found {
            match scenario.run(*peer, site, pace) {
                Ok(found) => figures.push(found),
                Err(error) => {
                    eprintln!("{error}");
                    let (title, name) = (scenario.title, peer.name());
                    let first = error.to_string();
                    let first = first.lines().next().unwrap_or_default();
                    failures.push(format!("{title}, {name}, round {round}: {first}"));
                }
            }
        }
    }
    let rows = found
        .iter()
        .map(|(peer, figures)| Row::of(peer.name(), figures));
    Table {
        name: scenario.name,
        title: scenario.title,
        rows: rows.collect(),
    }
}

fn machine(site: &Site, began: Instant) -> Vec<String> {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(':'));
        value
            .map_or("unknown", |(_, value)| value.trim())
            .to_owned()
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    vec![
        format!(
            "{} cores of {}, Linux {}; load, proxy and server share them, a thread each",
            cores,
            field("/proc/cpuinfo", "model name"),
            kernel.trim()
        ),
        format!(
            "at most {} tunnels, since a process may open no more files here; {} minutes in all",
            site.tunnels(),
            began.elapsed().as_secs().div_ceil(60)
        ),
    ]
}

fn versions(site: &Site) -> Vec<String> {
    let all = [
        Peer::Towpath,
        Peer::Nginx,
        Peer::Haproxy,
        Peer::Caddy,
        Peer::SockJsNode,
        Peer::EngineIo,
    ];
    all.iter().filter_map(|peer| peer.version(site)).collect()
}
