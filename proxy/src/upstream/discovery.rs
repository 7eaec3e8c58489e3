//! Where a group's addresses come from: the configuration, and DNS for what is named there. Names are resolved by the
//! system's resolver, asynchronously; a name that cannot be resolved keeps the addresses it had.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pingora::lb::Backend;
use pingora::lb::discovery::ServiceDiscovery;
use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use towpath_conf::{HostPort, Server};

use super::endpoint::{Endpoint, Endpoints};

/// Asks DNS.
#[async_trait]
pub(crate) trait Resolve: Send + Sync {
    /// All addresses of a name.
    async fn resolve(&self, name: &HostPort) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver: /etc/hosts and DNS.
pub(crate) struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &HostPort) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name.host.as_str(), name.port))
            .await?
            .collect())
    }
}

/// The addresses of one group.
pub(crate) struct Discovery {
    upstream: String,
    servers: Vec<Server>,
    endpoints: Arc<Endpoints>,
    resolver: Arc<dyn Resolve>,
    /// What each name last resolved to, and whether it still does.
    names: Mutex<HashMap<HostPort, Known>>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    addresses: Vec<SocketAddr>,
    failing: bool,
}

impl Discovery {
    pub(crate) fn new(
        upstream: &str,
        servers: &[Server],
        endpoints: Arc<Endpoints>,
        resolver: Arc<dyn Resolve>,
    ) -> Self {
        Self {
            upstream: upstream.to_owned(),
            servers: servers.to_vec(),
            endpoints,
            resolver,
            names: Mutex::default(),
        }
    }

    async fn addresses(&self, name: &HostPort) -> Vec<SocketAddr> {
        if let Some(address) = name.ip() {
            return vec![address];
        }
        let resolved = self.resolver.resolve(name).await;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.entry(name.clone()).or_default();
        match resolved {
            Ok(addresses) if !addresses.is_empty() => {
                if known.failing {
                    tracing::info!(upstream = self.upstream, %name, "name resolves again");
                }
                *known = Known {
                    addresses,
                    failing: false,
                };
            }
            failed => {
                // Said once, not every time.
                if !known.failing {
                    let error = failed
                        .err()
                        .map_or_else(|| "no addresses".to_owned(), |e| e.to_string());
                    let kept = known.addresses.len();
                    tracing::warn!(upstream = self.upstream, %name, error, kept, "name does not resolve");
                }
                known.failing = true;
            }
        }
        known.addresses.clone()
    }
}

#[async_trait]
impl ServiceDiscovery for Discovery {
    async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let mut weights: HashMap<SocketAddr, usize> = HashMap::new();
        for server in &self.servers {
            let weight = usize::try_from(server.weight.get()).unwrap_or(usize::MAX);
            for address in self.addresses(&server.address).await {
                // Two names may lead to one address; it then has the share of both.
                *weights.entry(address).or_default() += weight;
            }
        }
        let backend = |(address, weight)| {
            let mut backend = Backend {
                addr: PingoraAddr::Inet(address),
                weight,
                ext: Default::default(),
            };
            backend.ext.insert(self.endpoints.get(address));
            backend
        };
        Ok((weights.into_iter().map(backend).collect(), HashMap::new()))
    }
}

/// The endpoint that discovery attached to a backend.
pub(crate) fn endpoint(backend: &Backend) -> Option<&Arc<Endpoint>> {
    backend.ext.get::<Arc<Endpoint>>()
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A resolver whose answers a test sets.
    #[derive(Default)]
    pub(crate) struct Scripted(Mutex<Vec<SocketAddr>>);

    impl Scripted {
        pub(crate) fn answer(&self, addresses: &[&str]) {
            *self.0.lock().unwrap() = addresses.iter().map(|a| a.parse().unwrap()).collect();
        }
    }

    #[async_trait]
    impl Resolve for Scripted {
        async fn resolve(&self, _: &HostPort) -> io::Result<Vec<SocketAddr>> {
            let addresses = self.0.lock().unwrap().clone();
            if addresses.is_empty() {
                Err(io::Error::other("no such name"))
            } else {
                Ok(addresses)
            }
        }
    }

    async fn discover(discovery: &Discovery) -> Vec<String> {
        let (backends, _) = discovery.discover().await.unwrap();
        backends
            .iter()
            .map(|backend| format!("{} x{}", backend.addr, backend.weight))
            .collect()
    }

    #[tokio::test]
    async fn a_name_stands_for_all_its_addresses_and_follows_dns() {
        let resolver = Arc::new(Scripted::default());
        let servers = [Server {
            address: "app:80".parse().unwrap(),
            weight: 2.try_into().unwrap(),
        }];
        let discovery = Discovery::new("app", &servers, Arc::default(), resolver.clone());
        resolver.answer(&["127.0.0.1:80", "127.0.0.2:80"]);
        assert_eq!(
            discover(&discovery).await,
            ["127.0.0.1:80 x2", "127.0.0.2:80 x2"]
        );
        resolver.answer(&["127.0.0.3:80"]);
        assert_eq!(discover(&discovery).await, ["127.0.0.3:80 x2"]);
        resolver.answer(&[]);
        assert_eq!(
            discover(&discovery).await,
            ["127.0.0.3:80 x2"],
            "a failure keeps what was known"
        );
    }

    #[tokio::test]
    async fn an_address_asks_nobody() {
        let servers = [Server {
            address: "[::1]:80".parse().unwrap(),
            weight: 1.try_into().unwrap(),
        }];
        let discovery = Discovery::new(
            "app",
            &servers,
            Arc::default(),
            Arc::new(Scripted::default()),
        );
        assert_eq!(discover(&discovery).await, ["[::1]:80 x1"]);
    }
}
