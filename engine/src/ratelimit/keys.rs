//! Buckets by key, of which only so many are kept: those used last.
//!
//! A client that sends a new value of a header with each request makes a new key each time. Who is
//! forgotten starts with a full bucket, which is what somebody who was silent for that long has.

use std::collections::BTreeMap;

use super::Bucket;

/// Buckets kept by one proxy (Linkerd keeps all; Envoy's descriptors are written down). At some 300
/// bytes each this is 3 MB at most.
pub(super) const KEYS_MAX: usize = 10_000;

#[derive(Clone, Debug)]
pub(super) struct Keys<K> {
    max: usize,
    /// With the number of its last use.
    buckets: BTreeMap<K, (u64, Bucket)>,
    /// Oldest use first.
    uses: BTreeMap<u64, K>,
    next: u64,
}

// === impl Keys ===

impl<K: Ord + Clone> Keys<K> {
    fn with_max(max: usize) -> Self {
        Self {
            max,
            buckets: BTreeMap::new(),
            uses: BTreeMap::new(),
            next: 0,
        }
    }

    /// The bucket of `key`, full when it is new.
    pub(super) fn get(&mut self, key: K) -> &mut Bucket {
        self.next += 1;
        let used = self.buckets.get(&key).map(|(used, _)| *used);
        match used {
            Some(used) => {
                self.uses.remove(&used);
            }
            None if self.buckets.len() >= self.max => {
                if let Some((_, oldest)) = self.uses.pop_first() {
                    self.buckets.remove(&oldest);
                }
            }
            None => {}
        }
        self.uses.insert(self.next, key.clone());
        let entry = self.buckets.entry(key).or_default();
        entry.0 = self.next;
        &mut entry.1
    }
}

impl<K: Ord + Clone> Default for Keys<K> {
    fn default() -> Self {
        Self::with_max(KEYS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::ratelimit::Limit;
    use crate::time::Instant;

    #[test]
    fn the_key_that_was_silent_longest_is_forgotten() {
        let limit = Limit {
            requests: 1,
            per: core::time::Duration::from_secs(1),
            burst: 1,
        };
        let mut keys = Keys::with_max(2);
        let mut take = |key: &str| {
            keys.get(key.to_owned())
                .take(&limit, Instant::ZERO)
                .admitted
        };
        assert!(take("a"));
        assert!(take("b"));
        assert!(!take("a"));
        assert!(take("c"), "b makes room");
        assert!(!take("a"), "a was used after b");
        assert!(take("b"), "b is new again");
        assert_eq!((keys.buckets.len(), keys.uses.len()), (2, 2));
    }
}
