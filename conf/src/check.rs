//! What makes sense and what does not, in a configuration that has the right shape: references, names that mean
//! something to HTTP, numbers that contradict each other. All mistakes are collected.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::address::HostPort;
use crate::error::{Mistake, Path};
use crate::model::{Balance, Config, HashOn, HeaderChanges, Listener, Route, Timeouts, Upstream};
use crate::units::{Duration, OrOff};

/// Fields that belong to a connection or to the WebSocket handshake and not to the operator.
const RESERVED: &[&str] = &[
    "connection",
    "upgrade",
    "transfer-encoding",
    "content-length",
    "te",
    "trailer",
    "keep-alive",
];
const RESERVED_PREFIX: &str = "sec-websocket-";

/// Bounds of `limits.header_size`.
const HEADER_SIZES: std::ops::RangeInclusive<u64> = (1 << 10)..=(1 << 20);

/// All mistakes in `config`.
pub(crate) fn check(config: &Config) -> Vec<Mistake> {
    let mut found = Mistakes(Vec::new());
    let root = Path::default();
    found.listeners(config, &root);
    for (name, upstream) in &config.upstreams {
        found.upstream(upstream, &root.key("upstreams").key(name));
    }
    found.routes(config, &root.key("routes"));
    found.timeouts(&config.timeouts, &root.key("timeouts"));
    found.limits(config, &root.key("limits"));
    let drain = &config.drain;
    if drain.delay.get() + drain.spread.get() > drain.timeout.get() {
        let message = format!(
            "expected at least delay and spread together ({} + {}), got {}",
            drain.delay, drain.spread, drain.timeout
        );
        found.add(root.key("drain").key("timeout"), message);
    }
    found.0
}

struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, path: Path, message: impl Into<String>) {
        self.0.push(Mistake::new(path, message));
    }

    fn not_zero(&mut self, duration: Duration, path: Path) {
        if duration.is_zero() {
            self.add(path, "expected a duration longer than 0s");
        }
    }

    fn listeners(&mut self, config: &Config, root: &Path) {
        let mut seen = HashSet::new();
        for (index, Listener { address }) in config.listeners.iter().enumerate() {
            // Any number of listeners may ask for a free port.
            if address.port() != 0 && !seen.insert(*address) {
                let path = root.key("listeners").index(index).key("address");
                self.add(path, format!("`{address}` is listed twice"));
            }
        }
        if config.listeners.is_empty() {
            self.add(root.key("listeners"), "expected at least one listener");
        }
        if let Some(admin) = config
            .admin
            .as_ref()
            .filter(|admin| seen.contains(&admin.address))
        {
            let message = format!(
                "`{}` is a listener for clients; take another port",
                admin.address
            );
            self.add(root.key("admin").key("address"), message);
        }
    }

    fn upstream(&mut self, upstream: &Upstream, path: &Path) {
        if upstream.servers.is_empty() {
            self.add(path.key("servers"), "expected at least one server");
        }
        let mut seen = HashSet::new();
        for (index, server) in upstream.servers.iter().enumerate() {
            if !seen.insert(&server.address) {
                let message = format!(
                    "`{}` is listed twice; give it a weight instead",
                    server.address
                );
                self.add(path.key("servers").index(index), message);
            }
        }
        if upstream.balance != Balance::Hash && upstream.hash != HashOn::default() {
            self.add(
                path.key("hash"),
                "means something only with `balance: hash`",
            );
        }
        match &upstream.hash {
            HashOn::Header(name) => self.header_name(name, path.key("hash").key("header")),
            HashOn::Cookie(name) | HashOn::Query(name) if name.is_empty() => {
                self.add(path.key("hash"), "expected a name, got nothing");
            }
            HashOn::Cookie(_) | HashOn::Query(_) | HashOn::ClientAddress => {}
        }
        self.not_zero(upstream.resolve, path.key("resolve"));
        if let Some(health) = &upstream.health {
            let path = path.key("health");
            self.not_zero(health.interval, path.key("interval"));
            self.not_zero(health.timeout, path.key("timeout"));
            if let Some(wrong) = health.path.as_ref().filter(|path| !path.starts_with('/')) {
                self.add(
                    path.key("path"),
                    format!("expected a path that begins with `/`, got `{wrong}`"),
                );
            }
        }
    }

    fn routes(&mut self, config: &Config, path: &Path) {
        if config.routes.is_empty() {
            self.add(path.clone(), "expected at least one route");
        }
        let mut first: HashMap<String, usize> = HashMap::new();
        for (index, route) in config.routes.iter().enumerate() {
            let path = path.index(index);
            self.route(config, route, &path);
            let earlier = *first.entry(matches_of(route)).or_insert(index);
            if earlier != index {
                self.add(
                    path,
                    format!("matches the same requests as routes[{earlier}], which wins"),
                );
            }
        }
    }

    fn route(&mut self, config: &Config, route: &Route, path: &Path) {
        self.reference(config, &route.upstream, path.key("upstream"));
        for (index, method) in route.methods.iter().enumerate() {
            if !is_token(method) || method.bytes().any(|b| b.is_ascii_lowercase()) {
                let path = path.key("methods").index(index);
                self.add(
                    path,
                    format!("expected a method such as GET, got `{method}`"),
                );
            }
        }
        for name in route.headers.keys() {
            self.header_name(name, path.key("headers").key(name));
        }
        self.changes(&route.request_headers, &path.key("request_headers"));
        self.changes(&route.response_headers, &path.key("response_headers"));
        let own = &route.timeouts;
        for (key, timeout) in [
            ("connect", own.connect),
            ("response", own.response),
            ("read", own.read),
        ] {
            if let Some(timeout) = timeout {
                self.not_zero(timeout, path.key("timeouts").key(key));
            }
        }
        self.websocket(route, &path.key("websocket"));
    }

    fn websocket(&mut self, route: &Route, path: &Path) {
        let websocket = &route.websocket;
        self.not_zero(websocket.ping_timeout, path.key("ping_timeout"));
        for (key, value) in [
            ("ping", websocket.ping),
            ("idle_timeout", websocket.idle_timeout),
        ] {
            if let OrOff::On(duration) = value {
                self.not_zero(duration, path.key(key));
            }
        }
        if websocket
            .max_message
            .get()
            .is_some_and(|max| max.get() == 0)
        {
            self.add(
                path.key("max_message"),
                "expected a size above 0B, or `off`",
            );
        }
    }

    fn reference(&mut self, config: &Config, upstream: &str, path: Path) {
        if config.upstreams.contains_key(upstream) {
            return;
        }
        if upstream.contains(':') || upstream.contains('/') {
            if let Err(error) = upstream.parse::<HostPort>() {
                self.add(path, error.to_string());
            }
            return;
        }
        let names = config.upstreams.keys().map(String::as_str);
        let message = format!("expected a name from `upstreams` or host:port, got `{upstream}`");
        self.0
            .push(Mistake::new(path, message).suggest(upstream, names));
    }

    fn header_name(&mut self, name: &str, path: Path) {
        if !is_token(name) {
            self.add(path, format!("expected the name of a header, got `{name}`"));
        }
    }

    fn changes(&mut self, changes: &HeaderChanges, path: &Path) {
        self.values(&changes.set, &path.key("set"));
        self.values(&changes.add, &path.key("add"));
        for (index, name) in changes.remove.iter().enumerate() {
            self.changeable(name, path.key("remove").index(index));
        }
    }

    fn values(&mut self, values: &BTreeMap<String, String>, path: &Path) {
        for (name, value) in values {
            self.changeable(name, path.key(name));
            if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
                self.add(
                    path.key(name),
                    "expected a value without control characters",
                );
            }
        }
    }

    fn changeable(&mut self, name: &str, path: Path) {
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) || lower.starts_with(RESERVED_PREFIX) {
            self.add(
                path,
                format!("`{name}` belongs to the connection and cannot be changed"),
            );
        } else {
            self.header_name(name, path);
        }
    }

    fn timeouts(&mut self, timeouts: &Timeouts, path: &Path) {
        for (key, timeout) in [
            ("connect", timeouts.connect),
            ("response", timeouts.response),
            ("read", timeouts.read),
            ("write", timeouts.write),
            ("request_header", timeouts.request_header),
            ("keep_alive", timeouts.keep_alive),
        ] {
            self.not_zero(timeout, path.key(key));
        }
    }

    fn limits(&mut self, config: &Config, path: &Path) {
        let size = config.limits.header_size;
        if !HEADER_SIZES.contains(&size.get()) {
            self.add(
                path.key("header_size"),
                format!("expected a size from 1KiB to 1MiB, got {size}"),
            );
        }
    }
}

/// Two routes with the same text here match the same requests.
fn matches_of(route: &Route) -> String {
    let Route {
        host,
        path,
        methods,
        headers,
        query,
        ..
    } = route;
    format!("{host:?} {path:?} {methods:?} {headers:?} {query:?}")
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
