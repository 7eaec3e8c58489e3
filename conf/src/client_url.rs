//! The script of a SockJS client that a page of Towpath's loads. The URL is written into that page as it is, so it
//! cannot hold what would end the attribute that it stands in.

use serde::{Deserialize, Deserializer, de};

/// The published client.
pub(crate) const DEFAULT: &str = "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js";

/// The same as a regular expression, as far as one can say it.
pub(crate) const PATTERN: &str =
    r#"^([Hh][Tt][Tt][Pp][Ss]?://[^/?#"'`<>\s][^"'`<>\s]*|/[^"'`<>\s]*)$"#;

/// Reads the value of `client_url`.
pub(crate) fn client_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check(&text).map_err(de::Error::custom)?;
    Ok(text)
}

fn check(text: &str) -> Result<(), String> {
    if !(text.starts_with('/') || has_host(text)) {
        return Err(format!(
            "expected an http or https URL, or a path that begins with `/`, got `{text}`"
        ));
    }
    match text.chars().find(|c| breaks_out(*c)) {
        Some(wrong) => Err(format!(
            "expected a URL without quotes, angle brackets, spaces and control characters, got {wrong:?} in it"
        )),
        None => Ok(()),
    }
}

pub(crate) fn has_host(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let is_http = ["http", "https"]
            .iter()
            .any(|http| scheme.eq_ignore_ascii_case(http));
        is_http && rest.starts_with(|c| !matches!(c, '/' | '?' | '#'))
    })
}

/// Old browsers take a backtick for a quote.
fn breaks_out(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '<' | '>') || c.is_whitespace() || c.is_control()
}
