//! Where configurations come from: a file, a directory of files, standard input, or text at hand.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The size of one file, at most: `-c` with the wrong file must not fill the memory.
const MAX_SIZE: u64 = 16 << 20;

/// The texts of one configuration, in the order in which they are merged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    pub(crate) files: Vec<File>,
}

/// One text and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A configuration could not be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file or directory could not be opened, or is not UTF-8.
    #[error("{}: {}", .path.display(), explain(.source))]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More text than any configuration has.
    #[error("{}: larger than 16MiB", .0.display())]
    Large(PathBuf),
    /// A directory without a configuration in it.
    #[error("{}: no *.yaml file in this directory", .0.display())]
    Empty(PathBuf),
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::InvalidData => "not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

impl Source {
    /// Reads a file, all `*.yaml` and `*.yml` files of a directory in lexical order, or standard input for `-`.
    ///
    /// # Errors
    /// If anything of it cannot be read.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        if path == Path::new("-") {
            let text = text(path, io::stdin().lock())?;
            return Ok(Self::from_text("standard input", &text));
        }
        let paths = if path.is_dir() {
            list(path).map_err(fail(path))?
        } else {
            vec![path.to_owned()]
        };
        if paths.is_empty() {
            return Err(SourceError::Empty(path.to_owned()));
        }
        let read = |path: &PathBuf| {
            let file = std::fs::File::open(path).map_err(fail(path))?;
            let name = path.display().to_string();
            text(path, file).map(|text| File { name, text })
        };
        Ok(Self {
            files: paths.iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Reads several of these, one after the other.
    ///
    /// # Errors
    /// If anything of them cannot be read.
    pub fn read_all(paths: &[PathBuf]) -> Result<Self, SourceError> {
        let mut files = Vec::new();
        for path in paths {
            files.extend(Self::read(path)?.files);
        }
        Ok(Self { files })
    }

    /// Text that is already there; `name` stands in the errors.
    pub fn from_text(name: &str, text: &str) -> Self {
        Self {
            files: vec![File {
                name: name.to_owned(),
                text: text.to_owned(),
            }],
        }
    }

    /// A number that changes when the names or the texts do. Stable within one process only.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

fn fail(path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.to_owned();
    move |source| SourceError::Read { path, source }
}

fn text(path: &Path, input: impl Read) -> Result<String, SourceError> {
    let mut text = String::new();
    let mut input = input.take(MAX_SIZE + 1);
    input.read_to_string(&mut text).map_err(fail(path))?;
    if text.len() as u64 > MAX_SIZE {
        return Err(SourceError::Large(path.to_owned()));
    }
    Ok(text)
}

/// Names that begin with a dot are left out: editors' files, and the links behind Kubernetes' ConfigMaps.
fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml && !hidden && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
