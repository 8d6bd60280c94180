//! Looking strings up on the hot path.
//!
//! The engine has no `HashMap`, since iterating over one differs from run to run. This table is
//! built once, is then immutable, hashes with a fixed function and cannot be iterated over, so
//! that nothing can depend on its order. Its keys come out of the configuration: a client chooses
//! what is looked up and not what is stored, and cannot make chains longer.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

/// An immutable map from strings, with open addressing and linear probing.
#[derive(Clone, Debug)]
pub struct Lookup<V> {
    /// A power of two, at least twice the number of keys; empty for an empty table.
    slots: Box<[Slot<V>]>,
    len: usize,
}

type Slot<V> = Option<(Arc<str>, V)>;

// === impl Lookup ===

impl<V> Lookup<V> {
    /// Of two entries with the same key the first one stays.
    pub fn new(entries: impl IntoIterator<Item = (Arc<str>, V)>) -> Self {
        let entries: Vec<_> = entries.into_iter().collect();
        let size = match entries.len() {
            0 => 0,
            n => (2 * n).next_power_of_two(),
        };
        let mut table = Self {
            slots: core::iter::repeat_with(|| None).take(size).collect(),
            len: 0,
        };
        for (key, value) in entries {
            let slot = table.slot_of(&key);
            if let Some(free @ None) = table.slots.get_mut(slot) {
                *free = Some((key, value));
                table.len += 1;
            }
        }
        table
    }

    pub fn get(&self, key: &str) -> Option<&V> {
        if self.slots.is_empty() {
            return None;
        }
        self.slots[self.slot_of(key)].as_ref().map(|(_, v)| v)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slot that holds `key`, or the free one where it would go. There always is a free one:
    /// half of the slots are.
    fn slot_of(&self, key: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = xxh3_64(key.as_bytes()) as usize & mask;
        while let Some((taken, _)) = &self.slots[slot] {
            if **taken == *key {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }
}

impl<V> Default for Lookup<V> {
    fn default() -> Self {
        Self::new([])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_an_ordered_map_finds(
            entries in proptest::collection::vec(("[a-c]{0,3}", 0..9u8), 0..40),
            asked in proptest::collection::vec("[a-c]{0,3}", 0..40),
        ) {
            let table = Lookup::new(entries.iter().map(|(k, v)| (k.as_str().into(), *v)));
            let mut map = BTreeMap::new();
            for (key, value) in &entries {
                map.entry(key.clone()).or_insert(*value);
            }
            prop_assert_eq!(table.len(), map.len());
            for key in asked.iter().chain(entries.iter().map(|(k, _)| k)) {
                prop_assert_eq!(table.get(key), map.get(key));
            }
        }
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        assert_eq!(Lookup::<u8>::default().get("a"), None);
        assert!(Lookup::<u8>::default().is_empty());
    }
}
