//! From a YAML tree to types, reporting every mistake at once: serde stops at the first, so the mistaken node
//! is cut out and the rest is tried again. Errors arrive from serde's own hooks (`unknown_field` and its kin),
//! not as text, and carry the path that the deserializer was on.

use std::fmt;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_yaml::value::{Tag, TaggedValue};
use serde_yaml::{Mapping, Number, Value};

use crate::error::{Mistake, Path, Segment};

/// More mistakes than this are not reported; somebody has passed the wrong file.
const MAX_MISTAKES: usize = 100;

/// What serde found wrong.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Innermost segment first: it grows as the error travels outward.
    reversed: Vec<Segment>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    UnknownKey {
        key: String,
        valid: &'static [&'static str],
    },
    UnknownName {
        name: String,
        valid: &'static [&'static str],
    },
    Missing(&'static str),
    Other(String),
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Self {
            reversed: Vec::new(),
            kind,
        }
    }

    fn within(mut self, segment: Segment) -> Self {
        self.reversed.push(segment);
        self
    }

    fn path(&self) -> Path {
        Path(self.reversed.iter().rev().cloned().collect())
    }

    fn into_mistake(self) -> Mistake {
        let path = self.path();
        match self.kind {
            Kind::UnknownKey { key, valid } => {
                let message = format!("unknown key; expected {}", listed(valid));
                let mistake = Mistake::new(path.key(&key), message);
                Mistake {
                    at_key: true,
                    ..mistake.suggest(&key, valid.iter().copied())
                }
            }
            Kind::UnknownName { name, valid } => {
                let message = format!("expected {}, got `{name}`", listed(valid));
                Mistake::new(path, message).suggest(&name, valid.iter().copied())
            }
            Kind::Missing(key) => Mistake::new(path, format!("missing key `{key}`")),
            Kind::Other(message) => Mistake::new(path, message),
        }
    }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path(), self.kind)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Other(message.to_string()))
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        Self::new(Kind::Other(format!(
            "expected {}, got {}",
            in_yaml(&expected),
            Found(found)
        )))
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

/// serde's word for a type, in YAML's words.
fn in_yaml(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "u16" | "u32" | "u64" => "a number",
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
            other => other.fmt(f),
        }
    }
}

/// What came of reading a tree.
pub(crate) struct Outcome<T> {
    /// The value, if enough of the tree was left to make one.
    pub(crate) value: Option<T>,
    /// In the order they were found.
    pub(crate) mistakes: Vec<Mistake>,
}

/// Reads `tree` as `T`; cuts out what is mistaken and tries again until it can be read.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(tree: &mut Value) -> Outcome<T> {
    let mut mistakes = Vec::new();
    while mistakes.len() < MAX_MISTAKES {
        let fault = match T::deserialize(Node(tree)) {
            Ok(value) => {
                return Outcome {
                    value: Some(value),
                    mistakes,
                };
            }
            Err(fault) => fault,
        };
        let path = match &fault.kind {
            Kind::UnknownKey { key, .. } => fault.path().key(key),
            _ => fault.path(),
        };
        if !is_consequence(tree, &fault, &mistakes) {
            mistakes.push(fault.into_mistake());
        }
        if !cut(tree, &path) {
            break;
        }
    }
    Outcome {
        value: None,
        mistakes,
    }
}

/// Whether a fault is there only because of a mistake that has been reported: a key is missing since it was cut
/// out or misspelt, or a map has no entry left.
fn is_consequence(tree: &mut Value, fault: &Fault, reported: &[Mistake]) -> bool {
    let path = fault.path();
    match &fault.kind {
        Kind::Missing(key) => {
            let misspelt = |mistake: &Mistake| {
                mistake.at_key
                    && mistake.suggestion.as_deref() == Some(key)
                    && mistake.path.is_below(&path)
            };
            find(tree, &path.key(key)).is_some_and(|node| is_cut(node))
                || reported.iter().any(misspelt)
        }
        Kind::Other(_) => find(tree, &path)
            .and_then(|node| node.as_mapping())
            .is_some_and(|map| !map.is_empty() && map.values().all(is_cut)),
        Kind::UnknownKey { .. } | Kind::UnknownName { .. } => false,
    }
}

