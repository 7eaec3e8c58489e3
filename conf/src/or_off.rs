//! A value, or the word `off` where nothing of the kind is wanted.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fault::Fault;

/// A value, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrOff<T> {
    /// Not wanted.
    Off,
    /// Wanted, and so much of it.
    On(T),
}

impl<T: Copy> OrOff<T> {
    /// The value, or `None` for `off`.
    pub const fn get(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

impl<T: fmt::Display> fmt::Display for OrOff<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(value) => value.fmt(f),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OrOff<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrOffVisitor(PhantomData))
    }
}

struct OrOffVisitor<T>(PhantomData<T>);

impl<T: DeserializeOwned> OrOffVisitor<T> {
    fn on<'v, E: de::Error>(value: impl IntoDeserializer<'v, Fault>) -> Result<OrOff<T>, E> {
        T::deserialize(value.into_deserializer())
            .map(OrOff::On)
            .map_err(|fault| E::custom(format_args!("{fault} (or `off`)")))
    }
}

impl<T: DeserializeOwned> de::Visitor<'_> for OrOffVisitor<T> {
    type Value = OrOff<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value or `off`")
    }

    /// YAML 1.1 writers quote nothing and mean `off` by `false`.
    fn visit_bool<E: de::Error>(self, on: bool) -> Result<OrOff<T>, E> {
        if on { Self::on(on) } else { Ok(OrOff::Off) }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<OrOff<T>, E> {
        Self::on(number)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<OrOff<T>, E> {
        Self::on(number)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<OrOff<T>, E> {
        Self::on(number)
    }

    /// What comes out of `${VAR}` is text, also where it is a number.
    fn visit_str<E: de::Error>(self, text: &str) -> Result<OrOff<T>, E> {
        match (text, text.parse::<u64>()) {
            ("off" | "false", _) => Ok(OrOff::Off),
            (_, Ok(number)) => Self::on(number),
            (text, Err(_)) => Self::on(text),
        }
    }
}

impl<T: JsonSchema> JsonSchema for OrOff<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}OrOff", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let on = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "enum": ["off", false] }, on] })
    }
}

impl<T: fmt::Display> Serialize for OrOff<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::units::Duration;

    #[test]
    fn both_forms_round_trip() {
        for (text, value) in [
            ("off", OrOff::Off),
            ("1m30s", OrOff::On(Duration::from_secs(90))),
        ] {
            assert_eq!(
                serde_yaml::from_str::<OrOff<Duration>>(text).unwrap(),
                value
            );
            assert_eq!(value.to_string(), text);
        }
    }
}
