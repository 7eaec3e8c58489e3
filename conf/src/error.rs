//! What is wrong with a configuration: every mistake with its place, what was expected, and the nearest valid name.

use std::fmt;

use thiserror::Error;

/// A step into the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A key of a map.
    Key(String),
    /// An element of a list, from 0.
    Index(usize),
}

/// The way to a value, such as `routes[2].upstream`. Empty for the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<Segment>);

impl Path {
    /// The way to a key below this.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.below(Segment::Key(key.to_owned()))
    }

    /// The way to an element below this.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.below(Segment::Index(index))
    }

    /// Whether this is a key or an element of what `parent` leads to.
    pub(crate) fn is_below(&self, parent: &Self) -> bool {
        self.0
            .split_last()
            .is_some_and(|(_, above)| *above == *parent.0)
    }

    fn below(&self, segment: Segment) -> Self {
        let mut path = self.clone();
        path.0.push(segment);
        path
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if depth == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

/// Where in the files a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// Line and column, from 1; absent where a value is missing altogether.
    pub position: Option<(usize, usize)>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// The way to the value in the YAML; empty where the text is not YAML at all.
    pub path: Path,
    /// What was expected and what is there.
    pub message: String,
    /// The nearest valid name, where a name is wrong.
    pub suggestion: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place.file)?;
        if let Some((line, column)) = self.place.position {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if !self.path.0.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

/// All mistakes of a configuration, up to a hundred, in the order of their places; never empty. One a line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Errors(pub Vec<ConfigError>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// A mistake whose place in the text is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub(crate) path: Path,
    /// Whether the key is wrong, or its value.
    pub(crate) at_key: bool,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
    /// Other values that make this one a mistake.
    pub(crate) because: Vec<Path>,
    /// The value that this one clashes with; its path ends the message.
    pub(crate) rival: Option<Path>,
}

impl Mistake {
    /// A wrong value: what leads to it, and what was expected and is there.
    pub fn new(path: Path, message: impl Into<String>) -> Self {
        Self {
            path,
            at_key: false,
            message: message.into(),
            suggestion: None,
            because: Vec::new(),
            rival: None,
        }
    }

    /// A wrong key.
    pub(crate) fn at_key(mut self) -> Self {
        self.at_key = true;
        self
    }

    /// A mistake only as long as the values at `paths` are what they are.
    pub(crate) fn because(mut self, paths: impl IntoIterator<Item = Path>) -> Self {
        self.because.extend(paths);
        self
    }

    /// With the nearest of the valid names, if one is near.
    pub(crate) fn suggest<'n>(
        mut self,
        name: &str,
        valid: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        self.suggestion = nearest(name, valid).map(str::to_owned);
        self
    }
}

/// The valid name that `name` was most likely meant to be.
pub(crate) fn nearest<'n>(name: &str, valid: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let close = |candidate: &&str| strsim::jaro_winkler(name, candidate);
    valid
        .into_iter()
        .map(|candidate| (close(&candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_in_yaml() {
        let path = Path::default().key("routes").index(2).key("upstream");
        assert_eq!(path.to_string(), "routes[2].upstream");
    }

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(
            nearest("upsteam", ["host", "upstream", "path"]),
            Some("upstream")
        );
        assert_eq!(nearest("zzz", ["host", "upstream"]), None);
    }
}
