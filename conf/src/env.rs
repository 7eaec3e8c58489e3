//! `${VAR}` and `${VAR:-default}` in scalar values. Expansion happens after YAML was read, so that no value can
//! become structure; keys are never expanded; `$${` stands for a literal `${`.

use serde_yaml::Value;

use crate::error::{Mistake, Path};
use crate::plain::key_text;

/// Looks variables up by name.
pub(crate) type Lookup<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Expands all scalars of `tree` in place and gives the mistakes in them.
pub(crate) fn expand(tree: &mut Value, lookup: Lookup<'_>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    walk(tree, &Path::default(), lookup, &mut mistakes);
    mistakes
}

fn walk(node: &mut Value, path: &Path, lookup: Lookup<'_>, mistakes: &mut Vec<Mistake>) {
    match node {
        Value::String(text) if text.contains("${") => match expand_text(text, lookup) {
            Ok(expanded) => *text = expanded,
            Err(message) => mistakes.push(Mistake::new(path.clone(), message)),
        },
        Value::Sequence(list) => {
            for (index, element) in list.iter_mut().enumerate() {
                walk(element, &path.index(index), lookup, mistakes);
            }
        }
        Value::Mapping(map) => {
            for (key, value) in map.iter_mut() {
                walk(value, &path.key(&key_text(key)), lookup, mistakes);
            }
        }
        _ => {}
    }
}

fn expand_text(text: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(literal) = before.strip_suffix('$') {
            out.push_str(literal);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (reference, after) = after
            .split_once('}')
            .ok_or_else(|| format!("`${{` without `}}` in `{text}`"))?;
        out.push_str(&resolve(reference, lookup)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// As in a shell: the default also stands in for an empty value.
fn resolve(reference: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let valid = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !valid || name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!(
            "expected the name of an environment variable, got `{name}`"
        ));
    }
    match (lookup(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!(
            "environment variable `{name}` is not set and has no default"
        )),
    }
}

#[cfg(test)]
mod tests {
    fn expand_text(text: &str) -> Result<String, String> {
        super::expand_text(text, &|name| match name {
            "HOST" => Some("app".to_owned()),
            "EMPTY" => Some(String::new()),
            "YAML" => Some("a }, admin: { address: \"*\" } # ${HOST}\n- b".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn variables_and_defaults() {
        assert_eq!(
            expand_text("${HOST}:${PORT:-3000}").as_deref(),
            Ok("app:3000")
        );
        assert_eq!(expand_text("${EMPTY:-x}${EMPTY}").as_deref(), Ok("x"));
        assert_eq!(
            expand_text("a$b $${HOST} ${NONE:-}").as_deref(),
            Ok("a$b ${HOST} ")
        );
    }

    /// Texts are expanded when YAML was read already, and once.
    #[test]
    fn a_value_is_text_whatever_it_looks_like() {
        assert_eq!(
            expand_text("x${YAML}y").as_deref(),
            Ok("xa }, admin: { address: \"*\" } # ${HOST}\n- by")
        );
    }

    #[test]
    fn mistakes_are_told() {
        assert!(expand_text("${NONE}").is_err_and(|e| e.contains("`NONE` is not set")));
        assert!(expand_text("${HOST").is_err_and(|e| e.contains("without `}`")));
        assert!(expand_text("${A-B}").is_err_and(|e| e.contains("`A-B`")));
    }
}
