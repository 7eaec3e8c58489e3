//! A program file of a story's own: Towpath under another name, to be replaced while it runs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::binary::{binary, target_directory};

/// The file.
#[derive(Debug)]
pub struct Program {
    directory: TempDir,
}

impl Program {
    /// Towpath.
    pub fn towpath() -> Self {
        // Beside the binary, so that it can be linked to.
        let directory = tempfile::tempdir_in(target_directory()).unwrap();
        let this = Self { directory };
        this.restore();
        this
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("towpath")
    }

    /// Where it can write something.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Puts a shell script in its place, as an installer does: what runs keeps the old file.
    pub fn replace(&self, script: &str, mode: u32) {
        self.put(|path| {
            std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        });
    }

    /// Puts Towpath in its place again.
    pub fn restore(&self) {
        self.put(|path| {
            // Another file system than the target directory's has no links to it.
            if std::fs::hard_link(binary(), path).is_err() {
                std::fs::copy(binary(), path).unwrap();
            }
        });
    }

    fn put(&self, write: impl FnOnce(&Path)) {
        let new = self.directory.path().join("new");
        write(&new);
        std::fs::rename(&new, self.path()).unwrap();
        // A link to the same file is not renamed, but stays.
        let _ = std::fs::remove_file(&new);
    }
}
