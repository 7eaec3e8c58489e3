//! Plain YAML: keys are text, and nothing has a tag. YAML also knows numbers, switches and whole maps as keys, and
//! reads `0x10: ` as 16: rather than guess what was meant, ask for quotes.

use serde_yaml::{Mapping, Value};

use crate::cut;
use crate::error::{Mistake, Path};

/// The key as text, as far as it is a scalar.
pub(crate) fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(on) => on.to_string(),
        _ => String::new(),
    }
}

/// Cuts out what has a tag or stands under a key that is not text, and gives the mistakes.
pub(crate) fn refuse(tree: &mut Value) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    walk(tree, &Path::default(), &mut mistakes);
    mistakes
}

fn walk(node: &mut Value, path: &Path, mistakes: &mut Vec<Mistake>) {
    match node {
        Value::Sequence(list) => {
            for (index, element) in list.iter_mut().enumerate() {
                walk(element, &path.index(index), mistakes);
            }
        }
        Value::Mapping(map) => {
            for (key, value) in map.iter_mut() {
                walk(value, &path.key(&key_text(key)), mistakes);
            }
            if map.keys().any(|key| !key.is_string()) {
                *map = texts(std::mem::take(map), path, mistakes);
            }
        }
        Value::Tagged(_) => {
            mistakes.push(Mistake::new(path.clone(), "YAML tags mean nothing here"));
            *node = cut::mark();
        }
        _ => {}
    }
}

fn texts(map: Mapping, path: &Path, mistakes: &mut Vec<Mistake>) -> Mapping {
    let mut clean = Mapping::with_capacity(map.len());
    for (key, value) in map {
        if key.is_string() {
            clean.insert(key, value);
            continue;
        }
        let name = key_text(&key);
        mistakes.push(if name.is_empty() {
            Mistake::new(path.clone(), "expected text as a key")
        } else {
            let message = format!("expected text as a key; put `{name}` in quotes");
            Mistake::new(path.key(&name), message).at_key()
        });
        clean.entry(Value::String(name)).or_insert_with(cut::mark);
    }
    clean
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_that_are_not_text_are_cut_out_and_told() {
        let mut tree = serde_yaml::from_str("a: { 1: x, '2': y }\ntrue: z").unwrap();
        let mistakes = refuse(&mut tree);
        let paths: Vec<_> = mistakes.iter().map(|m| m.path.to_string()).collect();
        assert_eq!(paths, ["a.1", "true"]);
        let a = Path::default().key("a");
        assert!(cut::find(&tree, &a.key("1")).is_some_and(cut::is_cut));
        assert_eq!(cut::find(&tree, &a.key("2")), Some(&Value::from("y")));
    }

    #[test]
    fn nobody_can_pass_for_cut_out() {
        let mut tree = serde_yaml::from_str("a: !cut\nb: [!cut ~]").unwrap();
        let mistakes = refuse(&mut tree);
        let paths: Vec<_> = mistakes.iter().map(|m| m.path.to_string()).collect();
        assert_eq!(paths, ["a", "b[0]"]);
    }
}
