//! The directory that all generations share, and that only their user may enter. Each has a place of its own in it, named
//! by its number, from when it serves until it ends: whoever is there is found by a look, and nobody is told of anybody.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use towpath_conf::Scheme;

/// Which generation a process is; the first is 0.
pub(crate) type Number = u32;

/// The directory.
#[derive(Debug)]
pub(super) struct Family(PathBuf);

/// Another process, older or younger, that may have sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relative {
    pub(super) number: Number,
    place: PathBuf,
}

impl Relative {
    /// Where it takes requests of clients that have spoken this scheme.
    pub(super) fn socket(&self, scheme: Scheme) -> PathBuf {
        socket(&self.place, scheme)
    }
}

impl Family {
    /// A new one, in the directory that systemd gives the service, or in the system's temporary one.
    pub(super) fn found() -> io::Result<Self> {
        let parent = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from);
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let random = u64::from_ne_bytes(random);
        let path = parent.join(format!("towpath-{random:016x}"));
        make(&path)?;
        // A directory that somebody else has put there is none of ours.
        let own = std::fs::symlink_metadata(&path)?.uid();
        let process = std::fs::metadata("/proc/self")?.uid();
        if own != process {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(Self(path))
    }

    /// The one that an older process has said.
    pub(super) fn at(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.0
    }

    /// Where a process is that serves.
    pub(super) fn place(&self, number: Number) -> PathBuf {
        self.0.join(number.to_string())
    }

    /// Makes a process' place with `furnish`. It is seen once all is there: whoever came to a half-made one would take
    /// its process for dead.
    pub(super) fn settle<T>(
        &self,
        number: Number,
        furnish: impl FnOnce(&Path) -> io::Result<T>,
    ) -> io::Result<T> {
        let unseen = self.unseen(number);
        make(&unseen)?;
        let furnished = furnish(&unseen)?;
        std::fs::rename(unseen, self.place(number))?;
        Ok(furnished)
    }

    /// All that are there, the youngest first.
    pub(super) fn members(&self) -> Vec<Relative> {
        let Ok(entries) = std::fs::read_dir(&self.0) else {
            return Vec::new();
        };
        let relative = |entry: std::fs::DirEntry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some(Relative {
                number,
                place: entry.path(),
            })
        };
        let mut all: Vec<_> = entries.flatten().filter_map(relative).collect();
        all.sort_unstable_by_key(|it| std::cmp::Reverse(it.number));
        all
    }

    /// Takes away what a process has left, and the directory with the last of them.
    pub(super) fn clear(&self, number: Number) {
        // Others may have done it, and most have left nothing unseen.
        let _ = std::fs::remove_dir_all(self.place(number));
        let _ = std::fs::remove_dir_all(self.unseen(number));
        let _ = std::fs::remove_dir(&self.0);
    }

    fn unseen(&self, number: Number) -> PathBuf {
        self.0.join(format!("{number}.new"))
    }
}

/// A directory for nobody else.
fn make(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// The socket in a process' place for clients that have spoken this scheme.
pub(super) fn socket(place: &Path, scheme: Scheme) -> PathBuf {
    place.join(match scheme {
        Scheme::Https => "https.sock",
        Scheme::Http => "http.sock",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_private_and_goes_with_the_last() {
        let family = Family::found().unwrap();
        let mode = std::fs::metadata(family.directory()).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        for number in [0, 1] {
            family.settle(number, |_| Ok(())).unwrap();
        }
        family.clear(0);
        assert!(family.directory().exists());
        family.clear(1);
        assert!(!family.directory().exists());
    }

    #[test]
    fn the_youngest_are_first_and_who_is_not_ready_is_not_seen() {
        let family = Family::found().unwrap();
        for number in [2, 10] {
            family.settle(number, |_| Ok(())).unwrap();
        }
        let numbers = |family: &Family| {
            let members = family.members().into_iter();
            members.map(|it| it.number).collect::<Vec<_>>()
        };
        let seen_within = family.settle(11, |_| Ok(numbers(&family))).unwrap();
        assert_eq!(seen_within, [10, 2]);
        assert_eq!(numbers(&family), [11, 10, 2]);
        for number in [2, 10, 11] {
            family.clear(number);
        }
    }
}
