//! Loading a configuration with the files that it names, and noticing that one of them has changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use towpath_conf::{Config, Errors, Source};

use crate::{admin, filters, tls};

/// Loads a configuration and looks into the files that it names.
///
/// # Errors
/// Every mistake there is, with its place.
pub(crate) fn load(source: &Source) -> Result<Config, Errors> {
    let inspect = |config: &Config| {
        [
            tls::inspect(config),
            filters::inspect(config),
            admin::inspect(config),
        ]
        .concat()
    };
    Config::load_and_inspect(source, &|name| std::env::var(name).ok(), &inspect)
}

/// The files that a configuration names, whose change is a change of it.
pub(crate) fn named_files(config: &Config) -> Vec<PathBuf> {
    let mut files = tls::watched(config);
    files.extend(filters::watched(config));
    files.extend(admin::watched(config));
    files
}

/// A number that changes when the texts do, or what stands in the files that they name. A file that cannot be read
/// just now counts as another one than before. Stable within one process only.
pub(crate) fn fingerprint(source: &Source, named: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    source.fingerprint().hash(&mut hasher);
    for path in named {
        content(path).hash(&mut hasher);
    }
    hasher.finish()
}

/// A short name for what a configuration says, the same wherever it says the same.
pub(crate) fn hash(config: &Config) -> String {
    let text = serde_json::to_vec(config).unwrap_or_default();
    let digest = Sha256::digest(&text);
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn content(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_named_file_is_a_part_of_what_is_watched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("site.pem");
        let source = Source::from_text("towpath.yaml", "routes: []");
        let now = || fingerprint(&source, std::slice::from_ref(&path));
        let missing = now();
        std::fs::write(&path, "one").unwrap();
        let one = now();
        assert_ne!(missing, one);
        assert_eq!(one, now(), "nothing has changed");
        std::fs::write(&path, "two").unwrap();
        assert_ne!(one, now());
    }
}
