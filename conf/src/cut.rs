//! Cutting mistaken nodes out of a tree, so that the rest of it can be read. A cut node stays where it is, as a mark
//! that the reader passes over: its neighbours keep their places, and later mistakes can be told from consequences.

use serde_yaml::Value;
use serde_yaml::value::{Tag, TaggedValue};

use crate::error::{Mistake, Path, Segment};

/// Marks a node as cut out. The whole tree cannot be.
pub(crate) fn cut(tree: &mut Value, path: &Path) -> bool {
    match find_mut(tree, path) {
        Some(node) if !path.0.is_empty() => {
            *node = mark();
            true
        }
        _ => false,
    }
}

/// What stands in the place of a node that was cut out.
pub(crate) fn mark() -> Value {
    Value::Tagged(Box::new(TaggedValue {
        tag: Tag::new("cut"),
        value: Value::Null,
    }))
}

/// Whether a node was cut out.
pub(crate) fn is_cut(node: &Value) -> bool {
    matches!(node, Value::Tagged(tagged) if tagged.tag == "cut" && tagged.value.is_null())
}

/// The node at `path`.
pub(crate) fn find<'t>(tree: &'t Value, path: &Path) -> Option<&'t Value> {
    path.0.iter().try_fold(tree, |node, segment| match segment {
        Segment::Key(key) => node.get(key.as_str()),
        Segment::Index(index) => node.get(*index),
    })
}

fn find_mut<'t>(tree: &'t mut Value, path: &Path) -> Option<&'t mut Value> {
    path.0.iter().try_fold(tree, |node, segment| match segment {
        Segment::Key(key) => node.get_mut(key.as_str()),
        Segment::Index(index) => node.get_mut(*index),
    })
}

/// Of the mistakes found in what could be read, those that do not merely follow from what was cut out;
/// their paths counted as in the tree, with the elements that are gone.
pub(crate) fn independent(tree: &Value, mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let in_tree = mistakes.into_iter().map(|mistake| Mistake {
        path: in_tree(tree, &mistake.path),
        because: mistake.because.iter().map(|p| in_tree(tree, p)).collect(),
        rival: mistake.rival.as_ref().map(|path| in_tree(tree, path)),
        ..mistake
    });
    in_tree
        .filter(|mistake| {
            let own = find(tree, &mistake.path).is_some_and(holds_cut);
            let because = mistake.because.iter().chain(&mistake.rival);
            let mut all = because.chain([&mistake.path]);
            !own && !all.any(|path| is_torn(tree, path))
        })
        .collect()
}

/// Lists are read without what was cut out of them; this counts it again.
fn in_tree(tree: &Value, path: &Path) -> Path {
    let mut whole = Path::default();
    for segment in &path.0 {
        let list = find(tree, &whole).and_then(Value::as_sequence);
        let index = match (segment, list) {
            (Segment::Index(index), Some(list)) => (0..list.len())
                .filter(|at| list.get(*at).is_some_and(|node| !is_cut(node)))
                .nth(*index),
            _ => None,
        };
        whole = Path([whole.0, vec![index.map_or(segment.clone(), Segment::Index)]].concat());
    }
    whole
}

/// Whether something was cut out of the node at `path` itself, or it may be missing since it was misspelt.
fn is_torn(tree: &Value, path: &Path) -> bool {
    let node = match (find(tree, path), path.0.split_last()) {
        (Some(node), _) => Some(node),
        (None, Some((_, above))) => find(tree, &Path(above.to_vec())),
        (None, None) => None,
    };
    node.is_some_and(|node| is_cut(node) || children(node).any(is_cut))
}

fn holds_cut(node: &Value) -> bool {
    is_cut(node) || children(node).any(holds_cut)
}

fn children(node: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match node {
        Value::Sequence(list) => Box::new(list.iter()),
        Value::Mapping(map) => Box::new(map.values()),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tree() -> Value {
        serde_yaml::from_str("list: [a, b, c]\nmap: { x: { y: 1 }, z: 2 }").unwrap()
    }

    #[test]
    fn what_is_left_of_a_list_keeps_its_places() {
        let list = Path::default().key("list");
        let mut tree = tree();
        assert!(cut(&mut tree, &list.index(0)));
        let found = independent(&tree, vec![Mistake::new(list.index(1), "c is wrong")]);
        assert_eq!(found, [Mistake::new(list.index(2), "c is wrong")]);
    }

    #[test]
    fn consequences_of_a_cut_are_left_out() {
        let map = Path::default().key("map");
        let mut tree = tree();
        assert!(cut(&mut tree, &map.key("x").key("y")));
        let inner = Mistake::new(map.key("x"), "nothing in it");
        let because = Mistake::new(map.key("z"), "no such y").because([map.key("x")]);
        let unrelated = Mistake::new(map.key("z"), "too small").because([map.clone()]);
        let missing = Mistake::new(map.key("x").key("why"), "not given");
        let found = independent(&tree, vec![inner, because, unrelated.clone(), missing]);
        assert_eq!(found, [unrelated]);
    }

    #[test]
    fn the_whole_cannot_be_cut_out() {
        assert!(!cut(&mut tree(), &Path::default()));
    }
}