/// Marks a node as cut out, so that its neighbours keep their places. The whole tree cannot be cut out.
pub(crate) fn cut(tree: &mut Value, path: &Path) -> bool {
    match find(tree, path) {
        Some(node) if !path.0.is_empty() => {
            let tag = Tag::new("cut");
            *node = Value::Tagged(Box::new(TaggedValue {
                tag,
                value: Value::Null,
            }));
            true
        }
        _ => false,
    }
}

fn is_cut(node: &Value) -> bool {
    matches!(node, Value::Tagged(tagged) if tagged.tag == "cut" && tagged.value.is_null())
}

fn find<'t>(tree: &'t mut Value, path: &Path) -> Option<&'t mut Value> {
    path.0.iter().try_fold(tree, |node, segment| match segment {
        Segment::Key(key) => node.get_mut(key.as_str()),
        Segment::Index(index) => node.get_mut(*index),
    })
}

/// A node of the tree as a deserializer.
#[derive(Clone, Copy)]
struct Node<'t>(&'t Value);

impl<'t> Node<'t> {
    /// What comes out of `${VAR}` is text; a number or a switch is wanted here.
    fn retyped(self) -> Value {
        match self.0 {
            Value::String(text) => match (text.parse::<u64>(), text.parse::<bool>()) {
                (Ok(number), _) => Value::Number(Number::from(number)),
                (_, Ok(on)) => Value::Bool(on),
                _ => self.0.clone(),
            },
            other => other.clone(),
        }
    }
}

impl<'de> de::Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(on) => visitor.visit_bool(*on),
            Value::Number(number) => visit_number(number, visitor),
            Value::String(text) => visitor.visit_str(text),
            Value::Sequence(list) => visitor.visit_seq(List { list, next: 0 }),
            Value::Mapping(map) => visitor.visit_map(Map::new(map)),
            Value::Tagged(_) => Err(de::Error::custom("YAML tags mean nothing here")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        valid: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(StrDeserializer::new(name)),
            // `access_log: off`, in YAML 1.1's reading.
            Value::Bool(false) if valid.contains(&"off") => {
                visitor.visit_enum(StrDeserializer::new("off"))
            }
            Value::Mapping(map) => {
                visitor.visit_enum(de::value::MapAccessDeserializer::new(Map::new(map)))
            }
            _ => Err(Fault::new(Kind::Other(format!(
                "expected {}",
                listed(valid)
            )))),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.retyped() {
            Value::Number(number) => visit_number(&number, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.retyped() {
            Value::Bool(on) => visitor.visit_bool(on),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, Fault> {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(number), _, _) => visitor.visit_u64(number),
        (_, Some(number), _) => visitor.visit_i64(number),
        (_, _, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
    }
}

struct List<'t> {
    list: &'t [Value],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for List<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        while let Some(node) = self.list.get(self.next) {
            let index = self.next;
            self.next += 1;
            if !is_cut(node) {
                let element = seed.deserialize(Node(node));
                return element
                    .map(Some)
                    .map_err(|fault| fault.within(Segment::Index(index)));
            }
        }
        Ok(None)
    }
}

struct Map<'t> {
    entries: serde_yaml::mapping::Iter<'t>,
    current: Option<(String, &'t Value)>,
}

impl<'t> Map<'t> {
    fn new(map: &'t Mapping) -> Self {
        Self {
            entries: map.iter(),
            current: None,
        }
    }
}

impl<'de> de::MapAccess<'de> for Map<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        for (key, value) in self.entries.by_ref() {
            let Some(key) = key_text(key) else {
                return Err(de::Error::custom("a key must be text"));
            };
            if is_cut(value) {
                continue;
            }
            self.current = Some((key.clone(), value));
            let deserializer: StringDeserializer<Fault> = key.into_deserializer();
            return seed.deserialize(deserializer).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.current.take() {
            Some((key, value)) => seed
                .deserialize(Node(value))
                .map_err(|fault| fault.within(Segment::Key(key))),
            None => Err(de::Error::custom("a value without a key")),
        }
    }
}

fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(on) => Some(on.to_string()),
        _ => None,
    }
}
