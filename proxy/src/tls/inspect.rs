//! The files that a configuration names: their mistakes with their places in it, and which are to be watched.

use std::path::PathBuf;

use towpath_conf::{Config, ListenerTls, Mistake, Path};

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
    found
}

fn of_listener(tls: &ListenerTls, path: &Path, found: &mut Vec<Mistake>) {
    for (number, pair) in tls.key_pairs().enumerate() {
        let path = match number.checked_sub(1) {
            None => path.clone(),
            Some(index) => path.key("more").index(index),
        };
        if let Err(error) = files::certified_key(&pair.certificate, &pair.key) {
            let key = match error.path() == pair.key {
                true => "key",
                false => "certificate",
            };
            found.push(mistake(path.key(key), &error));
        }
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
    let tls = config.listeners.iter().filter_map(|l| l.tls.as_ref());
    tls.flat_map(|tls| {
        let pairs = tls.key_pairs();
        let pairs = pairs.flat_map(|pair| [pair.certificate, pair.key]);
        pairs.chain(tls.client_certificates.iter().map(|c| c.ca.clone()))
    })
    .collect()
}
