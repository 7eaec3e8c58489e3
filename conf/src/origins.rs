//! Whose pages may open fallback sessions: a word, an origin or a list of origins.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{SeqAccessDeserializer, UnitDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::origin::{OPAQUE, Origin};
use crate::route::Origins;

/// What a single word may be.
const WORDS: &[&str] = &["upstream", "same_origin", "scheme://host[:port]"];

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OriginsVisitor)
    }
}

struct OriginsVisitor;

impl<'de> de::Visitor<'de> for OriginsVisitor {
    type Value = Origins;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`upstream`, `same_origin`, an origin or a list of origins")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Origins, E> {
        match text {
            "upstream" => Ok(Origins::Upstream),
            "same_origin" => Ok(Origins::SameOrigin),
            _ if text == OPAQUE || text.contains(['*', ':', '/']) => {
                let Origin(one) = text.parse().map_err(E::custom)?;
                Ok(Origins::List(vec![one]))
            }
            _ => Err(E::unknown_variant(text, WORDS)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Origins, E> {
        let Origin(one) = Origin::deserialize(UnitDeserializer::new())?;
        Ok(Origins::List(vec![one]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Origins, A::Error> {
        let list = Vec::<Origin>::deserialize(SeqAccessDeserializer::new(list))?;
        let texts = list.into_iter().map(|Origin(text)| text);
        Ok(Origins::List(texts.collect()))
    }
}

impl JsonSchema for Origins {
    fn schema_name() -> Cow<'static, str> {
        "Origins".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Origin>();
        json_schema!({
            "description": "Whose pages may open fallback sessions.",
            "anyOf": [
                { "const": "upstream", "description": "Whatever the backend accepts: its handshake has the Origin." },
                { "const": "same_origin", "description": "Pages whose host and port are those of the request." },
                one,
                { "type": "array", "items": one, "minItems": 1 },
            ],
        })
    }
}

impl Serialize for Origins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Upstream => serializer.serialize_str("upstream"),
            Self::SameOrigin => serializer.serialize_str("same_origin"),
            Self::List(list) => list.serialize(serializer),
        }
    }
}
