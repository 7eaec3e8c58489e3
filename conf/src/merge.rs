//! Several files as one configuration: lists are joined, maps of names united, anything else may stand once.
//! It is remembered what came from where, so that an error names its own file and line.

use serde_yaml::{Mapping, Value};

use crate::error::{ConfigError, Errors, Mistake, Path, Place, Segment};
use crate::plain::key_text;
use crate::position;
use crate::source::{File, Source};

/// The key whose names may come from several files.
const UNITED: &str = "upstreams";

/// All files as one tree.
pub(crate) struct Merged<'s> {
    pub(crate) tree: Value,
    files: &'s [File],
    origins: Vec<Origin>,
    /// What stands twice, with the index of the file in which it stands again.
    twice: Vec<(usize, ConfigError)>,
}

/// Which file a part of the tree came from.
#[derive(Debug)]
struct Origin {
    file: usize,
    /// The top-level key.
    key: String,
    part: Part,
}

#[derive(Debug)]
enum Part {
    /// The whole value.
    Whole,
    /// Elements of the joined list from here on, so many.
    Elements { start: usize, len: usize },
    /// This name of the united map.
    Name(String),
}

impl Origin {
    fn new(file: usize, key: &str, part: Part) -> Self {
        Self {
            file,
            key: key.to_owned(),
            part,
        }
    }
}

/// Reads and merges the files; what is not YAML is an error. Where something stands twice, the first counts,
/// and [`Merged::place`] tells of the second.
pub(crate) fn merge(source: &Source) -> Result<Merged<'_>, Errors> {
    let mut merged = Merged {
        tree: Value::Mapping(Mapping::new()),
        files: &source.files,
        origins: Vec::new(),
        twice: Vec::new(),
    };
    let mut errors = Vec::new();
    for (index, file) in source.files.iter().enumerate() {
        match serde_yaml::from_str(&file.text) {
            Ok(Value::Mapping(map)) => merged.add(index, map),
            Ok(Value::Null) => {}
            Ok(Value::Sequence(_)) => errors.push(syntax(file, "expected a map, got a list")),
            Ok(_) => errors.push(syntax(file, "expected a map, got a single value")),
            Err(error) => {
                let position = error.location().map(|l| (l.line(), l.column()));
                errors.push(at(file, position, &message(&error)));
            }
        }
    }
    if errors.is_empty() {
        Ok(merged)
    } else {
        Err(Errors(errors))
    }
}

fn syntax(file: &File, message: &str) -> ConfigError {
    let position = position::find(&file.text, &Path::default(), false);
    at(file, position.or(Some((1, 1))), message)
}

fn at(file: &File, position: Option<(usize, usize)>, message: &str) -> ConfigError {
    ConfigError {
        place: Place {
            file: file.name.clone(),
            position,
        },
        path: Path::default(),
        message: message.to_owned(),
        suggestion: None,
    }
}

/// serde_yaml's message without the position, which is said in front, and without its own types' names.
fn message(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    let text = text.get(..end).unwrap_or(&text);
    if text.contains("more than one document") {
        return "expected one YAML document, got several; give each a file of its own".to_owned();
    }
    match text.split_once("invalid type: integer ") {
        Some((path, rest)) => {
            let number = rest.split(' ').next().unwrap_or_default();
            format!("{path}expected a number below 2^64, got {number}")
        }
        None => text.to_owned(),
    }
}

