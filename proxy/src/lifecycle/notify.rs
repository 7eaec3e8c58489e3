//! What systemd is told of the service (sd_notify(3)); nothing, where it has not asked.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::AbortHandle;

/// What is done between the end of a drain and the end of the process.
const LEAVING: Duration = Duration::from_secs(5);

/// We serve.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again; `ready` follows.
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// We drain, which takes at most so long, whatever `TimeoutStopSec` says.
pub(super) fn stopping(drain: Duration) {
    let patience = drain.saturating_add(LEAVING).as_micros();
    tell(&[NotifyState::Stopping]);
    tell(&[NotifyState::Custom(&format!(
        "EXTEND_TIMEOUT_USEC={patience}"
    ))]);
}

/// Another process is the service from now on. Its own sign of life comes up to half the watchdog's time later.
pub(super) fn succeeded_by(pid: u32) {
    tell(&[NotifyState::Watchdog]);
    tell(&[NotifyState::MainPid(pid)]);
}

/// Says that the runtime lives, twice as often as is asked for, until this is dropped: a process that is not the service
/// any more must not speak for the one that is.
pub(super) struct Watchdog(Option<AbortHandle>);

impl Watchdog {
    pub(super) fn begin() -> Self {
        Self(patience().map(|patience| tokio::spawn(assure(patience)).abort_handle()))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn assure(patience: Duration) {
    let mut ticks = tokio::time::interval(patience / 2);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

/// `WATCHDOG_PID` is not looked at: after an upgrade it names the process that was the service before.
fn patience() -> Option<Duration> {
    let micros: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    // Two of them are one tick, of which there must be more than none.
    (micros > 1).then_some(Duration::from_micros(micros))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}
