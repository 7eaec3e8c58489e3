//! The address that a SockJS client is sent to by `/info`: `on`, `off`, or a URL.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::client_url::has_host;
use crate::path_pattern::absolute;
use crate::switch;

/// Where clients find the process that answered them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BaseUrl {
    /// They are not told.
    Off,
    /// At the service's own address, as the client itself knows it.
    #[default]
    On,
    /// At this URL, without a slash at its end: where a proxy in front changes hosts or paths.
    At(String),
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BaseUrlVisitor)
    }
}

struct BaseUrlVisitor;

impl de::Visitor<'_> for BaseUrlVisitor {
    type Value = BaseUrl;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`on`, `off` or a URL")
    }

    fn visit_bool<E>(self, on: bool) -> Result<BaseUrl, E> {
        Ok(if on { BaseUrl::On } else { BaseUrl::Off })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<BaseUrl, E> {
        if text.contains("://") {
            return at(text);
        }
        switch::word(text, &self).map(|on| if on { BaseUrl::On } else { BaseUrl::Off })
    }
}

/// Clients put paths at its end.
fn at<E: de::Error>(text: &str) -> Result<BaseUrl, E> {
    let bare = text.strip_suffix('/').unwrap_or(text);
    let path = bare.splitn(4, '/').nth(3).map(|path| format!("/{path}"));
    let plain = path.is_none_or(|path| absolute::<E>(&path).is_ok());
    if !has_host(bare) || !plain {
        return Err(E::custom(format_args!(
            "expected an http or https URL without query, got `{text}`"
        )));
    }
    Ok(BaseUrl::At(bare.to_owned()))
}

impl JsonSchema for BaseUrl {
    fn schema_name() -> Cow<'static, str> {
        "BaseUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`on`, `off` or a URL.",
            "anyOf": [
                switch::words(),
                { "type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#\\s][^?#\\s]*$" },
            ],
        })
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Off => "off",
            Self::On => "on",
            Self::At(url) => url,
        })
    }
}
