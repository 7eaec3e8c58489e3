//! Line and column of a value in the text. serde_yaml keeps positions to itself, except in errors: so the text is
//! read once more along the path, and an error is raised where it ends.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, Visitor};

use crate::error::{Path, Segment};

const FOUND: &str = "found";

/// Line and column, from 1, of the value at `path`, or of its key. `None` if there is no such value.
pub(crate) fn find(text: &str, path: &Path, at_key: bool) -> Option<(usize, usize)> {
    let probe = Probe {
        path: &path.0,
        at_key,
    };
    let error = probe
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .err()?;
    let location = error
        .location()
        .filter(|_| error.to_string().contains(FOUND))?;
    Some((location.line(), location.column()))
}

/// Goes down one step of the path.
#[derive(Clone, Copy)]
struct Probe<'p> {
    path: &'p [Segment],
    at_key: bool,
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'p> Probe<'p> {
    fn here<E: de::Error, T>(self) -> Result<T, E> {
        Err(E::custom(FOUND))
    }

    /// The rest of the path, if it goes through `segment`.
    fn step(self, segment: &Segment) -> Option<Probe<'p>> {
        let (first, rest) = self.path.split_first()?;
        (first == segment).then_some(Probe { path: rest, ..self })
    }
}

/// Wherever the path has ended, whatever is there, we have arrived.
macro_rules! arrive {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method<E: de::Error>(self, _: $kind) -> Result<(), E> {
            if self.path.is_empty() { self.here() } else { Ok(()) }
        })*
    };
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    arrive!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        if self.path.is_empty() {
            self.here()
        } else {
            Ok(())
        }
    }

    /// A value with a tag.
    fn visit_enum<A: de::EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        if self.path.is_empty() {
            return self.here();
        }
        let (IgnoredAny, value) = tagged.variant()?;
        de::VariantAccess::newtype_variant::<IgnoredAny>(value).map(drop)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.path.is_empty() {
            return self.here();
        }
        for index in 0.. {
            let more = match self.step(&Segment::Index(index)) {
                Some(probe) => list.next_element_seed(probe)?.is_some(),
                None => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.path.is_empty() {
            return self.here();
        }
        while let Some(next) = map.next_key_seed(Key(self))? {
            match next {
                Some(probe) => map.next_value_seed(probe)?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// Reads a key and tells whether the path goes through it.
struct Key<'p>(Probe<'p>);

impl<'de, 'p> DeserializeSeed<'de> for Key<'p> {
    type Value = Option<Probe<'p>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for Key<'p> {
    type Value = Option<Probe<'p>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        let next = self.0.step(&Segment::Key(key.to_owned()));
        match next {
            Some(probe) if probe.path.is_empty() && self.0.at_key => self.0.here(),
            next => Ok(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: 1\nlist:\n  - x: 1\n    y: [p, q]\n  - z:\n      deep: true\n";

    #[test]
    fn values_and_keys_are_found() {
        let root = Path::default();
        let list = root.key("list");
        assert_eq!(find(TEXT, &root.key("a"), false), Some((1, 4)));
        assert_eq!(find(TEXT, &root.key("a"), true), Some((1, 1)));
        assert_eq!(
            find(TEXT, &list.index(0).key("y").index(1), false),
            Some((4, 12))
        );
        assert_eq!(
            find(TEXT, &list.index(1).key("z").key("deep"), true),
            Some((6, 7))
        );
        assert_eq!(find(TEXT, &list.index(1), false), Some((5, 5)));
        assert_eq!(find(TEXT, &list.index(2), false), None);
        assert_eq!(find(TEXT, &root.key("none"), false), None);
    }
}
