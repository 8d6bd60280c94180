//! A map of shared parts with a hash over all of them that follows each change.

use core::fmt::Debug;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::digest::digest;

/// Parts by key. The hash is a sum over the entries, so one change costs one entry.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    map: Arc<BTreeMap<K, Arc<V>>>,
    sum: u64,
    hash_of: fn(&V) -> u64,
}

// === impl Table ===

impl<K: Clone + Ord + Debug, V> Table<K, V> {
    pub(super) fn new(hash_of: fn(&V) -> u64) -> Self {
        Self {
            map: Arc::default(),
            sum: 0,
            hash_of,
        }
    }

    pub(super) fn shared(&self) -> &Arc<BTreeMap<K, Arc<V>>> {
        &self.map
    }

    pub(super) fn hash(&self) -> u64 {
        self.sum
    }

    /// Puts `value` at `key`; a value with the same content keeps the part that is there. True when
    /// something changed.
    pub(super) fn set(&mut self, key: &K, value: V) -> bool {
        let hash = (self.hash_of)(&value);
        if let Some(old) = self.map.get(key) {
            let old = (self.hash_of)(old);
            if old == hash {
                return false;
            }
            self.sum = self.sum.wrapping_sub(entry(key, old));
        }
        self.sum = self.sum.wrapping_add(entry(key, hash));
        Arc::make_mut(&mut self.map).insert(key.clone(), Arc::new(value));
        true
    }

    /// True when it was there.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        let Some(old) = self.map.get(key) else {
            return false;
        };
        self.sum = self.sum.wrapping_sub(entry(key, (self.hash_of)(old)));
        Arc::make_mut(&mut self.map).remove(key);
        true
    }
}

fn entry<K: Debug>(key: &K, hash: u64) -> u64 {
    digest(&(key, hash))
}
