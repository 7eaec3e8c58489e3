//! From a YAML tree to types, reporting every mistake at once: serde stops at the first, so the mistaken node
//! is cut out and the rest is tried again.

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_yaml::{Mapping, Number, Value};

use crate::cut::{cut, find, is_cut};
use crate::error::{Mistake, Segment};
use crate::fault::{Fault, Kind, listed};

/// More mistakes than this are not reported; somebody has passed the wrong file.
const MAX_MISTAKES: usize = 100;

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
        let culprit = fault.culprit();
        if !is_consequence(tree, &fault, &mistakes) {
            mistakes.push(fault.into_mistake());
        }
        if !cut(tree, &culprit) {
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
fn is_consequence(tree: &Value, fault: &Fault, reported: &[Mistake]) -> bool {
    let path = fault.path();
    match fault.kind() {
        Kind::Missing(key) => {
            let misspelt = |mistake: &Mistake| {
                mistake.at_key
                    && mistake.suggestion.as_deref() == Some(key)
                    && mistake.path.is_below(&path)
            };
            find(tree, &path.key(key)).is_some_and(is_cut) || reported.iter().any(misspelt)
        }
        Kind::Other(_) => find(tree, &path)
            .and_then(Value::as_mapping)
            .is_some_and(|map| !map.is_empty() && map.values().all(is_cut)),
        Kind::UnknownKey { .. } | Kind::UnknownName { .. } => false,
    }
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
            Value::Mapping(map) if map.values().filter(|node| !is_cut(node)).count() == 1 => {
                visitor.visit_enum(de::value::MapAccessDeserializer::new(Map::new(map)))
            }
            Value::Mapping(_) => Err(de::Error::custom(format_args!(
                "expected a map with one key: {}",
                listed(valid)
            ))),
            other => Err(de::Error::invalid_type(
                unexpected(other),
                &listed(valid).as_str(),
            )),
        }
    }

    /// serde would read a list as a struct, too: fields by their order. Nobody means that in YAML.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Sequence(_) => Err(de::Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
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
        seq tuple tuple_struct map identifier ignored_any
    }
}

fn unexpected(node: &Value) -> Unexpected<'_> {
    match node {
        Value::Null => Unexpected::Unit,
        Value::Bool(on) => Unexpected::Bool(*on),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (_, Some(number)) => Unexpected::Signed(number),
            _ => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Unexpected::Str(text),
        Value::Sequence(_) => Unexpected::Seq,
        Value::Mapping(_) => Unexpected::Map,
        Value::Tagged(_) => Unexpected::Other("a YAML tag"),
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
            if is_cut(value) {
                continue;
            }
            // What is not text was refused before (`plain`).
            let key = key.as_str().unwrap_or_default().to_owned();
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
