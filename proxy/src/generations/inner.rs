//! Where a process takes requests of its own sessions that have come to another generation: each on a connection of its own
//! that begins with a PROXY header, over a socket for each scheme that a client can have spoken.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::UnixListener;
use towpath_conf::Scheme;

use super::Generations;
use super::family::socket;
use crate::gate::Gate;

/// How long nothing is accepted where there is no room for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// Begins to listen, for as long as the process lives, unless it does already. Must be called on a runtime.
///
/// # Errors
/// There is no place for the sockets.
pub(crate) fn listen(generations: &Generations, gate: &Arc<Gate>) -> io::Result<()> {
    if generations.settled.load(Ordering::Acquire) {
        // Since an attempt to be followed by another process.
        return Ok(());
    }
    let family = generations.family()?;
    let sockets = family.settle(generations.number, |place| {
        let bind = |scheme| UnixListener::bind(socket(place, scheme));
        Ok([
            (bind(Scheme::Http)?, Scheme::Http),
            (bind(Scheme::Https)?, Scheme::Https),
        ])
    })?;
    for (listener, scheme) in sockets {
        tokio::spawn(accept(listener, gate.clone(), scheme));
    }
    generations.settled.store(true, Ordering::Release);
    Ok(())
}

async fn accept(listener: UnixListener, gate: Arc<Gate>, scheme: Scheme) {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                let gate = gate.clone();
                tokio::spawn(async move { gate.serve_inner(connection, scheme).await });
            }
            Err(error) => {
                tracing::warn!(%error, "another process cannot reach this one");
                // Out of descriptors, most likely, which passes.
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}
