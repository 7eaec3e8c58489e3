//! What serde found wrong: its own hooks (`unknown_field` and its kin) bring errors as structure and not as text,
//! and the path grows as the error travels outward. Messages speak YAML's words, not Rust's.

use std::fmt;

use serde::de;

use crate::error::{Mistake, Path, Segment, nearest};

/// One fault, and the way to it.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Innermost segment first.
    reversed: Vec<Segment>,
    kind: Kind,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A map has a key that means nothing there.
    UnknownKey {
        key: String,
        valid: &'static [&'static str],
    },
    /// A word is none of those that may stand there.
    UnknownName {
        name: String,
        valid: &'static [&'static str],
    },
    /// A map lacks a key.
    Missing(&'static str),
    /// Anything else, in words.
    Other(String),
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Self {
            reversed: Vec::new(),
            kind,
        }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The same, seen from one level above.
    pub(crate) fn within(mut self, segment: Segment) -> Self {
        self.reversed.push(segment);
        self
    }

    /// The way to the value that is wrong, or to the map that has a wrong key or lacks one.
    pub(crate) fn path(&self) -> Path {
        Path(self.reversed.iter().rev().cloned().collect())
    }

    /// The way to what has to go for the rest to be readable.
    pub(crate) fn culprit(&self) -> Path {
        match &self.kind {
            Kind::UnknownKey { key, .. } => self.path().key(key),
            Kind::UnknownName { .. } | Kind::Missing(_) | Kind::Other(_) => self.path(),
        }
    }

    pub(crate) fn into_mistake(self) -> Mistake {
        let mistake = Mistake::new(self.culprit(), self.to_string());
        match self.kind {
            Kind::UnknownKey { key, valid } => {
                mistake.at_key().suggest(&key, valid.iter().copied())
            }
            Kind::UnknownName { name, valid } => mistake.suggest(&name, valid.iter().copied()),
            Kind::Missing(_) | Kind::Other(_) => mistake,
        }
    }
}

/// The message, without the way.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            // All keys are listed only to those whom the nearest one does not help.
            Kind::UnknownKey { key, valid } if nearest(key, valid.iter().copied()).is_some() => {
                f.write_str("unknown key")
            }
            Kind::UnknownKey { valid, .. } => write!(f, "unknown key; expected {}", listed(valid)),
            Kind::UnknownName { name, valid } => {
                write!(f, "expected {}, got `{name}`", listed(valid))
            }
            Kind::Missing(key) => write!(f, "missing key `{key}`"),
            Kind::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Other(message.to_string()))
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        let unquoted = expected == "a string"
            && matches!(
                found,
                de::Unexpected::Bool(_)
                    | de::Unexpected::Unsigned(_)
                    | de::Unexpected::Signed(_)
                    | de::Unexpected::Float(_)
            );
        let advice = if unquoted { "; put it in quotes" } else { "" };
        Self::custom(format_args!(
            "expected {}, got {}{advice}",
            in_yaml(&expected),
            Found(found)
        ))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(name: &str, valid: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownName {
            name: name.to_owned(),
            valid,
        })
    }

    fn unknown_field(key: &str, valid: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey {
            key: key.to_owned(),
            valid,
        })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Kind::Missing(key))
    }
}

/// Names as a choice: `a`, `b` or `c`.
pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// serde's word for a type, in YAML's words.
fn in_yaml(expected: &str) -> &str {
    match expected {
        "a string" => "text",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "unit" => "nothing",
        "newtype variant" => "`{ name: value }`",
        "u16" | "u32" | "u64" | "usize" => "a number",
        _ if expected.starts_with("a nonzero ") => "a number above 0",
        _ => expected,
    }
}

/// What was found, in YAML's words.
struct Found<'a>(de::Unexpected<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            de::Unexpected::Str(text) => write!(f, "`{text}`"),
            de::Unexpected::Bool(on) => write!(f, "`{on}`"),
            de::Unexpected::Unsigned(number) => write!(f, "`{number}`"),
            de::Unexpected::Signed(number) => write!(f, "`{number}`"),
            de::Unexpected::Float(number) => write!(f, "`{number}`"),
            de::Unexpected::Unit | de::Unexpected::Option => f.write_str("nothing"),
            de::Unexpected::Seq => f.write_str("a list"),
            de::Unexpected::Map => f.write_str("a map"),
            de::Unexpected::UnitVariant => f.write_str("a name alone"),
            other => other.fmt(f),
        }
    }
}
