//! Where a route sends its clients instead of to a backend.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::client_url::has_host;

/// What stands for a part of the request.
const PLACEHOLDERS: [&str; 4] = ["host", "path", "query", "uri"];

/// The way to the same URL over TLS.
const HTTPS: &str = "https://{host}{uri}";

/// A redirect: `https`, a URL, or a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redirect {
    /// A URL, or a path of the same host. `{host}` stands for the request's host without its port, `{path}` and `{query}`
    /// for those parts of its target, `{uri}` for both with their `?`.
    pub to: String,
    /// 301, 302, 303, 307 or 308. Default: 308, which keeps the method.
    pub status: u16,
}

/// The map form of `redirect`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "`https`, a URL or a map")]
struct RedirectMap {
    /// A URL, or a path of the same host. `{host}` stands for the request's host without its port, `{path}` and `{query}`
    /// for those parts of its target, `{uri}` for both with their `?`.
    to: String,
    /// How permanent it is, and whether the method is kept.
    #[serde(default = "permanent")]
    #[schemars(extend("enum" = [301, 302, 303, 307, 308]))]
    status: u16,
}

fn permanent() -> u16 {
    308
}

impl Redirect {
    fn new<E: de::Error>(to: &str, status: u16) -> Result<Self, E> {
        if !matches!(status, 301..=303 | 307 | 308) {
            let message = format!("expected a status of 301, 302, 303, 307 or 308, got {status}");
            return Err(E::custom(message));
        }
        check(to).map_err(E::custom)?;
        Ok(Self {
            to: to.to_owned(),
            status,
        })
    }
}

fn check(to: &str) -> Result<(), String> {
    // Two slashes begin with a host, which then would be the client's choice.
    let is_path = to.starts_with('/') && !to.starts_with("//");
    if !(is_path || has_host(to)) {
        return Err(format!(
            "expected `https`, a URL, or a path that begins with `/`, got `{to}`"
        ));
    }
    if to.bytes().any(|b| b.is_ascii_control() || b == b' ') {
        return Err("expected a URL without spaces and control characters".to_owned());
    }
    for part in to.split('{').skip(1) {
        let Some((name, _)) = part.split_once('}') else {
            return Err(format!("expected a `}}` after each `{{`, got `{to}`"));
        };
        if !PLACEHOLDERS.contains(&name) {
            let known = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
            return Err(format!(
                "unknown placeholder `{{{name}}}`; expected one of {known}"
            ));
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Redirect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RedirectVisitor)
    }
}

struct RedirectVisitor;

impl<'de> de::Visitor<'de> for RedirectVisitor {
    type Value = Redirect;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`https`, a URL or a map")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Redirect, E> {
        Redirect::new(if text == "https" { HTTPS } else { text }, permanent())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Redirect, A::Error> {
        let RedirectMap { to, status } = RedirectMap::deserialize(MapAccessDeserializer::new(map))?;
        Redirect::new(&to, status)
    }
}

impl JsonSchema for Redirect {
    fn schema_name() -> Cow<'static, str> {
        "Redirect".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<RedirectMap>();
        json_schema!({
            "description": "Where clients are sent: `https` (the same URL over TLS), a URL, or a map.",
            "anyOf": [{ "type": "string" }, map],
        })
    }
}
