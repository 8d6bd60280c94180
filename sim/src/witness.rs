//! Where the tasks of a world tell what happened: to the invariants and the trace.

use std::sync::{Arc, Mutex, PoisonError};

use engine::time::Instant;

use crate::oracle::{Fact, Oracle};
use crate::record::Breach;

/// A shared ear. The lock is never contended: a world is one thread.
#[derive(Clone)]
pub struct Witness(Arc<Mutex<Option<Oracle>>>);

// === impl Witness ===

impl Witness {
    pub fn new(oracle: Oracle) -> Self {
        Self(Arc::new(Mutex::new(Some(oracle))))
    }

    /// Nobody listens.
    pub fn deaf() -> Self {
        Self(Arc::default())
    }

    pub fn tell(&self, now: Instant, fact: &Fact<'_>) {
        let mut oracle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(oracle) = oracle.as_mut() {
            oracle.observe(now, fact);
        }
    }

    /// The breaches; nothing is heard after this.
    pub fn finish(&self, now: Instant, drained: bool) -> Vec<Breach> {
        let oracle = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        oracle.map_or_else(Vec::new, |o| o.finish(now, drained))
    }
}

impl core::fmt::Debug for Witness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Witness")
    }
}
