//! The JSON Schema (draft 2020-12) of the configuration, out of the types that read it, so that editors complete it.
//! Wherever a scalar may stand, so may a text with `${VAR}` in it, as for the reader.

use schemars::Schema;
use schemars::transform::transform_subschemas;
use serde_json::{Value, json};

use crate::model::Config;

const REFERENCE: &str = r"\$\{";

/// The schema as JSON.
pub fn schema() -> Value {
    let mut schema = bare();
    admit_references(&mut schema);
    schema.to_value()
}

/// The schema of the values alone, as they are after `${VAR}` was expanded.
pub(crate) fn bare() -> Schema {
    let mut schema = schemars::schema_for!(Config);
    schema.insert("title".to_owned(), "Towpath configuration".into());
    schema
}

/// What is below comes first: the alternative that is added here is done already.
fn admit_references(schema: &mut Schema) {
    transform_subschemas(&mut admit_references, schema);
    admit_in_place_of_text(schema);
    admit_in_place_of_others(schema);
    admit_in_place_of_names(schema);
}

fn admit_in_place_of_text(schema: &mut Schema) {
    if let Some(Value::String(pattern)) = schema.get_mut("pattern") {
        *pattern = format!("{pattern}|{REFERENCE}");
    }
}

/// `pattern` says nothing of what is not text, so the others keep their own bounds.
fn admit_in_place_of_others(schema: &mut Schema) {
    let types = match schema.get("type") {
        Some(Value::String(name)) => vec![name.clone().into()],
        Some(Value::Array(names)) => names.clone(),
        _ => return,
    };
    let has = |name: &str| types.contains(&name.into());
    let is_scalar = ["boolean", "integer", "number"].into_iter().any(has);
    if is_scalar && !has("string") {
        let all = [types, vec!["string".into()]].concat();
        schema.insert("type".to_owned(), all.into());
        schema.insert("pattern".to_owned(), REFERENCE.into());
    }
}

/// One more among the names of an enumeration.
fn admit_in_place_of_names(schema: &mut Schema) {
    let is_name = |form: &Value| form.get("const").is_some() || form.get("enum").is_some();
    for choice in ["oneOf", "anyOf"] {
        if let Some(Value::Array(forms)) = schema.get_mut(choice)
            && forms.iter().any(is_name)
        {
            forms.push(json!({ "type": "string", "pattern": REFERENCE }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::json_schema;

    fn admitted(mut schema: Schema) -> Value {
        admit_references(&mut schema);
        schema.to_value()
    }

    #[test]
    fn every_scalar_may_be_a_reference() {
        assert_eq!(
            admitted(json_schema!({ "type": "integer", "minimum": 1 })),
            json!({ "type": ["integer", "string"], "minimum": 1, "pattern": r"\$\{" })
        );
        assert_eq!(
            admitted(json_schema!({ "type": "string", "pattern": "^/" })),
            json!({ "type": "string", "pattern": r"^/|\$\{" })
        );
        assert_eq!(
            admitted(json_schema!({ "oneOf": [{ "const": "a" }] })),
            json!({ "oneOf": [{ "const": "a" }, { "type": "string", "pattern": r"\$\{" }] })
        );
    }
}
