//! What is `on` or `off`, and what is `on`, `off` or a map that says more.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is `on`, `off` or a map.
pub(crate) trait Switch: Sized {
    /// The map form.
    type Map: DeserializeOwned + JsonSchema + Into<Self>;

    /// What `on` and `off` stand for.
    fn switched(on: bool) -> Self;
}

/// Reads any of the three forms.
pub(crate) fn read<'de, T: Switch, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(SwitchVisitor(PhantomData))
}

/// The schema of the three forms.
pub(crate) fn schema<T: Switch>(generator: &mut SchemaGenerator) -> Schema {
    let map = generator.subschema_for::<T::Map>();
    json_schema!({ "description": "`on`, `off`, or a map.", "anyOf": [words(), map] })
}

/// YAML 1.1 reads `on` and `off` as `true` and `false`.
pub(crate) fn words() -> Schema {
    json_schema!({ "enum": ["on", "off", true, false] })
}

struct SwitchVisitor<T>(PhantomData<T>);

impl<'de, T: Switch> de::Visitor<'de> for SwitchVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`on`, `off` or a map")
    }

    fn visit_bool<E>(self, on: bool) -> Result<T, E> {
        Ok(T::switched(on))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        word(text, &self).map(T::switched)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::Map::deserialize(MapAccessDeserializer::new(map)).map(Into::into)
    }
}

/// What comes out of `${VAR}` is text, also where YAML would have read `true`.
pub(crate) fn word<E: de::Error>(text: &str, expected: &dyn de::Expected) -> Result<bool, E> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err(E::invalid_value(de::Unexpected::Str(text), expected)),
    }
}

/// `on` or `off`.
#[derive(Clone, Copy)]
pub(crate) struct OnOff(pub(crate) bool);

impl<'de> Deserialize<'de> for OnOff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnOffVisitor)
    }
}

struct OnOffVisitor;

impl de::Visitor<'_> for OnOffVisitor {
    type Value = OnOff;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`on` or `off`")
    }

    fn visit_bool<E>(self, on: bool) -> Result<OnOff, E> {
        Ok(OnOff(on))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OnOff, E> {
        word(text, &self).map(OnOff)
    }
}

impl JsonSchema for OnOff {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OnOff".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [words()] })
    }
}

impl Serialize for OnOff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0 { "on" } else { "off" })
    }
}

/// For a `bool` that is written as `on` or `off`: `#[serde(with = "on_off")]`.
pub(crate) mod on_off {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::OnOff;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
        OnOff::deserialize(d).map(|OnOff(on)| on)
    }

    pub(crate) fn serialize<S: Serializer>(on: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        OnOff(*on).serialize(serializer)
    }
}
