//! A JSON object whose values are left as they are written, in their order.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Its entries. Of those with the same key, the last is the one that counts, as in JavaScript.
#[derive(Clone, Debug)]
pub(super) struct Object<'a>(Vec<(Key<'a>, &'a RawValue)>);

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Object<'a> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&RawValue> {
        let mut latest = self.0.iter().rev();
        let (_, value) = latest.find(|(Key(name), _)| name == key)?;
        Some(value)
    }

    /// Reads the value of a key that must be there.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &'static str) -> serde_json::Result<T> {
        let value = self.get(key).ok_or_else(|| Error::missing_field(key))?;
        serde_json::from_str(value.get())
    }

    /// Gives a key another value, where it stands or at the end.
    pub(super) fn set(&mut self, key: &'static str, value: &'a RawValue) {
        let mut found = false;
        for (_, old) in self.0.iter_mut().filter(|(Key(name), _)| name == key) {
            *old = value;
            found = true;
        }
        if !found {
            self.0.push((Key(key.into()), value));
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        from.deserialize_map(Entries)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
