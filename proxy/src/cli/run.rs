//! `towpath run`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use super::{FAILED, FORCED, fail, load};
use crate::generations::Inherited;
use crate::lifecycle::{End, Reloads, Server, StartError};
use crate::observe::logging;

/// How many sockets a worker hears of at a time. What has no place in its queue, which has 256, goes into one that all
/// share and is served last: with thousands of busy connections, some waited for seconds while others were served again
/// and again. So few, too, that what belongs to them is still in the processor's caches at their next step.
const EVENTS: usize = 32;
/// How many tasks a worker polls before it looks for news, unless it has nothing else to do.
const TASKS: u32 = 256;

/// Serves the configuration at `paths` until told to stop.
pub(super) fn run(paths: &[PathBuf]) -> ExitCode {
    let (source, config) = match load(paths) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    // Standard input cannot be read a second time.
    let watched = (!paths.iter().any(|path| path == "-")).then(|| paths.to_vec());
    let inherited = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(error) => return fail(&error),
    };
    let _logging = logging::start(&config.log, config.access_log);
    raise_file_limit();
    let runtime = match runtime(config.threads) {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format_args!("cannot start threads: {error}")),
    };
    let ended = runtime.block_on(async {
        let reloads = watched.map(|paths| Reloads::new(paths, &source, &config));
        let server = Server::start(config, reloads, inherited).await?;
        Ok::<_, StartError>(server.run().await)
    });
    // Whatever still runs has had its time.
    runtime.shutdown_background();
    match ended {
        Ok(End::Drained) => ExitCode::SUCCESS,
        Ok(End::Forced) => FORCED.into(),
        Err(error) => {
            tracing::error!("{error}");
            FAILED.into()
        }
    }
}

/// So many workers, or one per core.
pub(super) fn runtime(threads: Option<NonZeroUsize>) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads.get());
    }
    builder.max_io_events_per_tick(EVENTS).event_interval(TASKS);
    builder.enable_all().thread_name("towpath").build()
}

/// Each tunnel takes two descriptors; the soft limit of most shells is 1024.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}
