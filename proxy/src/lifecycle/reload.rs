//! Reloading: read, check, build, bind; only when all of that worked is anything swapped.
//! Running tunnels and requests keep what they began with.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokio::time::{Interval, MissedTickBehavior, interval};
use towpath_conf::{Config, Source};

use super::listeners::{BindError, Listening};
use super::server::{Server, bind_all};
use crate::admin::status::LastReload;
use crate::configuration::{fingerprint, load, named_files};
use crate::snapshot::{FilesError, Snapshot};
use crate::traces::ExportError;

/// How often the files are looked at. Their content counts, not their time or inode, so that a bind
/// mount or a swapped symlink is noticed like any other change.
const WATCH: Duration = Duration::from_secs(1);

/// Why a configuration was not taken.
#[derive(Debug, Error)]
enum ReloadError {
    #[error(transparent)]
    Read(#[from] towpath_conf::SourceError),
    #[error("{0}")]
    Config(#[from] towpath_conf::Errors),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Where the configuration comes from, and what was last seen there.
#[derive(Debug)]
pub(crate) struct Reloads {
    paths: Vec<PathBuf>,
    /// The files that the configuration in force names.
    named: Vec<PathBuf>,
    /// What was last loaded or refused.
    known: u64,
    /// What the last look found; acted upon when a second look finds the same, since editors write in steps.
    seen: u64,
    ticks: Interval,
}

impl Reloads {
    /// Watches `paths`, from which `source` was read, and the files that `config`, which it says, names.
    /// Must be called on a runtime.
    pub(crate) fn new(paths: Vec<PathBuf>, source: &Source, config: &Config) -> Self {
        let named = named_files(config);
        let known = fingerprint(source, &named);
        let mut ticks = interval(WATCH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            paths,
            named,
            known,
            seen: known,
            ticks,
        }
    }

    /// Waits for the files to change; for ever where there is nothing to watch. Cancel-safe.
    pub(super) async fn changed(this: Option<&mut Self>) {
        let Some(this) = this else {
            return std::future::pending().await;
        };
        loop {
            this.ticks.tick().await;
            // A file that cannot be read just now is being replaced, or SIGHUP will say what is wrong with it.
            let Ok(source) = Source::read_all(&this.paths) else {
                continue;
            };
            let found = fingerprint(&source, &this.named);
            let settled = found == this.seen;
            this.seen = found;
            if settled && this.seen != this.known {
                return;
            }
        }
    }

    /// Loads the configuration again and puts it in force, or says why not.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) async fn reload(
        &mut self,
        server: &mut Server,
        cause: &'static str,
    ) -> Result<(), String> {
        let reloaded = self.try_reload(server).await.map_err(|e| e.to_string());
        match &reloaded {
            Ok(()) => {
                let hash = server.shared.snapshot().hash.clone();
                tracing::info!(cause, hash, "configuration reloaded");
            }
            Err(error) => tracing::error!(cause, error, "configuration rejected"),
        }
        let last = LastReload::now(cause, reloaded.clone().err());
        server.shared.reloaded(last);
        reloaded
    }

    async fn try_reload(&mut self, server: &mut Server) -> Result<(), ReloadError> {
        let source = Source::read_all(&self.paths)?;
        self.known = fingerprint(&source, &self.named);
        let config = load(&source)?;
        let named = named_files(&config);
        let wanted: HashSet<_> = config
            .listeners
            .iter()
            .map(|listener| listener.address)
            .collect();
        let new = bind_all(
            wanted
                .iter()
                .copied()
                .filter(|a| !is_among(&server.listeners, *a)),
        )?;
        let admin_wanted = config.admin.as_ref().map(|admin| admin.address);
        let admin_changed = server.admin.as_ref().map(Listening::configured) != admin_wanted;
        let new_admin = bind_all(admin_wanted.filter(|_| admin_changed).into_iter())?;
        warn_of_restart(&server.shared.snapshot().config, &config);
        let tracing = server.shared.traces.prepare(config.tracing.as_ref())?;
        let snapshot = Snapshot::new(config, &server.shared.upstreams)?;
        snapshot.ready().await;
        server.shared.traces.apply(tracing);
        server.shared.swap(snapshot);
        self.known = fingerprint(&source, &named);
        self.named = named;
        for bound in new {
            let listening = server.serve(bound);
            server.listeners.push(listening);
        }
        if admin_changed {
            let next = new_admin
                .into_iter()
                .next()
                .map(|bound| server.serve_admin(bound));
            if let Some(gone) = std::mem::replace(&mut server.admin, next) {
                gone.stop().await;
            }
        }
        stop_unwanted(&mut server.listeners, &wanted).await;
        Ok(())
    }
}

fn is_among(listeners: &[Listening], address: SocketAddr) -> bool {
    listeners
        .iter()
        .any(|listening| listening.configured() == address)
}

async fn stop_unwanted(listeners: &mut Vec<Listening>, wanted: &HashSet<SocketAddr>) {
    let (kept, gone) = std::mem::take(listeners)
        .into_iter()
        .partition(|listening| wanted.contains(&listening.configured()));
    *listeners = kept;
    let gone: Vec<Listening> = gone;
    for listening in gone {
        tracing::info!(address = %listening.actual(), "no longer listening");
        listening.stop().await;
    }
}

/// What is fixed when the process starts.
fn warn_of_restart(old: &Config, new: &Config) {
    for (key, changed) in [
        ("threads", old.threads != new.threads),
        ("log", old.log != new.log),
        ("access_log", old.access_log != new.access_log),
    ] {
        if changed {
            tracing::warn!(key, "this change takes effect after a restart");
        }
    }
}
