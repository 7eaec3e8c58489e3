//! The path that a backend sees.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::path_pattern::absolute;

/// Changes of the path on its way to the backend; both together replace a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub struct Rewrite {
    /// A prefix that is taken away, by whole segments; a path without it stays as it is. The backend finds it in
    /// `X-Forwarded-Prefix`.
    #[serde(deserialize_with = "prefix")]
    pub strip_prefix: Option<String>,
    /// A prefix that is then put in front.
    #[serde(deserialize_with = "prefix")]
    pub add_prefix: Option<String>,
}

/// Without a `/` at the end, since the rest of the path begins with one.
fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let path = absolute::<D::Error>(&text)?;
    let bare = path.strip_suffix('/').unwrap_or(path);
    let is_plain = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
    let spells = |b: u8| b.is_ascii_graphic() && !matches!(b, b'%' | b'\\' | b'"' | b'<' | b'>');
    if !bare.split('/').skip(1).all(is_plain) || !bare.bytes().all(spells) {
        return Err(de::Error::custom(format_args!(
            "expected a path of plain segments such as `/app`, got `{text}`"
        )));
    }
    Ok(Some(bare.to_owned()))
}
