//! Listening sockets: bound by us, so that a taken port is an error with a name and not a panic; each with a stop of its
//! own, so that a reload can add and remove them. pingora's own accept loop puts a stream around each connection that
//! costs more than all that we keep of an idle one.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pingora::server::ShutdownWatch;
use socket2::SockRef;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::generations::Inherited;
use crate::keepalive::socket_keepalive;

/// Connections that may wait to be accepted, as far as `net.core.somaxconn` lets them. All clients of a server that was
/// away come back at once; whoever finds no place tries again a second later, and then after two, four and eight.
const BACKLOG: i32 = 65_535;

/// How long nothing is accepted where the system has no room for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// Whoever serves the connections of a listener.
pub(crate) trait Take: Send + Sync + 'static {
    /// Serves a connection, in a task of its own. What is idle is closed when `shutdown` says so.
    fn take(self: &Arc<Self>, connection: TcpStream, peer: SocketAddr, shutdown: &ShutdownWatch);
}

/// A listener could not be opened.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {}", explain(.source))]
pub(crate) struct BindError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

fn explain(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => "the port is taken by another process".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE)".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => source.to_string(),
    }
}

/// A bound socket that nobody serves yet.
#[derive(Debug)]
pub(crate) struct Bound {
    configured: SocketAddr,
    actual: SocketAddr,
    socket: TcpListener,
}

impl Bound {
    /// Binds `address`; port 0 gives any free port.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, BindError> {
        Self::make(address, || TcpListener::bind(address))
    }

    /// Takes a socket that listens at `address` already, if there is one, or binds it.
    pub(crate) fn inherit(
        address: SocketAddr,
        inherited: &mut Inherited,
    ) -> Result<Self, BindError> {
        match inherited.socket(address) {
            Some(socket) => Self::make(address, || Ok(socket)),
            None => Self::bind(address),
        }
    }

    fn make(
        address: SocketAddr,
        socket: impl FnOnce() -> io::Result<TcpListener>,
    ) -> Result<Self, BindError> {
        let make = || {
            let socket = socket()?;
            socket.set_nonblocking(true)?;
            // Connections inherit both, which spares each of them six system calls.
            let options = SockRef::from(&socket);
            options.set_tcp_keepalive(&socket_keepalive())?;
            options.set_tcp_nodelay(true)?;
            // The standard library lets 128 wait.
            options.listen(BACKLOG)?;
            Ok((socket.local_addr()?, socket))
        };
        let (actual, socket) = make().map_err(|source| BindError { address, source })?;
        Ok(Self {
            configured: address,
            actual,
            socket,
        })
    }

    /// The address as the configuration says it.
    pub(crate) fn configured(&self) -> SocketAddr {
        self.configured
    }

    /// Accepts connections for `app`, in a task of its own, until stopped. Must be called on a runtime.
    pub(crate) fn serve<A: Take>(self, app: A) -> Listening {
        let heir = self.socket.try_clone().ok();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(self.socket, Arc::new(app), stopped));
        Listening {
            configured: self.configured,
            actual: self.actual,
            heir,
            stop,
            task,
        }
    }
}

async fn accept<A: Take>(socket: TcpListener, app: Arc<A>, shutdown: ShutdownWatch) {
    let socket = match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "nothing can be accepted");
            return;
        }
    };
    let mut stopped = shutdown.clone();
    let mut stopped = pin!(stopped.wait_for(|stop| *stop));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut stopped => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((connection, peer)) => app.take(connection, peer, &shutdown),
            // The client has gone before it was its turn.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::error!(%error, "a connection cannot be accepted");
                // Out of descriptors or memory, most likely, which passes.
                sleep(BREATH).await;
            }
        }
    }
}

/// A socket that is being served.
#[derive(Debug)]
pub(crate) struct Listening {
    configured: SocketAddr,
    actual: SocketAddr,
    /// For the process that comes after this one.
    heir: Option<TcpListener>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Listening {
    /// The address as the configuration says it.
    pub(crate) fn configured(&self) -> SocketAddr {
        self.configured
    }

    /// The address with its real port.
    pub(crate) fn actual(&self) -> SocketAddr {
        self.actual
    }

    /// The socket for the process that comes after this one.
    pub(crate) fn hand_over(&self) -> io::Result<(SocketAddr, OwnedFd)> {
        let socket = self.heir.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        Ok((self.configured, socket.try_clone()?.into()))
    }

    /// Closes the socket, and keep-alive connections as soon as they are idle.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        // The task ends by itself once its accept loop has seen the word.
        let _ = self.task.await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn all_clients_may_come_back_at_once() {
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        // More than the standard library's own bound; nobody accepts them.
        let clients: Vec<_> = (0..400)
            .map_while(|_| {
                TcpStream::connect_timeout(&bound.actual, Duration::from_millis(900)).ok()
            })
            .collect();
        assert_eq!(clients.len(), 400);
    }
}
