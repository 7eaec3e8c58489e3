//! Files that nobody but the proxy should read: keys, and the hashes of passwords.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

const OTHERS_READ: u32 = 0o004;

/// Says so if every user of the machine can read `file`. It is no reason not to start.
pub(crate) fn warn_of_readers(file: &Path) {
    if std::fs::metadata(file).is_ok_and(|it| it.mode() & OTHERS_READ != 0) {
        tracing::warn!(file = %file.display(), "everybody on this machine can read this secret");
    }
}
