//! Where events go: the application's log to standard error, the access log to standard output.
//! The access log is written by a thread of its own; if its reader stalls, lines are dropped, not requests.

use std::io;

use towpath_conf::{AccessLog, Level, Log, LogFormat};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt};

use super::access_log;

/// Keeps the access log's thread; what is buffered is written when it is dropped.
#[must_use = "the access log ends when this is dropped"]
pub(crate) struct Logging {
    _access: WorkerGuard,
}

/// Starts logging; called once.
pub(crate) fn start(log: &Log, access: AccessLog) -> Logging {
    let (stdout, guard) = tracing_appender::non_blocking(io::stdout());
    // What has no layer is not even enabled; an absent one would let everything be made and then dropped.
    let mut layers = vec![application(log)];
    layers.extend(requests(access, stdout));
    let _ = Registry::default().with(layers).try_init();
    Logging { _access: guard }
}

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

fn application<S>(log: &Log) -> Boxed<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let level = level(log.level);
    // The libraries' chatter is ours to translate; only what they find alarming is passed on as it is.
    let libraries = if level == LevelFilter::TRACE {
        level
    } else {
        level.min(LevelFilter::WARN)
    };
    let filter = Targets::new()
        .with_default(libraries)
        .with_target("towpath", level)
        // It tells of every change of health as well, with the server as a type's debug text.
        .with_target("pingora_load_balancing", libraries.min(LevelFilter::ERROR))
        .with_target(access_log::TARGET, LevelFilter::OFF);
    let layer = fmt::layer()
        .with_writer(io::stderr)
        .with_target(level >= LevelFilter::DEBUG);
    match log.format {
        LogFormat::Text => {
            let ansi = io::IsTerminal::is_terminal(&io::stderr());
            layer.with_ansi(ansi).with_filter(filter).boxed()
        }
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
    }
}

fn requests<S>(access: AccessLog, stdout: NonBlocking) -> Option<Boxed<S>>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = Targets::new().with_target(access_log::TARGET, LevelFilter::INFO);
    let layer = fmt::layer()
        .with_writer(stdout)
        .with_target(false)
        .with_level(false);
    match access {
        AccessLog::Off => None,
        AccessLog::Text => Some(layer.with_ansi(false).with_filter(filter).boxed()),
        AccessLog::Json => Some(layer.json().flatten_event(true).with_filter(filter).boxed()),
    }
}

fn level(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}
