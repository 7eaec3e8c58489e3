//! What is shared for as long as somebody holds it, by key. It holds nothing itself and forgets what is gone, so that
//! it cannot grow with the reloads of a process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Shared values by key.
pub(crate) struct WeakMap<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K, V> Default for WeakMap<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> WeakMap<K, V> {
    /// The value of a key, if somebody holds it.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.lock().get(key).and_then(Weak::upgrade)
    }

    /// Sets the value of a key.
    pub(crate) fn insert(&self, key: K, value: &Arc<V>) {
        let mut known = self.lock();
        known.retain(|_, value| value.strong_count() > 0);
        known.insert(key, Arc::downgrade(value));
    }

    /// The value of a key; if nobody holds one, what `make` gives. Two who ask at once get the same.
    pub(crate) fn get_or_insert_with(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        let mut known = self.lock();
        if let Some(value) = known.get(&key).and_then(Weak::upgrade) {
            return value;
        }
        known.retain(|_, value| value.strong_count() > 0);
        let value = Arc::new(make());
        known.insert(key, Arc::downgrade(&value));
        value
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Weak<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_forgotten_when_nobody_holds_it() {
        let map = WeakMap::default();
        let (held, gone) = (Arc::new(1), Arc::new(2));
        map.insert("held", &held);
        map.insert("gone", &gone);
        assert_eq!(map.get(&"gone"), Some(gone.clone()));
        drop(gone);
        assert_eq!(map.get(&"gone"), None);
        assert_eq!(map.get(&"held"), Some(held.clone()));
        map.insert("other", &held);
        assert_eq!(map.lock().len(), 2);
    }

    #[test]
    fn a_value_is_made_where_nobody_holds_one() {
        let map = WeakMap::default();
        let held = map.get_or_insert_with("key", || 1);
        assert_eq!(*map.get_or_insert_with("key", || 2), 1);
        drop(held);
        assert_eq!(*map.get_or_insert_with("key", || 2), 2);
    }
}
