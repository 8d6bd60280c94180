//! Records on their way to a collector: bounded, never waited for by a request.

use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The most records that wait; OpenTelemetry's default for its batch processor. At about 1 KiB each
/// some 2 MiB.
pub const RECORDS_MAX: usize = 2048;

/// The most records of one export; OpenTelemetry's default.
pub(super) const BATCH_MAX: usize = 512;

/// Records that wait to be exported.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: Mutex<VecDeque<T>>,
    /// Rung when there is a whole batch.
    full: Notify,
    exported: AtomicU64,
    dropped: AtomicU64,
}

// === impl Queue ===

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            full: Notify::new(),
            exported: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Adds a record, or counts it as dropped when there is no room.
    pub(super) fn push(&self, record: T) {
        let mut waiting = self.lock();
        if waiting.len() >= RECORDS_MAX {
            drop(waiting);
            self.dropped(1);
            return;
        }
        waiting.push_back(record);
        let whole = waiting.len() == BATCH_MAX;
        drop(waiting);
        if whole {
            self.full.notify_one();
        }
    }

    /// Up to a batch of the oldest.
    pub(super) fn take(&self) -> Vec<T> {
        let mut waiting = self.lock();
        let n = waiting.len().min(BATCH_MAX);
        waiting.drain(..n).collect()
    }

    /// Completes when there is a whole batch.
    pub(super) async fn full(&self) {
        if self.lock().len() < BATCH_MAX {
            self.full.notified().await;
        }
    }

    pub(super) fn exported(&self, n: usize) {
        self.exported.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, n: usize) {
        self.dropped.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// (exported, dropped)
    pub(super) fn counts(&self) -> (u64, u64) {
        let (exported, dropped) = (&self.exported, &self.dropped);
        (
            exported.load(Ordering::Relaxed),
            dropped.load(Ordering::Relaxed),
        )
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Records are pushed whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_kept_and_leave_in_batches() {
        let queue = Queue::new();
        (0..RECORDS_MAX + 5).for_each(|i| queue.push(i));
        let first = queue.take();
        assert_eq!(first.len(), BATCH_MAX);
        assert_eq!(first[0], 0);
        assert_eq!(queue.counts(), (0, 5));
        let rest: Vec<usize> = core::iter::from_fn(|| Some(queue.take()).filter(|b| !b.is_empty()))
            .flatten()
            .collect();
        assert_eq!(rest.last(), Some(&(RECORDS_MAX - 1)));
    }

    #[tokio::test]
    async fn a_whole_batch_rings() {
        let queue = Queue::new();
        (1..BATCH_MAX).for_each(|i| queue.push(i));
        let (early, queue) = (core::time::Duration::from_millis(1), &queue);
        #[expect(clippy::disallowed_methods, reason = "a test waits for real")]
        let early = tokio::time::timeout(early, queue.full()).await;
        assert!(early.is_err());
        queue.push(0);
        queue.full().await;
    }
}
