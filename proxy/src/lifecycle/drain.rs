//! The drain: nobody is cut off who can be told to go.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::listeners::Listening;
use crate::shared::Shared;

/// Says that we are not ready, waits for balancers to notice, closes idle connections, ends the tunnels and sessions, and
/// returns when nothing is left or `drain.timeout` is over. The listeners stay open for as long as there are sessions:
/// a client between two polls has to come in once more to hear of the end. Nobody else is let in.
pub(super) async fn drain(shared: &Shared, listeners: Vec<Listening>) {
    let conf = shared.snapshot().config.drain.clone();
    let deadline = Instant::now() + conf.timeout.get();
    shared.set_ready(false);
    let sessions = shared.fallback.sessions();
    tracing::info!(
        connections = shared.connections.open(),
        sessions,
        "draining"
    );
    if conf.delay.get() > Duration::ZERO && !shared.is_superseded() {
        sleep(conf.delay.get()).await;
    }
    shared.drain(conf.spread.get());
    let drained = async {
        if !shared.is_superseded() {
            shared.fallback.none().await;
        }
        for listening in listeners {
            listening.stop().await;
        }
        shared.nothing_left().await;
    };
    match timeout_at(deadline, drained).await {
        Ok(()) => tracing::info!("drained"),
        Err(_) => {
            let connections = shared.connections.open();
            let sessions = shared.fallback.sessions();
            tracing::warn!(connections, sessions, "cut off at the end of drain.timeout");
        }
    }
}

/// Another process has the listening sockets: waits until what there is has ended by itself, `upgrade.timeout` is over, or
/// `stop` resolves.
pub(super) async fn retire(shared: &Shared, stop: impl Future<Output = ()>) {
    let patience = shared.snapshot().config.upgrade.timeout.get();
    tokio::select! {
        () = shared.nothing_left() => {}
        () = stop => {}
        () = sleep(patience) => {
            let connections = shared.connections.open();
            let sessions = shared.fallback.sessions();
            tracing::warn!(connections, sessions, "upgrade.timeout is over");
        }
    }
}
