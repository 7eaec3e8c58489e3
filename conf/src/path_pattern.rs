//! The paths that a route serves: a prefix of whole segments, or `{ exact: ... }`, or `{ regex: ... }`.

use std::borrow::Cow;
use std::fmt;

use regex::RegexBuilder;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::pattern::{REGEX_SIZE_LIMIT, explain, only};
use crate::route::PathPattern;

/// The map form: one of its keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    prefix: Option<String>,
    exact: Option<String>,
    regex: Option<String>,
}

impl Default for PathPattern {
    fn default() -> Self {
        Self::Prefix("/".to_owned())
    }
}

impl PathPattern {
    fn prefix<E: de::Error>(text: &str) -> Result<Self, E> {
        let path = absolute(text)?;
        let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty());
        Ok(Self::Prefix(bare.unwrap_or(path).to_owned()))
    }

    fn regex<E: de::Error>(text: &str) -> Result<Self, E> {
        RegexBuilder::new(text)
            .size_limit(REGEX_SIZE_LIMIT)
            .build()
            .map(Self::Regex)
            .map_err(|e| E::custom(explain(text, &e)))
    }
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prefix(a), Self::Prefix(b)) | (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

/// A path as requests bring it (RFC 9112 §3.2.1): anything else would never match.
pub(crate) fn absolute<E: de::Error>(text: &str) -> Result<&str, E> {
    if !text.starts_with('/') || text.contains(['?', '#']) {
        return Err(E::custom(format_args!(
            "expected a path that begins with `/`, without query, got `{text}`"
        )));
    }
    if text.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err(E::custom(format_args!(
            "expected a path in percent-encoding, got `{text}`"
        )));
    }
    Ok(text)
}

impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PathVisitor)
    }
}

struct PathVisitor;

impl<'de> de::Visitor<'de> for PathVisitor {
    type Value = PathPattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, or a map with `prefix`, `exact` or `regex`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PathPattern, E> {
        PathPattern::prefix(text)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PathPattern, A::Error> {
        let Form {
            prefix,
            exact,
            regex,
        } = Form::deserialize(MapAccessDeserializer::new(map))?;
        match (prefix, exact, regex) {
            (Some(text), None, None) => PathPattern::prefix(&text),
            (None, Some(text), None) => Ok(PathPattern::Exact(absolute(&text)?.to_owned())),
            (None, None, Some(text)) => PathPattern::regex(&text),
            _ => Err(de::Error::custom(
                "expected one of the keys `prefix`, `exact` and `regex`",
            )),
        }
    }
}

impl JsonSchema for PathPattern {
    fn schema_name() -> Cow<'static, str> {
        "PathPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A prefix of whole segments, or `{ exact: ... }`, or `{ regex: ... }`.",
            "anyOf": [
                { "type": "string", "pattern": "^/" },
                only("prefix", "string"),
                only("exact", "string"),
                only("regex", "string"),
            ],
        })
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Prefix(path) => serializer.serialize_str(path),
            Self::Exact(path) => serializer.collect_map([("exact", path)]),
            Self::Regex(regex) => serializer.collect_map([("regex", regex.as_str())]),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(yaml: &str) -> PathPattern {
        serde_yaml::from_str(yaml).unwrap()
    }

    #[test]
    fn one_slash_at_the_end_of_a_prefix_means_nothing() {
        assert_eq!(parse("/ws/"), parse("/ws"));
        assert_eq!(parse("/"), PathPattern::default());
        assert_ne!(parse("{ exact: /ws/ }"), parse("{ exact: /ws }"));
    }

    #[test]
    fn what_no_request_brings_is_refused() {
        for text in ["ws", "/a?b", "/a#b", "/a b", "/ä"] {
            let error = PathPattern::prefix::<serde_yaml::Error>(text).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
