//! The JSON Schema (draft 2020-12) of the configuration, out of the types that read it, so that editors complete it.

use crate::model::Config;

/// The schema as JSON.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Config);
    schema.insert("title".to_owned(), "Towpath configuration".into());
    schema.to_value()
}
