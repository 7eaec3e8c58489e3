//! The command line.

mod demo;
mod operate;
mod pages;
mod reference;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use towpath_conf::{Config, Source};

use crate::{configuration, observe};

/// Failed to start, or found the configuration invalid.
const FAILED: u8 = 1;
/// A second signal cut the drain short.
const FORCED: u8 = 2;
/// The command line is wrong (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;

/// What whoever has called us learns from how we end.
const EXIT_CODES: [(u8, &str); 4] = [
    (0, "done"),
    (FAILED, "failed or invalid"),
    (FORCED, "ended by a second signal"),
    (USAGE, "wrong usage"),
];

const EXAMPLES: &str = "Examples:
  towpath demo                           two browser windows chat through Towpath
  towpath run -c towpath.yaml            serve
  towpath check towpath.yaml             report every mistake, serve nothing
  towpath status                         of the process that serves /etc/towpath/towpath.yaml
  towpath schema > towpath.schema.json   for your editor";

/// Where a configuration is looked for when none is named.
const DEFAULT_CONFIG: &str = "/etc/towpath/towpath.yaml";

#[derive(Debug, Parser)]
#[command(
    name = "towpath",
    version,
    about = "A WebSocket reverse proxy",
    long_about = "A WebSocket reverse proxy: carries WebSockets and plain HTTP to your servers, from a YAML file.",
    after_help = after_help(),
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve a configuration until SIGTERM; SIGHUP or a change of the file reloads it
    #[command(after_help = "Examples:\n  \
        towpath run -c towpath.yaml\n  \
        towpath run -c /etc/towpath/conf.d     every *.yaml in it, as one configuration\n  \
        generate | towpath run -c -\n\n\
        Signals: SIGHUP reloads; SIGUSR2 upgrades, which is to let a new process take over; SIGTERM and SIGINT drain, a \
        second one ends at once (exit code 2).")]
    Run(ConfigArg),
    /// Report every mistake in a configuration, and exit with 1 if there is one
    #[command(visible_alias = "validate")]
    Check {
        /// The same as --config
        #[arg(value_name = "FILE", conflicts_with = "config")]
        file: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Say how a running process fares
    Status {
        /// Everything, as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: operate::At,
    },
    /// Let a running process read its configuration again; exit with 1 and say why if it does not take it
    Reload(operate::At),
    /// Let a running process drain and end
    Drain(operate::At),
    /// Let a new process, of the program as it is now, take over from a running one without refusing or cutting anybody
    Upgrade(operate::At),
    /// Exit with 1 unless a running process wants connections
    Healthcheck(operate::At),
    /// Print the configuration's JSON Schema, or its reference as Markdown
    Schema {
        /// The reference for people instead of the schema for editors
        #[arg(long)]
        markdown: bool,
    },
    /// Print the list of all metrics as Markdown
    Metrics,
    /// Serve a chat on which to see it work; needs nothing else
    Demo {
        /// Where to listen
        #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
        address: std::net::SocketAddr,
    },
    /// Print completions for a shell
    #[command(after_help = "Examples:\n  \
        towpath completions bash > /usr/share/bash-completion/completions/towpath\n  \
        towpath completions zsh > /usr/share/zsh/vendor-completions/_towpath\n  \
        towpath completions fish > ~/.config/fish/completions/towpath.fish")]
    Completions {
        /// Which one
        shell: Shell,
    },
    /// Print the man page, or write those of all verbs, or print the same as Markdown
    Man {
        /// Write a page for each verb into this directory, which must be there
        #[arg(long, value_name = "DIR", conflicts_with = "markdown")]
        directory: Option<PathBuf>,
        /// The reference of the command line instead of the man page
        #[arg(long)]
        markdown: bool,
    },
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
struct ConfigArg {
    /// A file, a directory of *.yaml files, or - for standard input; may be given several times
    #[arg(short, long, value_name = "FILE|DIR|-", default_value = DEFAULT_CONFIG)]
    config: Vec<PathBuf>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, though clap treats them as such.
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return code.into();
        }
    };
    match cli.verb {
        Verb::Run(arg) => run::run(&arg.config),
        Verb::Check { file, config } if file.is_empty() => check(&config.config),
        Verb::Check { file, .. } => check(&file),
        Verb::Status { json, at } => operate::status(&at, json),
        Verb::Reload(at) => operate::order(&at, "reload"),
        Verb::Drain(at) => operate::order(&at, "drain"),
        Verb::Upgrade(at) => operate::order(&at, "upgrade"),
        Verb::Healthcheck(at) => operate::health(&at),
        Verb::Completions { shell } => pages::completions(shell),
        Verb::Man { markdown: true, .. } => print(&reference::reference()),
        Verb::Man {
            directory: Some(directory),
            ..
        } => pages::write_all(&directory),
        Verb::Man { .. } => pages::man(),
        Verb::Schema { markdown } => schema(markdown),
        Verb::Metrics => print(&observe::reference()),
        Verb::Demo { address } => demo::run(address),
        Verb::Version => print(&format!("towpath {}\n", env!("CARGO_PKG_VERSION"))),
    }
}

fn check(paths: &[PathBuf]) -> ExitCode {
    match load(paths) {
        Ok(_) => {
            let names: Vec<_> = paths
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            print(&format!("{}: ok\n", names.join(", ")))
        }
        Err(code) => code,
    }
}

fn schema(markdown: bool) -> ExitCode {
    if markdown {
        print(&towpath_conf::reference())
    } else {
        print(&format!("{:#}\n", towpath_conf::schema()))
    }
}

fn after_help() -> String {
    let codes = EXIT_CODES.map(|(code, meaning)| format!("{code} {meaning}"));
    format!("{EXAMPLES}\n\nExit codes: {}.", codes.join(", "))
}

/// Loads a configuration, or says everything that is wrong with it.
fn load(paths: &[PathBuf]) -> Result<(Source, Config), ExitCode> {
    let source = Source::read_all(paths).map_err(|error| fail(&error))?;
    let config = configuration::load(&source).map_err(|errors| fail(&errors))?;
    Ok((source, config))
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{error}");
    FAILED.into()
}

/// Prints to standard output; a reader that has gone away (`| head`) is no error.
fn print(text: &str) -> ExitCode {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
