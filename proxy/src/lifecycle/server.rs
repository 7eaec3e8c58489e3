//! The server: everything that runs between the command line and the last connection.

use std::net::SocketAddr;
use std::sync::Arc;

use pingora::apps::HttpServerOptions;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use towpath_conf::Config;

use super::drain::drain;
use super::listeners::{BindError, Bound, Listening};
use super::reload::Reloads;
use crate::gate::Gate;
use crate::gateway::Gateway;
use crate::observe::admin::Admin;
use crate::shared::Shared;
use crate::snapshot::{FilesError, Snapshot};
use crate::upstream::Upstreams;

/// Why the server did not start.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// A socket could not be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file that the configuration names has changed since it was checked.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The system gives us no signals.
    #[error("cannot handle signals: {0}")]
    Signals(std::io::Error),
    /// The system gives us no random bytes.
    #[error("cannot make session tokens: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// How the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Drained, or cut off at the drain's own limit.
    Drained,
    /// By a second signal.
    Forced,
}

/// A running server.
pub(crate) struct Server {
    pub(super) shared: Arc<Shared>,
    proxy: Arc<HttpProxy<Gateway>>,
    pub(super) listeners: Vec<Listening>,
    pub(super) admin: Option<Listening>,
    signals: Signals,
    reloads: Option<Reloads>,
}

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Stop,
    Reload,
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> Result<Self, StartError> {
        let install = |kind| signal(kind).map_err(StartError::Signals);
        Ok(Self {
            hangup: install(SignalKind::hangup())?,
            terminate: install(SignalKind::terminate())?,
            interrupt: install(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next word from outside. Cancel-safe.
    async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.terminate.recv() => Word::Stop,
            _ = self.interrupt.recv() => Word::Stop,
            _ = self.hangup.recv() => Word::Reload,
        }
    }

    /// Waits to be told to stop; while draining there is nothing to reload.
    async fn stop(&mut self) {
        while self.next().await != Word::Stop {
            tracing::warn!("not reloaded: draining");
        }
    }
}

impl Server {
    /// Binds all listeners, makes the configuration ready and begins to serve it.
    /// Must be called on the runtime that will carry the connections.
    pub(crate) async fn start(
        config: Config,
        reloads: Option<Reloads>,
    ) -> Result<Self, StartError> {
        let signals = Signals::install()?;
        let bound = bind_all(config.listeners.iter().map(|listener| listener.address))?;
        let admin = config
            .admin
            .as_ref()
            .map(|admin| Bound::bind(admin.address))
            .transpose()?;
        let upstreams = Upstreams::new();
        let snapshot = Snapshot::new(config, &upstreams)?;
        snapshot.ready().await;
        upstreams.begin();
        let shared = Arc::new(Shared::new(snapshot, upstreams)?);
        let proxy = Arc::new(proxy(Gateway::new(shared.clone())));
        let mut server = Self {
            shared,
            proxy,
            listeners: Vec::new(),
            admin: None,
            signals,
            reloads,
        };
        server.admin = admin.map(|bound| server.serve_admin(bound));
        for bound in bound {
            let listening = server.serve(bound);
            server.listeners.push(listening);
        }
        server.shared.set_ready(true);
        tracing::info!("ready");
        Ok(server)
    }

    /// The addresses that clients connect to, with their real ports.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(Listening::actual)
    }

    /// Serves until told to stop, then drains.
    pub(crate) async fn run(mut self) -> End {
        loop {
            tokio::select! {
                word = self.signals.next() => match word {
                    Word::Stop => break,
                    Word::Reload => self.reload("signal").await,
                },
                () = Reloads::changed(self.reloads.as_mut()) => self.reload("file change").await,
            }
        }
        let Self {
            shared,
            listeners,
            admin,
            mut signals,
            ..
        } = self;
        let end = tokio::select! {
            () = drain(&shared, listeners) => End::Drained,
            () = signals.stop() => {
                tracing::warn!(connections = shared.connections.open(), "stopped at once");
                End::Forced
            }
        };
        // Until here it has said that we are not ready.
        if let Some(admin) = admin {
            admin.stop().await;
        }
        end
    }

    pub(super) fn serve(&self, bound: Bound) -> Listening {
        let gate = Gate::new(self.proxy.clone(), self.shared.clone(), bound.configured());
        let listening = bound.serve(gate);
        tracing::info!(address = %listening.actual(), "listening");
        listening
    }

    pub(super) fn serve_admin(&self, bound: Bound) -> Listening {
        let listening = bound.serve(Admin::new(self.shared.clone()));
        tracing::info!(address = %listening.actual(), "admin listening");
        listening
    }

    async fn reload(&mut self, cause: &'static str) {
        let Some(mut reloads) = self.reloads.take() else {
            tracing::warn!("this configuration cannot be read again");
            return;
        };
        reloads.reload(self, cause).await;
        self.reloads = Some(reloads);
    }
}

/// Binds all or none.
pub(super) fn bind_all(
    addresses: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<Bound>, BindError> {
    addresses.map(Bound::bind).collect()
}

/// pingora's HTTP. A CONNECT goes as far as our filters, since a WebSocket over HTTP/2 is one (RFC 8441); they refuse
/// all others.
fn proxy(gateway: Gateway) -> HttpProxy<Gateway> {
    let mut proxy = http_proxy(&pingora_conf(), gateway);
    let mut options = HttpServerOptions::default();
    options.allow_connect_method_proxying = true;
    proxy.server_options = Some(options);
    proxy
}

/// pingora's own settings. Its server is not used, only its proxy and pools.
fn pingora_conf() -> Arc<ServerConf> {
    Arc::new(ServerConf::default())
}