impl Merged<'_> {
    fn add(&mut self, file: usize, map: Mapping) {
        for (key, value) in map {
            let name = key_text(&key);
            let path = Path::default().key(&name);
            let existing = self.tree.get_mut(&key);
            match (existing, value) {
                (None, value) => {
                    self.origins.extend(origins(file, &name, &value));
                    if let Some(tree) = self.tree.as_mapping_mut() {
                        tree.insert(key, value);
                    }
                }
                (Some(Value::Sequence(all)), Value::Sequence(more)) => {
                    let (start, len) = (all.len(), more.len());
                    let part = Part::Elements { start, len };
                    self.origins.push(Origin::new(file, &name, part));
                    all.extend(more);
                }
                (Some(Value::Mapping(_)), Value::Mapping(more)) if name == UNITED => {
                    self.unite(file, &path, more);
                }
                _ => self.twice(file, path),
            }
        }
    }

    fn unite(&mut self, file: usize, path: &Path, more: Mapping) {
        for (key, value) in more {
            let name = key_text(&key);
            let all = self.tree.get_mut(UNITED).and_then(Value::as_mapping_mut);
            match all {
                Some(all) if !all.contains_key(&key) => {
                    all.insert(key, value);
                    let part = Part::Name(name);
                    self.origins.push(Origin::new(file, UNITED, part));
                }
                _ => self.twice(file, path.key(&name)),
            }
        }
    }

    fn twice(&mut self, file: usize, path: Path) {
        let (first, _) = find_origin(&self.origins, &path);
        let Place {
            file: name,
            position,
        } = self.key_place(first, &path);
        let line = position.map(|(line, _)| format!(":{line}"));
        let error = ConfigError {
            place: self.key_place(file, &path),
            path,
            message: format!("set twice; also in {name}{}", line.unwrap_or_default()),
            suggestion: None,
        };
        self.twice.push((file, error));
    }

    fn key_place(&self, file: usize, path: &Path) -> Place {
        let file = self.files.get(file);
        Place {
            file: file.map(|file| file.name.clone()).unwrap_or_default(),
            position: file.and_then(|file| position::find(&file.text, path, true)),
        }
    }

    /// Gives mistakes their places, in the order of the files and lines; empty if there are none.
    pub(crate) fn place(self, mistakes: Vec<Mistake>) -> Errors {
        let placed = mistakes.into_iter().map(|mistake| self.place_one(mistake));
        let mut placed: Vec<(usize, ConfigError)> = placed.collect();
        placed.extend(self.twice);
        placed.sort_by_key(|(file, error)| (*file, error.place.position));
        Errors(placed.into_iter().map(|(_, error)| error).collect())
    }

    fn place_one(&self, mistake: Mistake) -> (usize, ConfigError) {
        let Mistake {
            path,
            at_key,
            message,
            suggestion,
            because: _,
            rival,
        } = mistake;
        let message = match rival {
            Some(rival) => format!("{message} {rival}"),
            None => message,
        };
        let (index, local) = find_origin(&self.origins, &path);
        let file = self.files.get(index);
        let text = file.map_or("", |file| file.text.as_str());
        // A value that is missing is looked for where it should stand.
        let position = (0..=local.0.len()).rev().find_map(|len| {
            let path = Path(local.0.get(..len)?.to_vec());
            position::find(text, &path, at_key && len == local.0.len())
        });
        let place = Place {
            file: file.map(|file| file.name.clone()).unwrap_or_default(),
            position,
        };
        (
            index,
            ConfigError {
                place,
                path,
                message,
                suggestion,
            },
        )
    }
}

fn origins(file: usize, key: &str, value: &Value) -> Vec<Origin> {
    let origin = |part| Origin::new(file, key, part);
    match value {
        Value::Sequence(list) => vec![origin(Part::Elements {
            start: 0,
            len: list.len(),
        })],
        Value::Mapping(map) if key == UNITED => {
            let part = |name| Part::Name(key_text(name));
            map.keys().map(|name| origin(part(name))).collect()
        }
        _ => vec![origin(Part::Whole)],
    }
}

/// The file a path leads into, and the path within that file.
fn find_origin(origins: &[Origin], path: &Path) -> (usize, Path) {
    let Some((Segment::Key(key), rest)) = path.0.split_first() else {
        return (0, path.clone());
    };
    let of_key = || origins.iter().filter(|origin| origin.key == *key);
    let exact = of_key().find_map(|origin| match (&origin.part, rest.first()) {
        (Part::Elements { start, len }, Some(Segment::Index(index))) => {
            let local = index.checked_sub(*start).filter(|local| local < len)?;
            let mut path = path.clone();
            *path.0.get_mut(1)? = Segment::Index(local);
            Some((origin.file, path))
        }
        (Part::Name(name), Some(Segment::Key(found))) if name == found => {
            Some((origin.file, path.clone()))
        }
        _ => None,
    });
    exact.unwrap_or_else(|| {
        let first = of_key().next().map_or(0, |origin| origin.file);
        (first, path.clone())
    })
}
