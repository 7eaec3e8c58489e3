//! The server: everything that runs between the command line and the last connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use pingora::apps::HttpServerOptions;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use thiserror::Error;
use tokio::time::timeout;
use towpath_conf::Config;

use super::drain::{drain, retire};
use super::listeners::{BindError, Bound, Listening};
use super::notify::{self, Watchdog};
use super::reload::Reloads;
use super::signals::{Signals, Word};
use crate::admin::Admin;
use crate::admin::orders::{Heard, Order, channel, decline};
use crate::answer::LINGER;
use crate::gate::Gate;
use crate::gateway::Gateway;
use crate::generations::{self, Inherited, Succession};
use crate::shared::Shared;
use crate::snapshot::{FilesError, Snapshot};
use crate::traces::ExportError;
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
    /// Spans cannot be sent.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The system gives us no signals.
    #[error("cannot handle signals: {0}")]
    Signals(std::io::Error),
    /// The other generations cannot reach us.
    #[error("cannot take requests from an older process: {0}")]
    Generations(std::io::Error),
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
    /// For connections of other generations.
    pub(super) gate: Arc<Gate>,
    pub(super) listeners: Vec<Listening>,
    pub(super) admin: Option<Listening>,
    pub(super) signals: Signals,
    pub(super) orders: Heard,
    reloads: Option<Reloads>,
    pub(super) succession: Option<Succession>,
    /// For as long as we are the service.
    pub(super) watchdog: Option<Watchdog>,
}

/// Why the server goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It was told to.
    Told,
    /// Another process has taken its place.
    Succeeded,
}

impl Server {
    /// Binds all listeners, makes the configuration ready and begins to serve it.
    /// Must be called on the runtime that will carry the connections.
    pub(crate) async fn start(
        config: Config,
        reloads: Option<Reloads>,
        mut inherited: Inherited,
    ) -> Result<Self, StartError> {
        let signals = Signals::install().map_err(StartError::Signals)?;
        let mut bind = |address| Bound::inherit(address, &mut inherited);
        let bound = config.listeners.iter().map(|it| bind(it.address));
        let bound: Vec<Bound> = bound.collect::<Result<_, _>>()?;
        let admin = config.admin.as_ref().map(|it| bind(it.address));
        let admin = admin.transpose()?;
        let upstreams = Upstreams::new();
        let snapshot = Snapshot::new(config, &upstreams)?;
        snapshot.ready().await;
        upstreams.begin();
        let (to, orders) = channel();
        let shared = Arc::new(Shared::new(snapshot, upstreams, to, &inherited)?);
        let tracing = shared.snapshot().config.tracing.clone();
        shared
            .traces
            .apply(shared.traces.prepare(tracing.as_ref())?);
        let proxy = Arc::new(proxy(Gateway::new(shared.clone())));
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let gate = Arc::new(Gate::new(proxy.clone(), shared.clone(), nowhere));
        if shared.generations.have_come_after() {
            // Before there is a session here that an older process may be asked for.
            generations::listen(&shared.generations, &gate).map_err(StartError::Generations)?;
        }
        let mut server = Self {
            shared,
            proxy,
            gate,
            listeners: Vec::new(),
            admin: None,
            signals,
            orders,
            // Standard input cannot be read by another process either.
            succession: reloads
                .is_some()
                .then(Succession::of_this_process)
                .and_then(Result::ok),
            reloads,
            watchdog: None,
        };
        server.admin = admin.map(|bound| server.serve_admin(bound));
        for bound in bound {
            let listening = server.serve(bound);
            server.listeners.push(listening);
        }
        server.shared.set_ready(true);
        let hash = &server.shared.snapshot().hash;
        tracing::info!(hash, "ready");
        notify::ready();
        server.watchdog = Some(Watchdog::begin());
        inherited.ready();
        Ok(server)
    }

    /// The addresses that clients connect to, with their real ports.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(Listening::actual)
    }

    /// Serves until told to stop, then drains; or until another process has taken its place, and what is left here has
    /// ended.
    pub(crate) async fn run(mut self) -> End {
        let leave = loop {
            tokio::select! {
                word = self.signals.next() => match word {
                    Word::Stop => break Leave::Told,
                    Word::Reload => {
                        // It is in the log.
                        let _ = self.reload("signal").await;
                    }
                    Word::Upgrade => if let Some(leave) = self.upgrade(None).await {
                        break leave;
                    },
                },
                Some(order) = self.orders.recv() => if let Some(leave) = self.obey(order).await {
                    break leave;
                },
                () = Reloads::changed(self.reloads.as_mut()) => {
                    let _ = self.reload("file change").await;
                }
            }
        };
        let Self {
            shared,
            listeners,
            admin,
            mut signals,
            // Until the end, unless another process speaks for the service.
            watchdog: _watchdog,
            mut orders,
            ..
        } = self;
        let leaving = async {
            match leave {
                Leave::Told => notify::stopping(shared.snapshot().config.drain.timeout.get()),
                Leave::Succeeded => retire(&shared, signals.stop()).await,
            }
            tokio::select! {
                () = drain(&shared, listeners) => End::Drained,
                () = signals.stop() => {
                    tracing::warn!(connections = shared.connections.open(), "stopped at once");
                    End::Forced
                }
            }
        };
        let end = tokio::select! {
            end = leaving => end,
            never = decline(&mut orders) => match never {},
        };
        // Until here it has said that we are not ready.
        if let Some(admin) = admin {
            admin.stop().await;
        }
        if end == End::Drained {
            shared.traces.flush().await;
        }
        // Whoever has ordered this is to hear of it; others may ask nobody any more.
        let _ = timeout(LINGER, shared.operators.none()).await;
        shared.generations.leave();
        end
    }

    async fn obey(&mut self, order: Order) -> Option<Leave> {
        match order {
            Order::Reload(answer) => {
                // Whoever has asked may have gone.
                let _ = answer.send(self.reload("order").await);
                None
            }
            Order::Drain(answer) => {
                let _ = answer.send(Ok(()));
                Some(Leave::Told)
            }
            Order::Upgrade(answer) => self.upgrade(Some(answer)).await,
        }
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

    async fn reload(&mut self, cause: &'static str) -> Result<(), String> {
        let Some(mut reloads) = self.reloads.take() else {
            let why = "this configuration cannot be read again";
            tracing::warn!(why);
            return Err(why.to_owned());
        };
        notify::reloading();
        let reloaded = reloads.reload(self, cause).await;
        notify::ready();
        self.reloads = Some(reloads);
        reloaded
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
