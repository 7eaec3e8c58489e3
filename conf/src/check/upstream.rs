//! One upstream group: its name, its servers, its balance, its health checks.

use std::collections::HashSet;

use super::{Mistakes, fields};
use crate::address::{HostPort, is_host};
use crate::error::{Mistake, Path};
use crate::upstream::{Balance, HashOn, Health, Upstream};

/// Balancing keeps as many entries for a server as its weight, and a hash ring many times that.
const MAX_WEIGHT: u32 = 256;

/// Checks the group `name` at `path`.
pub(super) fn check(found: &mut Mistakes, name: &str, upstream: &Upstream, path: &Path) {
    // A route could not tell `a:1` from an address.
    if name.is_empty() || name.contains(|c: char| c == ':' || c == '/' || !c.is_ascii_graphic()) {
        let message =
            format!("expected a name without `:`, `/`, spaces and non-ASCII letters, got `{name}`");
        found.push(Mistake::new(path.clone(), message).at_key());
    }
    servers(found, upstream, &path.key("servers"));
    hash(found, upstream, path);
    experience(found, upstream, path);
    introduction(found, upstream, path);
    tls(found, upstream, path);
    found.not_zero(upstream.resolve, path.key("resolve"));
    if let Some(health) = &upstream.health {
        check_health(found, health, &path.key("health"));
    }
}

fn servers(found: &mut Mistakes, upstream: &Upstream, path: &Path) {
    if upstream.servers.is_empty() {
        found.add(path.clone(), "expected at least one server");
    }
    let mut seen = HashSet::new();
    for (index, server) in upstream.servers.iter().enumerate() {
        let path = path.index(index);
        if !seen.insert(&server.address) {
            let address = &server.address;
            let message = format!("`{address}` is listed twice; give it a weight instead");
            found.add(path.clone(), message);
        }
        let weight = server.weight.get();
        if weight > MAX_WEIGHT {
            let message = format!("expected a number from 1 to {MAX_WEIGHT}, got {weight}");
            found.add(path.key("weight"), message);
        }
    }
}

/// A hash says by itself who goes where.
fn experience(found: &mut Mistakes, upstream: &Upstream, above: &Path) {
    let is_hash = upstream.balance == Balance::Hash;
    for (key, is_set) in [
        ("sticky", upstream.sticky.enabled),
        ("slow_start", upstream.slow_start.get().is_some()),
    ] {
        if is_hash && is_set {
            let mistake = Mistake::new(above.key(key), "means nothing with `balance: hash`");
            found.push(mistake.because([above.key("balance")]));
        }
    }
    if let Some(slow_start) = upstream.slow_start.get() {
        found.not_zero(slow_start, above.key("slow_start"));
    }
    let path = above.key("sticky");
    if !fields::is_token(&upstream.sticky.cookie) {
        let message = format!("expected a cookie's name, got `{}`", upstream.sticky.cookie);
        found.add(path.key("cookie"), message);
    }
    if upstream
        .sticky
        .secret
        .as_ref()
        .is_some_and(|secret| secret.len() < 16)
    {
        found.add(path.key("secret"), "expected at least 16 characters");
    }
    let path = above.key("outliers");
    found.not_zero(upstream.outliers.eject, path.key("eject"));
    if upstream.outliers.max_ejected > 100 {
        let message = format!(
            "expected at most 100 percent, got {}",
            upstream.outliers.max_ejected
        );
        found.add(path.key("max_ejected"), message);
    }
}

/// Requests of several clients share a connection of HTTP/2.
fn introduction(found: &mut Mistakes, upstream: &Upstream, above: &Path) {
    if upstream.http2 && upstream.proxy_protocol.get().is_some() {
        let message = "means nothing with `http2`, whose connections are not one client's";
        let mistake = Mistake::new(above.key("proxy_protocol"), message);
        found.push(mistake.because([above.key("http2")]));
    }
}

/// pingora verifies nothing where there is no name to verify.
fn tls(found: &mut Mistakes, upstream: &Upstream, above: &Path) {
    let (tls, path) = (&upstream.tls, above.key("tls"));
    if tls.enabled && tls.verify && upstream.server_name().is_none() {
        let message = "expected a `server_name`: the servers have no DNS name, or several, \
                       and their certificates would go unverified";
        let mistake = Mistake::new(path.clone(), message);
        found.push(mistake.because([above.key("servers")]));
    }
    if let Some(name) = tls.server_name.as_ref().filter(|name| !is_host(name)) {
        let message = format!("expected a DNS name or an IP address, got `{name}`");
        found.add(path.key("server_name"), message);
    }
    for (one, other, has_one, has_other) in [
        (
            "certificate",
            "key",
            tls.certificate.is_some(),
            tls.key.is_some(),
        ),
        (
            "key",
            "certificate",
            tls.key.is_some(),
            tls.certificate.is_some(),
        ),
    ] {
        if has_one && !has_other {
            let message = format!("means nothing without `{other}`");
            found.add(path.key(one), message);
        }
    }
}

fn hash(found: &mut Mistakes, upstream: &Upstream, above: &Path) {
    let path = above.key("hash");
    if upstream.balance != Balance::Hash && upstream.hash != HashOn::default() {
        let mistake = Mistake::new(path.clone(), "means something only with `balance: hash`");
        found.push(mistake.because([above.clone()]));
    }
    match &upstream.hash {
        HashOn::Header(name) => fields::header_name(found, name, path.key("header")),
        HashOn::Cookie(name) => not_empty(found, name, path.key("cookie")),
        HashOn::Query(name) => not_empty(found, name, path.key("query")),
        HashOn::ClientAddress => {}
    }
}

fn not_empty(found: &mut Mistakes, name: &str, path: Path) {
    if name.is_empty() {
        found.add(path, "expected a name, got nothing");
    }
}

fn check_health(found: &mut Mistakes, health: &Health, path: &Path) {
    found.not_zero(health.interval, path.key("interval"));
    found.not_zero(health.timeout, path.key("timeout"));
    let wire = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    if let Some(wrong) = &health.path
        && !(wrong.starts_with('/') && wire(wrong))
    {
        let message =
            format!("expected a path that begins with `/`, in percent-encoding, got `{wrong}`");
        found.add(path.key("path"), message);
    }
    if let Some(wrong) = &health.host
        && !(is_host(wrong) || wrong.parse::<HostPort>().is_ok())
    {
        let message = format!("expected a host or host:port, got `{wrong}`");
        found.add(path.key("host"), message);
    }
}
