//! Where a group's addresses come from: the configuration, and DNS for what is named there. Names are resolved by the
//! system's resolver, asynchronously; a name that cannot be resolved keeps the addresses it had.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;
use pingora::lb::Backend;
use pingora::lb::discovery::ServiceDiscovery;
use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use towpath_conf::{HostPort, Server};

use super::endpoint::{Endpoint, Endpoints};
use super::health::LastFault;
use super::sticky::Sticky;

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

/// The names of one group, and what each last resolved to.
pub(crate) struct Names {
    upstream: String,
    resolver: Arc<dyn Resolve>,
    denied: Vec<IpNet>,
    known: Mutex<HashMap<HostPort, Known>>,
}

/// What a name last resolved to, and whether it still does.
#[derive(Clone, Debug, Default)]
struct Known {
    addresses: BTreeSet<SocketAddr>,
    failing: bool,
}

impl Names {
    /// `denied` networks are not gone to, whatever DNS says.
    pub(crate) fn new(upstream: &str, resolver: Arc<dyn Resolve>, denied: &[IpNet]) -> Self {
        Self {
            upstream: upstream.to_owned(),
            resolver,
            denied: denied.to_vec(),
            known: Mutex::default(),
        }
    }

    /// Takes over what `before` knows of the names of `servers`.
    pub(crate) fn inherit(&self, before: &Self, servers: &[Server]) {
        let (mut known, before) = (self.lock(), before.lock());
        for name in servers.iter().map(|server| &server.address) {
            if let Some(found) = before.get(name) {
                known.insert(name.clone(), found.clone());
            }
        }
    }

