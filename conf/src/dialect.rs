//! A dialect of the fallback as it is written: `on`, `off`, the path where it is served, or a map that says more.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::path_pattern::absolute;
use crate::switch::{self, OnOff};

/// What a dialect's path looks like: it has a name at its end.
pub(crate) const PATH: &str = "^/.*[^/]/?$";

/// A dialect's settings. The default is what `on` stands for.
pub(crate) trait Dialect: Default + DeserializeOwned + JsonSchema {
    /// What it is called in the schema.
    const NAME: &'static str;

    /// What `/path` stands for.
    fn at<E: de::Error>(path: &str) -> Result<Self, E>;
}

/// A dialect that is spoken or not: `None` for `off`.
pub(crate) struct Spoken<T>(pub(crate) Option<T>);

impl<'de, T: Dialect> Deserialize<'de> for Spoken<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpokenVisitor(PhantomData))
    }
}

struct SpokenVisitor<T>(PhantomData<T>);

impl<'de, T: Dialect> de::Visitor<'de> for SpokenVisitor<T> {
    type Value = Spoken<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`on`, `off`, a path or a map")
    }

    fn visit_bool<E>(self, on: bool) -> Result<Spoken<T>, E> {
        Ok(Spoken(on.then(T::default)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Spoken<T>, E> {
        if text.starts_with('/') {
            return T::at(text).map(|dialect| Spoken(Some(dialect)));
        }
        switch::word(text, &self).map(|on| Spoken(on.then(T::default)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Spoken<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|dialect| Spoken(Some(dialect)))
    }
}

impl<T: Dialect> JsonSchema for Spoken<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<T>();
        json_schema!({
            "description": "`on`, `off`, a path, or a map.",
            "anyOf": [
                switch::words(),
                { "type": "string", "pattern": PATH, "description": "Where it is served." },
                map,
            ],
        })
    }
}

impl<T: Serialize> Serialize for Spoken<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(dialect) => dialect.serialize(serializer),
            None => OnOff(false).serialize(serializer),
        }
    }
}

/// A dialect's path without the one `/` that it may end with. A dialect never has a whole site to itself, and requests
/// with an empty segment are none of its.
pub(crate) fn bare<E: de::Error>(text: &str) -> Result<&str, E> {
    let path = absolute(text)?;
    let bare = without_slash(path);
    if bare.is_empty() || bare.ends_with('/') {
        return Err(E::custom(format_args!(
            "expected a path with a name at its end, such as /echo, got `{text}`"
        )));
    }
    Ok(bare)
}

/// A path, whether it was written with or without a `/` at its end.
pub(crate) fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}
