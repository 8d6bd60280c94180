//! Waiting for an endpoint or a connection, without a runtime: a bounded place in the queue, a time
//! to look again, and a future that completes when something changed.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::cluster::LiveCluster;
use crate::limit::Full;
use crate::time::Instant;

/// A place in the queue of one cluster. Dropping gives it back.
///
/// Race `changed` with a sleep until `until`; then drop it and ask again.
#[derive(Debug)]
pub struct Wait {
    /// Look again at this time, whatever happens.
    pub until: Instant,
    /// Completes when it is worth looking again.
    pub changed: Changed,
}

/// Completes when the cluster changed since it was made.
#[derive(Debug)]
pub struct Changed {
    cluster: Arc<LiveCluster>,
    seen: Seen,
    registered: Option<u64>,
}

/// What somebody who found nothing has seen: changes after it end the wait, so that none is missed
/// between looking and waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(u64);

/// Those who wait for a cluster.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// Counts the changes.
    version: u64,
    next_id: u64,
    /// In the order they came. Bounded by the limit of pending requests.
    wakers: BTreeMap<u64, Waker>,
    woken: Vec<Waker>,
}

// === impl LiveCluster ===

impl LiveCluster {
    /// Takes a place in the queue of those who want to hear of a change since `seen`.
    ///
    /// # Errors
    ///
    /// When the limit of waiting requests is reached.
    pub fn wait(self: &Arc<Self>, until: Instant, seen: Seen, now: Instant) -> Result<Wait, Full> {
        self.with(now, |s| {
            let limits = s.policy.limits.clone();
            if let Err(full) = s.in_use.admit_pending(&limits) {
                return Err(s.overflow(full));
            }
            Ok(Wait {
                until,
                changed: Changed {
                    cluster: self.clone(),
                    seen,
                    registered: None,
                },
            })
        })
    }
}

// === impl Changed ===

impl Future for Changed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let cluster = self.cluster.clone();
        let waker = cx.waker().clone();
        let (poll, _old) = cluster.with(Instant::ZERO, |s| {
            if s.waiters.seen() != self.seen {
                return (Poll::Ready(()), None);
            }
            let id = *self.registered.get_or_insert_with(|| {
                s.waiters.next_id += 1;
                s.waiters.next_id
            });
            // The old waker is handed out of the lock: dropping it may drop a task, and with it
            // whatever of ours the task holds.
            (Poll::Pending, s.waiters.wakers.insert(id, waker))
        });
        poll
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        let registered = self.registered;
        let _waker = self.cluster.with(Instant::ZERO, |s| {
            s.in_use.pending = s.in_use.pending.saturating_sub(1);
            s.waiters.wakers.remove(&registered?)
        });
    }
}

// === impl Waiters ===

impl Waiters {
    pub(super) fn seen(&self) -> Seen {
        Seen(self.version)
    }

    /// Something changed for those who wait.
    pub(super) fn wake_all(&mut self) {
        self.version += 1;
        let wakers = core::mem::take(&mut self.wakers);
        self.woken.extend(wakers.into_values());
    }

    /// To be called after the lock is released.
    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        core::mem::take(&mut self.woken)
    }
}
