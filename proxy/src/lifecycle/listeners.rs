//! Listening sockets: bound by us, so that a taken port is an error with a name and not a panic;
//! served by pingora, each with a stop of its own, so that a reload can add and remove them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{IntoRawFd, OwnedFd};

use pingora::apps::ServerApp;
use pingora::listeners::ListenerConfig;
use pingora::protocols::l4::stream::L4BufferSettings;
use pingora::server::{Fds, ListenFds};
use pingora::services::Service as _;
use pingora::services::listening::Service;
use socket2::SockRef;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::generations::Inherited;
use crate::keepalive::inherited_keepalive;

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
            // Connections inherit it, which spares each of them five system calls.
            SockRef::from(&socket).set_tcp_keepalive(&inherited_keepalive())?;
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

    /// Accepts connections for `app`, in a task of its own, until stopped.
    pub(crate) fn serve<A>(self, app: A) -> Listening
    where
        A: ServerApp + Send + Sync + 'static,
    {
        let label = self.actual.to_string();
        let heir = self.socket.try_clone().ok();
        let mut service = Service::new(label.clone(), app);
        service.add_listener(
            ListenerConfig::tcp(&label)
                // An idle connection must not hold a read buffer; we read in large pieces ourselves.
                .l4_buffer(L4BufferSettings::default().read(0)),
        );
        let mut fds = Fds::new();
        fds.add(label, self.socket.into_raw_fd());
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            service
                .start_service(Some(ListenFds::new(fds.into())), stopped, 1)
                .await;
        });
        Listening {
            configured: self.configured,
            actual: self.actual,
            heir,
            stop,
            task,
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
