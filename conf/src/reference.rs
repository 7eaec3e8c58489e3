//! The reference of the configuration for people, as Markdown, out of the same schema as the editors' one.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::schema::bare;

const HEAD: &str = "# The configuration, key by key\n\n\
    Made by `towpath schema --markdown`; the same as a JSON Schema: `towpath schema`.\n\n\
    Durations have units (`250ms`, `30s`, `1h30m`), sizes too (`64KiB`, `1MiB`). `${VAR}` and `${VAR:-default}` are \
    expanded in values, `$${` is a literal `${`. Unknown keys are errors. `towpath check FILE` reports every mistake.\n";

/// The reference as Markdown.
pub fn reference() -> String {
    let schema = bare().to_value();
    let mut text = HEAD.to_owned();
    section(&mut text, "The file", &schema);
    if let Some(definitions) = schema.get("$defs").and_then(Value::as_object) {
        for (name, definition) in definitions {
            section(&mut text, name, definition);
        }
    }
    text
}

fn section(text: &mut String, title: &str, schema: &Value) {
    let _ = write!(text, "\n## {title}\n");
    if let Some(description) = description(schema) {
        let _ = write!(text, "\n{description}\n");
    }
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) => table(text, schema, properties),
        None => {
            if let Some(values) = values(schema) {
                text.push_str(&values);
            }
        }
    }
}

fn table(text: &mut String, schema: &Value, properties: &Map<String, Value>) {
    let required = schema.get("required").and_then(Value::as_array);
    text.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
    for (key, property) in properties {
        let is_required = required.is_some_and(|keys| keys.iter().any(|k| k == key));
        let default = default(property, is_required);
        let meaning = meaning(property);
        let _ = writeln!(
            text,
            "| `{key}` | {} | {default} | {meaning} |",
            kind(property)
        );
    }
}

fn default(property: &Value, is_required: bool) -> String {
    match property.get("default") {
        _ if is_required => "required".to_owned(),
        None | Some(Value::Null) => "none".to_owned(),
        Some(default) if is_empty(default) => "none".to_owned(),
        // Its own table says it better.
        Some(Value::Object(_)) => "see there".to_owned(),
        Some(default) => format!("`{}`", plain(default)),
    }
}

/// Without the default, where that has a column of its own.
fn meaning(property: &Value) -> String {
    let text = description(property).unwrap_or_default().replace('\n', " ");
    let has_default = property
        .get("default")
        .is_some_and(|d| !d.is_null() && !is_empty(d));
    match text.split_once(" Default: ") {
        Some((meaning, _)) if has_default => meaning.to_owned(),
        _ => text,
    }
}

/// The names of an enumeration, or the forms a value may take.
fn values(schema: &Value) -> Option<String> {
    let mut text = "\n".to_owned();
    if let Some(names) = schema.get("enum").and_then(Value::as_array) {
        let _ = writeln!(text, "One of {}.", quoted(names));
        return Some(text);
    }
    let forms = schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))
        .and_then(Value::as_array);
    if let Some(forms) = forms {
        for form in forms {
            let meaning = description(form).map(|d| format!(": {}", d.replace('\n', " ")));
            let _ = writeln!(text, "- {}{}", kind(form), meaning.unwrap_or_default());
        }
        return Some(text);
    }
    let examples = schema.get("examples").and_then(Value::as_array)?;
    let _ = writeln!(text, "For example {}.", quoted(examples));
    Some(text)
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}

fn quoted(values: &[Value]) -> String {
    values
        .iter()
        .map(|value| format!("`{}`", plain(value)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// Text without JSON's quotes.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// What a value is, in a word, with a link to its own section.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|r| r.rsplit('/').next())
    {
        return format!("[{name}](#{})", name.to_ascii_lowercase());
    }
    if let Some(name) = schema.get("const") {
        return format!("`{}`", plain(name));
    }
    if let Some(names) = schema.get("enum").and_then(Value::as_array) {
        return quoted(names);
    }
    if let Some(forms) = schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))
        .and_then(Value::as_array)
    {
        let forms: Vec<String> = forms
            .iter()
            .filter(|form| form.get("type") != Some(&"null".into()))
            .map(kind)
            .collect();
        return forms.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(name)) if name == "array" => {
            format!(
                "list of {}",
                schema
                    .get("items")
                    .map_or_else(|| "values".to_owned(), kind)
            )
        }
        Some(Value::String(name)) if name == "object" => object(schema),
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let names: Vec<String> = names
                .iter()
                .map(plain)
                .filter(|name| name != "null")
                .collect();
            names.join(" or ")
        }
        _ => "value".to_owned(),
    }
}

fn object(schema: &Value) -> String {
    if let Some(values) = schema
        .get("additionalProperties")
        .filter(|values| values.is_object())
    {
        return format!("map of names to {}", kind(values));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let keys = properties.into_iter().flatten();
    let pairs: Vec<String> = keys
        .map(|(key, value)| format!("`{key}:` {}", kind(value)))
        .collect();
    if pairs.is_empty() {
        "map".to_owned()
    } else {
        format!("map with {}", pairs.join(", "))
    }
}
