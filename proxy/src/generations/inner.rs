//! Where an old process takes requests of its own sessions that have come to a newer one: each on a connection of its own
//! that begins with a PROXY header, over a socket for each scheme that a client can have spoken.

use std::io;
use std::sync::Arc;

use tokio::net::UnixListener;
use towpath_conf::Scheme;

use super::{Generations, socket};
use crate::gate::Gate;

/// Begins to listen, for as long as the process lives. Must be called on a runtime.
///
/// # Errors
/// There is no place for the sockets.
pub(crate) fn listen(generations: &Generations, gate: &Arc<Gate>) -> io::Result<()> {
    let home = generations.home()?;
    for scheme in [Scheme::Http, Scheme::Https] {
        let path = socket(home.path(), scheme);
        if path.exists() {
            // Of an attempt to be followed by another process.
            continue;
        }
        let listener = UnixListener::bind(path)?;
        tokio::spawn(accept(listener, gate.clone(), scheme));
    }
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
                tracing::warn!(%error, "a newer process cannot reach this one");
                // Out of descriptors, most likely, which passes.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}
