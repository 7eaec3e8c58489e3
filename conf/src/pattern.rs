//! What a header or a query parameter must look like for a route to match.

use std::borrow::Cow;
use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A compiled expression may not take more memory than this; the engine's time is linear in any case.
pub(crate) const REGEX_SIZE_LIMIT: usize = 1 << 20;

/// A condition on one value.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// It is there and equals this.
    Exact(String),
    /// It is there and this expression is found in it.
    Regex(Regex),
    /// It is there (`true`), or not (`false`).
    Present(bool),
}

impl Pattern {
    /// Whether a value (`None`: there is none) meets the condition. Values need not be UTF-8.
    pub fn matches(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Self::Exact(expected), Some(value)) => expected.as_bytes() == value,
            (Self::Regex(regex), Some(value)) => regex.is_match(value),
            (Self::Present(expected), value) => *expected == value.is_some(),
            (Self::Exact(_) | Self::Regex(_), None) => false,
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            (Self::Present(a), Self::Present(b)) => a == b,
            _ => false,
        }
    }
}

/// The map form: one of its keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    exact: Option<String>,
    regex: Option<String>,
    present: Option<bool>,
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternVisitor)
    }
}

struct PatternVisitor;

impl<'de> de::Visitor<'de> for PatternVisitor {
    type Value = Pattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or a map with `exact`, `regex` or `present`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Pattern, E> {
        Ok(Pattern::Exact(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Pattern, E> {
        Ok(Pattern::Exact(number.to_string()))
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Pattern, E> {
        Err(unquoted(&on))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Pattern, E> {
        Err(unquoted(&number))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Pattern, A::Error> {
        let Form {
            exact,
            regex,
            present,
        } = Form::deserialize(de::value::MapAccessDeserializer::new(map))?;
        match (exact, regex, present) {
            (Some(text), None, None) => Ok(Pattern::Exact(text)),
            (None, Some(text), None) => RegexBuilder::new(&text)
                .size_limit(REGEX_SIZE_LIMIT)
                .build()
                .map(Pattern::Regex)
                .map_err(|e| de::Error::custom(explain(&text, &e))),
            (None, None, Some(present)) => Ok(Pattern::Present(present)),
            _ => Err(de::Error::custom(
                "expected one of the keys `exact`, `regex` and `present`",
            )),
        }
    }
}

/// YAML has already lost how it was written: `True` and `1.10` are not what a header says.
fn unquoted<E: de::Error>(value: &dyn fmt::Display) -> E {
    E::custom(format_args!(
        "expected text, got `{value}`; put it in quotes"
    ))
}

/// The engine's message in one line: its own drawing of the place spans several.
pub(crate) fn explain(expression: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let reason = text
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("error: "));
    let reason = reason.unwrap_or(text.trim());
    format!("expected a regular expression, got `{expression}`: {reason}")
}

/// The schema of a map with this one key.
pub(crate) fn only(key: &str, kind: &str) -> Schema {
    json_schema!({
        "type": "object",
        "properties": { key: { "type": kind } },
        "required": [key],
        "additionalProperties": false,
    })
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The exact value, or `{ regex: ... }`, or `{ present: true }`.",
            "anyOf": [
                { "type": ["string", "integer"] },
                only("exact", "string"),
                only("regex", "string"),
                only("present", "boolean"),
            ],
        })
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exact(text) => serializer.serialize_str(text),
            Self::Regex(regex) => serializer.collect_map([("regex", regex.as_str())]),
            Self::Present(present) => serializer.collect_map([("present", present)]),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]
    use super::*;

    #[test]
    fn each_kind_of_condition() {
        let exact = Pattern::Exact("a".into());
        assert!(exact.matches(Some(b"a")) && !exact.matches(Some(b"ab")) && !exact.matches(None));
        let regex = Pattern::Regex(Regex::new("^v[0-9]+$").expect("a valid expression"));
        assert!(
            regex.matches(Some(b"v12")) && !regex.matches(Some(b"\xff")) && !regex.matches(None)
        );
        assert!(Pattern::Present(true).matches(Some(b"")) && Pattern::Present(false).matches(None));
    }
}
