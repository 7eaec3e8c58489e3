//! Listeners of clients and the operator's: no two sockets can have one address.

use std::net::SocketAddr;

use super::Mistakes;
use crate::error::Path;
use crate::model::Config;

/// More streams than one connection needs.
const MAX_STREAMS: u32 = 10_000;

/// Checks `listeners` and `admin`.
pub(super) fn check(found: &mut Mistakes, config: &Config, root: &Path) {
    let path = root.key("listeners");
    if config.listeners.is_empty() {
        found.add(path.clone(), "expected at least one listener");
    }
    let addresses: Vec<SocketAddr> = config.listeners.iter().map(|l| l.address).collect();
    for (index, address) in addresses.iter().enumerate() {
        if let Some(other) = addresses.iter().take(index).find(|a| clash(**a, *address)) {
            let path = path.index(index).key("address");
            found.add(path, taken(*address, *other, "another listener"));
        }
    }
    for (index, listener) in config.listeners.iter().enumerate() {
        let streams = listener.http2.streams.get();
        if streams > MAX_STREAMS {
            let message = format!("expected at most {MAX_STREAMS} streams, got {streams}");
            found.add(path.index(index).key("http2").key("streams"), message);
        }
    }
    if let Some(admin) = &config.admin
        && admin.token_file.is_none()
        && !admin.address.ip().is_loopback()
    {
        let path = root.key("admin").key("token_file");
        let message = format!(
            "expected a file with a token, since `{}` can be reached from elsewhere",
            admin.address
        );
        found.add(path, message);
    }
    if let Some(admin) = &config.admin
        && let Some(other) = addresses.iter().find(|a| clash(**a, admin.address))
    {
        let path = root.key("admin").key("address");
        found.add(path, taken(admin.address, *other, "a listener for clients"));
    }
}

fn taken(address: SocketAddr, other: SocketAddr, whose: &str) -> String {
    if address == other {
        format!("`{address}` is the address of {whose}; take another port")
    } else {
        format!("`{address}` overlaps with `{other}` of {whose}; take another port")
    }
}

/// Whether the second of two sockets would find its address in use. Any number may ask for a free port. Whether
/// `[::]` takes IPv4 too is the system's choice, so that is left to it.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let same_family = a.is_ipv4() == b.is_ipv4();
    let one_is_all = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || (same_family && one_is_all))
}