    /// Asks the resolver for one name. May take as long as the resolver does: tens of seconds where DNS is dead.
    pub(crate) async fn look_up(&self, name: &HostPort) {
        let resolved = self.resolver.resolve(name).await;
        let resolved = resolved.map(|addresses| self.allowed(name, addresses));
        let mut known = self.lock();
        let known = known.entry(name.clone()).or_default();
        match resolved {
            Ok(addresses) if !addresses.is_empty() => {
                if known.failing {
                    tracing::info!(upstream = self.upstream, %name, "name resolves again");
                }
                *known = Known {
                    // A set, since resolvers may name an address twice, which must not double its share.
                    addresses: addresses.into_iter().collect(),
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
    }

    /// Those of a name's addresses that may be gone to.
    fn allowed(&self, name: &HostPort, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        addresses.retain(|address| {
            let denied = self.is_denied(address);
            if denied {
                tracing::warn!(upstream = self.upstream, %name, %address, "name leads to a denied network");
            }
            !denied
        });
        addresses
    }

    fn is_denied(&self, address: &SocketAddr) -> bool {
        let address = address.ip().to_canonical();
        self.denied.iter().any(|network| network.contains(&address))
    }

    /// What is known of a server's address now.
    fn addresses(&self, server: &HostPort) -> BTreeSet<SocketAddr> {
        match server.ip() {
            Some(address) => BTreeSet::from([address]),
            None => self
                .lock()
                .get(server)
                .map(|known| known.addresses.iter())
                .into_iter()
                .flatten()
                // What was learnt under another configuration may be denied by now.
                .filter(|address| !self.is_denied(address))
                .copied()
                .collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HostPort, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses of one group, as they are known now: it waits for nobody, so that a name that takes long to resolve
/// keeps none of the others back.
pub(crate) struct Discovery {
    servers: Vec<Server>,
    names: Arc<Names>,
    endpoints: Arc<Endpoints>,
    sticky: Option<Sticky>,
    slow_start: Option<Duration>,
}

impl Discovery {
    pub(crate) fn new(servers: &[Server], names: Arc<Names>, endpoints: Arc<Endpoints>) -> Self {
        Self {
            servers: servers.to_vec(),
            names,
            endpoints,
            sticky: None,
            slow_start: None,
        }
    }

    /// Each server has a cookie's value, so that none is computed while a request waits.
    pub(crate) fn with_cookies(mut self, sticky: Option<Sticky>) -> Self {
        self.sticky = sticky;
        self
    }

    /// Each server warms up for so long.
    pub(crate) fn with_slow_start(mut self, slow_start: Option<Duration>) -> Self {
        self.slow_start = slow_start;
        self
    }
}

#[async_trait]
impl ServiceDiscovery for Discovery {
    async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let mut weights: HashMap<SocketAddr, usize> = HashMap::new();
        for server in &self.servers {
            let weight = usize::try_from(server.weight.get()).unwrap_or(usize::MAX);
            for address in self.names.addresses(&server.address) {
                // Two names may lead to one address; it then has the share of both.
                let sum = weights.entry(address).or_default();
                *sum = sum.saturating_add(weight);
            }
        }
        let backend = |(address, weight)| {
            let mut backend = Backend {
                addr: PingoraAddr::Inet(address),
                weight,
                ext: Default::default(),
            };
            let endpoint = self.endpoints.get(&self.names.upstream, address);
            backend.ext.insert(endpoint);
            if let Some(sticky) = &self.sticky {
                backend.ext.insert(CookieValue(sticky.value(address)));
            }
            if let Some(slow_start) = self.slow_start {
                backend.ext.insert(SlowStart(slow_start));
            }
            backend.ext.insert(LastFault::default());
            backend
        };
        Ok((weights.into_iter().map(backend).collect(), HashMap::new()))
    }
}

#[derive(Clone)]
struct CookieValue(String);

#[derive(Clone)]
struct SlowStart(Duration);

/// The cookie's value that stands for a backend, where its group sets cookies.
pub(crate) fn cookie_value(backend: &Backend) -> Option<&str> {
    backend
        .ext
        .get::<CookieValue>()
        .map(|CookieValue(value)| value.as_str())
}

/// How long a backend warms up, where it does.
pub(crate) fn slow_start(backend: &Backend) -> Option<Duration> {
    backend.ext.get::<SlowStart>().map(|SlowStart(long)| *long)
}

/// The endpoint that discovery attached to a backend.
pub(crate) fn endpoint(backend: &Backend) -> Option<&Arc<Endpoint>> {
    backend.ext.get::<Arc<Endpoint>>()
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
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

    pub(crate) fn server(address: &str, weight: u32) -> Server {
        Server {
            address: address.parse().unwrap(),
            weight: weight.try_into().unwrap(),
        }
    }

    async fn found(servers: &[Server], names: &Arc<Names>) -> Vec<String> {
        let discovery = Discovery::new(servers, names.clone(), Arc::default());
        let (backends, _) = discovery.discover().await.unwrap();
        backends
            .iter()
            .map(|backend| format!("{} x{}", backend.addr, backend.weight))
            .collect()
    }

    #[tokio::test]
    async fn a_name_stands_for_all_its_addresses_and_follows_dns() {
        let resolver = Arc::new(Scripted::default());
        let names = Arc::new(Names::new("app", resolver.clone(), &[]));
        let servers = [server("app:80", 2)];
        let name = &servers[0].address;
        resolver.answer(&["127.0.0.1:80", "127.0.0.2:80"]);
        names.look_up(name).await;
        assert_eq!(
            found(&servers, &names).await,
            ["127.0.0.1:80 x2", "127.0.0.2:80 x2"]
        );
        resolver.answer(&["127.0.0.3:80"]);
        names.look_up(name).await;
        assert_eq!(found(&servers, &names).await, ["127.0.0.3:80 x2"]);
        resolver.answer(&[]);
        names.look_up(name).await;
        assert_eq!(
            found(&servers, &names).await,
            ["127.0.0.3:80 x2"],
            "a failure keeps what was known"
        );
    }

    /// E5.
    #[tokio::test]
    async fn a_name_does_not_lead_to_a_denied_network() {
        let resolver = Arc::new(Scripted::default());
        let servers = [server("app:80", 1)];
        let name = &servers[0].address;
        resolver.answer(&[
            "169.254.169.254:80",
            "[::ffff:169.254.0.1]:80",
            "10.0.0.1:80",
        ]);
        let before = Names::new("app", resolver.clone(), &[]);
        before.look_up(name).await;
        let denied = ["169.254.0.0/16".parse().unwrap()];
        let names = Arc::new(Names::new("app", resolver.clone(), &denied));
        names.inherit(&before, &servers);
        assert_eq!(
            found(&servers, &names).await,
            ["10.0.0.1:80 x1"],
            "learnt before"
        );
        names.look_up(name).await;
        assert_eq!(found(&servers, &names).await, ["10.0.0.1:80 x1"]);
        resolver.answer(&["169.254.169.254:80"]);
        names.look_up(name).await;
        assert_eq!(
            found(&servers, &names).await,
            ["10.0.0.1:80 x1"],
            "as if it did not resolve"
        );
    }

    #[tokio::test]
    async fn an_address_counts_once_for_a_name_and_for_each_name() {
        let resolver = Arc::new(Scripted::default());
        let names = Arc::new(Names::new("app", resolver.clone(), &[]));
        let servers = [server("one:80", 2), server("two:80", 3)];
        resolver.answer(&["127.0.0.1:80", "127.0.0.1:80"]);
        names.look_up(&servers[0].address).await;
        assert_eq!(found(&servers, &names).await, ["127.0.0.1:80 x2"]);
        names.look_up(&servers[1].address).await;
        assert_eq!(found(&servers, &names).await, ["127.0.0.1:80 x5"]);
    }

    #[tokio::test]
    async fn an_address_asks_nobody() {
        let names = Arc::new(Names::new("app", Arc::new(Scripted::default()), &[]));
        let servers = [server("[::1]:80", 1)];
        assert_eq!(found(&servers, &names).await, ["[::1]:80 x1"]);
    }
}
