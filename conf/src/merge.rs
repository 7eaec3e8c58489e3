//! Several files as one configuration: lists are joined, maps of names united, anything else may stand once.
//! It is remembered what came from where, so that an error names its own file and line.

use serde_yaml::{Mapping, Value};

use crate::error::{ConfigError, Errors, Mistake, Path, Place, Segment};
use crate::position;
use crate::source::{File, Source};

/// All files as one tree.
pub(crate) struct Merged<'s> {
    pub(crate) tree: Value,
    files: &'s [File],
    origins: Vec<Origin>,
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

/// Reads and merges the files; what is not YAML, or stands twice, is an error.
pub(crate) fn merge(source: &Source) -> Result<Merged<'_>, Errors> {
    let mut merged = Merged {
        tree: Value::Mapping(Mapping::new()),
        files: &source.files,
        origins: Vec::new(),
    };
    let mut errors = Vec::new();
    for (index, file) in source.files.iter().enumerate() {
        match serde_yaml::from_str(&file.text) {
            Ok(Value::Mapping(map)) => errors.extend(merged.add(index, map)),
            Ok(Value::Null) => {}
            Ok(_) => errors.push(syntax(file, Some((1, 1)), "expected a map")),
            Err(error) => {
                let position = error.location().map(|l| (l.line(), l.column()));
                errors.push(syntax(file, position, &message(&error)));
            }
        }
    }
    if errors.is_empty() {
        Ok(merged)
    } else {
        Err(Errors(errors))
    }
}

fn syntax(file: &File, position: Option<(usize, usize)>, message: &str) -> ConfigError {
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

/// serde_yaml's message without the position, which is said in front.
fn message(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_owned()
}

impl Merged<'_> {
    fn add(&mut self, file: usize, map: Mapping) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        for (key, value) in map {
            let key = key.as_str().unwrap_or_default().to_owned();
            let Some(existing) = self.tree.get_mut(key.as_str()) else {
                self.origins.extend(origins(file, &key, &value, 0));
                if let Some(tree) = self.tree.as_mapping_mut() {
                    tree.insert(Value::String(key), value);
                }
                continue;
            };
            match (existing, value) {
                (Value::Sequence(all), Value::Sequence(more)) => {
                    let value = Value::Sequence(more);
                    self.origins.extend(origins(file, &key, &value, all.len()));
                    if let Value::Sequence(more) = value {
                        all.extend(more);
                    }
                }
                (Value::Mapping(all), Value::Mapping(more)) if key == "upstreams" => {
                    for (name, value) in more {
                        let path = Path::default()
                            .key(&key)
                            .key(name.as_str().unwrap_or_default());
                        if all.contains_key(&name) {
                            errors.push(twice(&self.origins, self.files, file, &path));
                        } else {
                            let part = Part::Name(name.as_str().unwrap_or_default().to_owned());
                            self.origins.push(Origin {
                                file,
                                key: key.clone(),
                                part,
                            });
                            all.insert(name, value);
                        }
                    }
                }
                _ => errors.push(twice(
                    &self.origins,
                    self.files,
                    file,
                    &Path::default().key(&key),
                )),
            }
        }
        errors
    }

    /// Gives mistakes their places, in the order of the files and lines.
    pub(crate) fn place(&self, mistakes: Vec<Mistake>) -> Errors {
        let mut placed: Vec<(usize, ConfigError)> = mistakes
            .into_iter()
            .map(|mistake| self.place_one(mistake))
            .collect();
        placed.sort_by_key(|(file, error)| (*file, error.place.position));
        Errors(placed.into_iter().map(|(_, error)| error).collect())
    }

    fn place_one(&self, mistake: Mistake) -> (usize, ConfigError) {
        let Mistake {
            path,
            at_key,
            message,
            suggestion,
        } = mistake;
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

fn origins(file: usize, key: &str, value: &Value, start: usize) -> Vec<Origin> {
    let origin = |part| Origin {
        file,
        key: key.to_owned(),
        part,
    };
    match value {
        Value::Sequence(list) => vec![origin(Part::Elements {
            start,
            len: list.len(),
        })],
        Value::Mapping(map) if key == "upstreams" => {
            let names = map
                .keys()
                .map(|name| name.as_str().unwrap_or_default().to_owned());
            names
                .map(|name| origin(Part::Name(name)))
                .chain([origin(Part::Whole)])
                .collect()
        }
        _ => vec![origin(Part::Whole)],
    }
}

/// The file a path leads into, and the path within that file.
fn find_origin(origins: &[Origin], path: &Path) -> (usize, Path) {
    let Some((Segment::Key(key), rest)) = path.0.split_first() else {
        return (0, path.clone());
    };
    for origin in origins.iter().filter(|origin| origin.key == *key) {
        match (&origin.part, rest.first()) {
            (Part::Elements { start, len }, Some(Segment::Index(index)))
                if (*start..start + len).contains(index) =>
            {
                let mut local = path.clone();
                if let Some(Segment::Index(index)) = local.0.get_mut(1) {
                    *index -= start;
                }
                return (origin.file, local);
            }
            (Part::Name(name), Some(Segment::Key(found))) if name == found => {
                return (origin.file, path.clone());
            }
            (Part::Whole, _) | (Part::Elements { .. }, None) => return (origin.file, path.clone()),
            _ => {}
        }
    }
    (0, path.clone())
}

fn twice(origins: &[Origin], files: &[File], file: usize, path: &Path) -> ConfigError {
    let place = |index: usize| {
        let file = files.get(index);
        let position = file.and_then(|file| position::find(&file.text, path, true));
        Place {
            file: file.map(|file| file.name.clone()).unwrap_or_default(),
            position,
        }
    };
    let (first, _) = find_origin(origins, path);
    let Place {
        file: name,
        position,
    } = place(first);
    let line = position
        .map(|(line, _)| format!(":{line}"))
        .unwrap_or_default();
    ConfigError {
        place: place(file),
        path: path.clone(),
        message: format!("set twice; also in {name}{line}"),
        suggestion: None,
    }
}
