//! A file of names and passwords, as `htpasswd -B` writes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::secrets::warn_of_readers;

/// A file that is no use.
#[derive(Debug, Error)]
pub(crate) enum UsersError {
    #[error("`{}`: cannot be read: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{}`: line {line}: expected a name, a colon and a bcrypt hash, as `htpasswd -B` writes them", path.display())]
    Line { path: PathBuf, line: usize },
}

/// Hashes by name.
pub(crate) fn read(path: &Path) -> Result<HashMap<String, String>, UsersError> {
    let text = std::fs::read_to_string(path).map_err(|source| UsersError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    warn_of_readers(path);
    let mut users = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = line
            .split_once(':')
            .filter(|(name, hash)| !name.is_empty() && is_bcrypt(hash));
        let Some((name, hash)) = entry else {
            return Err(UsersError::Line {
                path: path.to_owned(),
                line: index + 1,
            });
        };
        users.insert(name.to_owned(), hash.to_owned());
    }
    Ok(users)
}

fn is_bcrypt(hash: &str) -> bool {
    let known = ["$2a$", "$2b$", "$2x$", "$2y$"];
    hash.len() == 60 && known.iter().any(|version| hash.starts_with(version))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_line_is_a_name_and_a_hash() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        let hash = format!("$2y$05${}", "a".repeat(53));
        std::fs::write(&path, format!("# people\n\nada:{hash}\nbob:{hash}\r\n")).unwrap();
        let users = read(&path).unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!(users.get("bob"), Some(&hash));
        for wrong in ["ada", "ada:plain", ":$2y$", "ada:$apr1$x$y"] {
            std::fs::write(&path, format!("ada:{hash}\n{wrong}\n")).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }
}
