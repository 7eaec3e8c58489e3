//! The files that a configuration names: their mistakes with their places in it, and which are to be watched.

use std::path::{Path as FilePath, PathBuf};

use towpath_conf::{Config, ListenerTls, Mistake, Path, UpstreamTls};

use super::files::{self, FileError};

/// Every certificate and key that is no use.
pub(crate) fn inspect(config: &Config) -> Vec<Mistake> {
    let mut found = Vec::new();
    for (index, listener) in config.listeners.iter().enumerate() {
        if let Some(tls) = &listener.tls {
            let path = Path::default().key("listeners").index(index).key("tls");
            of_listener(tls, &path, &mut found);
        }
    }
    for (name, upstream) in &config.upstreams {
        let path = Path::default().key("upstreams").key(name).key("tls");
        of_upstream(&upstream.tls, &path, &mut found);
    }
    found
}

fn of_upstream(tls: &UpstreamTls, path: &Path, found: &mut Vec<Mistake>) {
    if let Some(Err(error)) = tls.ca.as_deref().map(files::roots) {
        found.push(mistake(path.key("ca"), &error));
    }
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
        of_pair(certificate, key, path, found);
    }
}

/// Says which of the two it is.
fn of_pair(certificate: &FilePath, key: &FilePath, path: &Path, found: &mut Vec<Mistake>) {
    if let Err(error) = files::certified_key(certificate, key) {
        let wrong = match error.path() == key {
            true => "key",
            false => "certificate",
        };
        found.push(mistake(path.key(wrong), &error));
    }
}

fn of_listener(tls: &ListenerTls, path: &Path, found: &mut Vec<Mistake>) {
    for (number, pair) in tls.key_pairs().enumerate() {
        let path = match number.checked_sub(1) {
            None => path.clone(),
            Some(index) => path.key("more").index(index),
        };
        of_pair(&pair.certificate, &pair.key, &path, found);
    }
    if let Some(clients) = &tls.client_certificates
        && let Err(error) = files::roots(&clients.ca)
    {
        found.push(mistake(path.key("client_certificates").key("ca"), &error));
    }
}

fn mistake(path: Path, error: &FileError) -> Mistake {
    Mistake::new(path, error.to_string())
}

/// The files whose change is a change of the configuration.
pub(crate) fn watched(config: &Config) -> Vec<PathBuf> {
    let listeners = config.listeners.iter().filter_map(|l| l.tls.as_ref());
    let listeners = listeners.flat_map(|tls| {
        let pairs = tls.key_pairs();
        let pairs = pairs.flat_map(|pair| [pair.certificate, pair.key]);
        pairs.chain(tls.client_certificates.iter().map(|c| c.ca.clone()))
    });
    let upstreams = config.upstreams.values().map(|upstream| &upstream.tls);
    let upstreams = upstreams.flat_map(|tls| [&tls.ca, &tls.certificate, &tls.key]);
    listeners.chain(upstreams.flatten().cloned()).collect()
}
