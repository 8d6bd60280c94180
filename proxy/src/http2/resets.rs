//! Clients that open streams only to reset them.
//!
//! `h2` bounds the resets of streams that nobody took yet; a server that takes them at once would
//! work for nothing as fast as the client can write. Honest clients reset too (a page that is left,
//! a hedged request), so that only a majority of resets ends a connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::PREMATURE_RESETS_MAX;

/// How the streams of one connection ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Resets(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    opened: u32,
    premature: u32,
}

// === impl Resets ===

impl Resets {
    pub(super) fn opened(&self) {
        let mut counts = self.lock();
        counts.opened += 1;
        // What was long ago counts less: good manners cannot be saved up.
        if counts.opened >= 4 * PREMATURE_RESETS_MAX {
            counts.opened /= 2;
            counts.premature /= 2;
        }
    }

    /// A stream was reset by the client before it had an answer.
    pub(super) fn premature(&self) {
        self.lock().premature += 1;
    }

    pub(super) fn are_too_many(&self) -> bool {
        let counts = self.lock();
        counts.premature > PREMATURE_RESETS_MAX && counts.premature > counts.opened / 2
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Two numbers are never half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
