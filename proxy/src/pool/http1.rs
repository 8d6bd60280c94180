//! Connections that carry one exchange at a time, kept for the next one.
//!
//! ```text
//!  take ──▶ newest idle connection that still lives
//!    └─ none: queue ──▶ whatever comes first: a connection given back, or a new one
//! ```
//!
//! Newest first: the connections that are not needed age at the bottom and are closed, and the one
//! taken is the one least likely to have been closed by its server meanwhile. At most one connect
//! is under way per waiting request, so that a burst of cancelled requests leaves no herd of
//! connects.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::time::{Duration, Instant};
use tokio::sync::oneshot;

use super::ConnectError;

/// A connection that may be used again.
pub(crate) trait Reusable {
    /// Whether another exchange can begin on it, as far as is known.
    fn is_alive(&mut self) -> bool;
}

/// The idle connections to one endpoint, and who waits for one.
#[derive(Debug)]
pub(crate) struct Queue<C>(Mutex<Inner<C>>);

#[derive(Debug)]
struct Inner<C> {
    /// Oldest first.
    idle: VecDeque<Parked<C>>,
    /// Longest waiting first.
    waiters: VecDeque<oneshot::Sender<Result<C, ConnectError>>>,
    connecting: usize,
}

#[derive(Debug)]
struct Parked<C> {
    connection: C,
    since: Instant,
}

/// A place in the queue.
pub(crate) struct Place<C> {
    pub(super) next: oneshot::Receiver<Result<C, ConnectError>>,
    /// Whether more wait than connects are under way. Then the caller should start one, if the
    /// limits allow it, and say so with [`Queue::connecting`]; its end is reported with
    /// [`Queue::connected`] or [`Queue::failed`].
    pub(super) connect: bool,
}

// === impl Queue ===

impl<C: Reusable> Queue<C> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Inner {
            idle: VecDeque::new(),
            waiters: VecDeque::new(),
            connecting: 0,
        }))
    }

    /// The newest idle connection that still lives. Dead ones on the way are dropped.
    pub(crate) fn take(&self) -> Option<C> {
        let mut inner = self.lock();
        while let Some(mut parked) = inner.idle.pop_back() {
            if parked.connection.is_alive() {
                return Some(parked.connection);
            }
        }
        None
    }

    /// A place in the queue of those who wait for a connection.
    pub(crate) fn wait(&self) -> Place<C> {
        let (tx, next) = oneshot::channel();
        let mut inner = self.lock();
        inner.waiters.retain(|w| !w.is_closed());
        inner.waiters.push_back(tx);
        let connect = inner.connecting < inner.waiters.len();
        Place { next, connect }
    }

    /// The caller starts a connect.
    pub(crate) fn connecting(&self) {
        self.lock().connecting += 1;
    }

    /// A connect succeeded.
    pub(crate) fn connected(&self, connection: C, now: Instant) {
        self.lock().connecting -= 1;
        self.give(connection, now);
    }

    /// A connect failed: one of those who wait is told.
    pub(crate) fn failed(&self, error: ConnectError) {
        let mut inner = self.lock();
        inner.connecting -= 1;
        let mut result = Err(error);
        while let Some(waiter) = inner.waiters.pop_front() {
            match waiter.send(result) {
                Ok(()) => return,
                Err(back) => result = back,
            }
        }
    }

    /// A connection is free: for whoever waits longest, or for later.
    pub(crate) fn give(&self, connection: C, now: Instant) {
        let mut inner = self.lock();
        let mut result = Ok(connection);
        while let Some(waiter) = inner.waiters.pop_front() {
            match waiter.send(result) {
                Ok(()) => return,
                Err(back) => result = back,
            }
        }
        if let Ok(connection) = result {
            inner.idle.push_back(Parked {
                connection,
                since: now,
            });
        }
    }

    /// Closes what is dead or has been idle for `timeout`. Says when the next one will be.
    pub(crate) fn sweep(&self, now: Instant, timeout: Duration) -> Option<Instant> {
        let mut inner = self.lock();
        inner
            .idle
            .retain_mut(|p| p.since + timeout > now && p.connection.is_alive());
        inner.idle.front().map(|p| p.since + timeout)
    }

    /// Closes all idle connections.
    pub(crate) fn clear(&self) {
        self.lock().idle.clear();
    }

    pub(crate) fn is_unused(&self) -> bool {
        let inner = self.lock();
        inner.idle.is_empty() && inner.waiters.is_empty() && inner.connecting == 0
    }

    fn lock(&self) -> MutexGuard<'_, Inner<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
