//! Several generations of the process on one machine: a new one takes the listening sockets over (`succession`), the old
//! one keeps what it has until that ends, and requests of its sessions reach it through the new one (`elsewhere`), over
//! sockets in a directory of its own that nobody else may enter (`inner`).

mod elsewhere;
mod handover;
mod inherited;
mod inner;
mod succession;

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use towpath_conf::Scheme;
use towpath_fallback::Key;

pub(crate) use elsewhere::elsewhere;
pub(crate) use inherited::Inherited;
pub(crate) use inner::listen;
pub(crate) use succession::{Succession, UpgradeError};

/// An older process that still has sessions, by the directory of its sockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Predecessor {
    directory: PathBuf,
}

impl Predecessor {
    /// Where it takes requests of clients that have spoken this scheme.
    fn socket(&self, scheme: Scheme) -> PathBuf {
        socket(&self.directory, scheme)
    }

    /// Whether its process is still there, as far as that shows.
    fn is_there(&self) -> bool {
        self.directory.exists()
    }
}

fn socket(directory: &Path, scheme: Scheme) -> PathBuf {
    directory.join(match scheme {
        Scheme::Https => "https.sock",
        Scheme::Http => "http.sock",
    })
}

/// This process among the others.
#[derive(Debug)]
pub(crate) struct Generations {
    /// What SockJS' tickets are signed with, by all generations.
    key: Key,
    /// The youngest first.
    predecessors: ArcSwap<Vec<Predecessor>>,
    /// Made when it is first needed.
    home: OnceLock<Home>,
}

impl Generations {
    /// A process that comes after `predecessors`, the youngest first.
    pub(crate) fn after(key: Key, predecessors: Vec<Predecessor>) -> Self {
        Self {
            key,
            predecessors: ArcSwap::from_pointee(predecessors),
            home: OnceLock::new(),
        }
    }

    /// How many older processes may still have sessions.
    pub(crate) fn predecessors(&self) -> usize {
        self.living().len()
    }

    /// Older processes, the youngest first. None, mostly, which costs a look at a pointer.
    fn living(&self) -> Arc<Vec<Predecessor>> {
        let all = self.predecessors.load_full();
        if all.iter().all(Predecessor::is_there) {
            return all;
        }
        let living: Vec<_> = all.iter().filter(|it| it.is_there()).cloned().collect();
        self.predecessors.store(Arc::new(living));
        self.predecessors.load_full()
    }

    /// This process ends, and says so to those after it: tasks that are cut off would never let its directory go.
    pub(crate) fn leave(&self) {
        if let Some(home) = self.home.get() {
            home.remove();
        }
    }

    /// The directory of our own sockets.
    fn home(&self) -> std::io::Result<&Home> {
        if let Some(home) = self.home.get() {
            return Ok(home);
        }
        let made = Home::make()?;
        Ok(self.home.get_or_init(|| made))
    }
}

/// A directory that nobody else may enter, and that goes with the process.
#[derive(Debug)]
struct Home(PathBuf);

impl Home {
    /// In the directory that systemd gives the service, or in the system's temporary one.
    fn make() -> std::io::Result<Self> {
        let parent = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from);
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let random = u64::from_ne_bytes(random);
        let path = parent.join(format!("towpath-{random:016x}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        // A directory that somebody else has put there is none of ours.
        let own = std::fs::symlink_metadata(&path)?.uid();
        let process = std::fs::metadata("/proc/self")?.uid();
        if own != process {
            return Err(std::io::ErrorKind::PermissionDenied.into());
        }
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// What is left of it tells others that we are still there.
    fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_home_is_private_and_goes_with_the_process() {
        let home = Home::make().unwrap();
        let path = home.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        drop(home);
        assert!(!path.exists());
    }

    #[test]
    fn who_has_gone_is_forgotten() {
        let (here, gone) = (Home::make().unwrap(), Home::make().unwrap());
        let of = |home: &Home| Predecessor {
            directory: home.path().to_owned(),
        };
        let key = Key::random().unwrap();
        let generations = Generations::after(key, vec![of(&here), of(&gone)]);
        assert_eq!(generations.predecessors(), 2);
        drop(gone);
        assert_eq!(generations.predecessors(), 1);
        assert_eq!(*generations.living(), [of(&here)]);
    }
}
