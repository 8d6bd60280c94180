//! Connections that carry many exchanges at a time.
//!
//! One connection is enough until the peer's limit of concurrent streams is reached; then another
//! is opened. All requests that find no connection wait for the same connect.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::time::{Duration, Instant};
use tokio::sync::oneshot;

use super::ConnectError;

/// A handle of a connection with many streams.
pub(crate) trait Multiplexed: Clone {
    /// Whether the connection takes new streams at all.
    fn is_alive(&self) -> bool;

    /// How many streams the peer allows at once.
    fn streams_max(&self) -> usize;

    /// When something last came from the peer: a connection without streams is idle since then.
    fn heard(&self) -> Instant;
}

/// The connections to one endpoint, and who waits for one.
pub(crate) struct Mux<H: Multiplexed>(Mutex<Inner<H>>);

struct Inner<H: Multiplexed> {
    open: Vec<Open<H>>,
    waiters: VecDeque<oneshot::Sender<Result<Share<H>, ConnectError>>>,
    connecting: bool,
    next_id: u64,
}

struct Open<H> {
    id: u64,
    handle: H,
    streams: usize,
}

/// One stream's share of a connection: counted until it is dropped.
pub(crate) struct Share<H: Multiplexed> {
    pub(crate) handle: H,
    id: u64,
    mux: Arc<Mux<H>>,
}

/// What a request that wants a stream gets.
pub(crate) enum Found<H: Multiplexed> {
    Share(Share<H>),
    Wait(Place<H>),
}

/// A place in the queue for a connect.
pub(crate) struct Place<H: Multiplexed> {
    pub(super) next: oneshot::Receiver<Result<Share<H>, ConnectError>>,
    /// Whether no connect is under way. Then the caller should start one, if the limits allow it,
    /// and say so with [`Mux::connecting`]; its end is reported with [`Mux::connected`] or
    /// [`Mux::failed`].
    pub(super) connect: bool,
}

// === impl Mux ===

impl<H: Multiplexed> Mux<H> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Inner {
            open: Vec::new(),
            waiters: VecDeque::new(),
            connecting: false,
            next_id: 0,
        }))
    }

    /// A stream on the first connection that has room, or a place in the queue for the next one.
    pub(crate) fn find(self: &Arc<Self>) -> Found<H> {
        let mut inner = self.lock();
        inner.open.retain(|o| o.streams > 0 || o.handle.is_alive());
        if let Some((handle, id)) = inner.take() {
            return Found::Share(self.share(handle, id));
        }
        let (tx, next) = oneshot::channel();
        inner.waiters.retain(|w| !w.is_closed());
        inner.waiters.push_back(tx);
        let connect = !inner.connecting;
        Found::Wait(Place { next, connect })
    }

    /// The caller starts a connect.
    pub(crate) fn connecting(&self) {
        self.lock().connecting = true;
    }

    /// The connect that was asked for succeeded: those who wait get their streams, as many as the
    /// connection has room for. The rest waits for streams that end.
    pub(crate) fn connected(self: &Arc<Self>, handle: H) {
        let mut inner = self.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        inner.open.push(Open {
            id,
            handle,
            streams: 0,
        });
        inner.connecting = false;
        drop(inner);
        self.serve();
    }

    /// The connect that was asked for failed: all who wait are told.
    pub(crate) fn failed(&self, error: &ConnectError) {
        let waiters = {
            let mut inner = self.lock();
            inner.connecting = false;
            core::mem::take(&mut inner.waiters)
        };
        for waiter in waiters {
            // Whoever is gone does not want to know.
            let _ = waiter.send(Err(error.clone()));
        }
    }

    /// Drops connections that have had no stream for `timeout`. Says when to look again; none when
    /// nothing is left.
    pub(crate) fn sweep(&self, now: Instant, timeout: Duration) -> Option<Instant> {
        let mut inner = self.lock();
        inner.open.retain(|o| {
            let recent = || o.handle.is_alive() && o.handle.heard() + timeout > now;
            o.streams > 0 || recent()
        });
        let idle_since = inner.open.iter().map(|o| match o.streams {
            0 => o.handle.heard(),
            _ => now,
        });
        idle_since.min().map(|since| since + timeout)
    }

    /// Drops all connections that have no stream.
    pub(crate) fn clear(&self) {
        self.lock().open.retain(|o| o.streams > 0);
    }

    pub(crate) fn is_unused(&self) -> bool {
        let inner = self.lock();
        inner.open.is_empty() && inner.waiters.is_empty() && !inner.connecting
    }

    fn share(self: &Arc<Self>, handle: H, id: u64) -> Share<H> {
        Share {
            handle,
            id,
            mux: self.clone(),
        }
    }

    fn release(self: &Arc<Self>, id: u64) {
        let mut inner = self.lock();
        if let Some(open) = inner.open.iter_mut().find(|o| o.id == id) {
            open.streams -= 1;
        }
        let waiting = !inner.waiters.is_empty();
        drop(inner);
        if waiting {
            self.serve();
        }
    }

    /// Gives streams to those who wait, as far as there is room.
    fn serve(self: &Arc<Self>) {
        loop {
            let mut inner = self.lock();
            inner.waiters.retain(|w| !w.is_closed());
            if inner.waiters.is_empty() {
                return;
            }
            let Some((handle, id)) = inner.take() else {
                return;
            };
            let waiter = inner.waiters.pop_front();
            drop(inner);
            let share = self.share(handle, id);
            if let Some(waiter) = waiter {
                // Refused by one who just left, the share goes back when it is dropped.
                let _ = waiter.send(Ok(share));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<H>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Inner ===

impl<H: Multiplexed> Inner<H> {
    /// Counts a stream on the first connection with room.
    fn take(&mut self) -> Option<(H, u64)> {
        let mut open = self.open.iter_mut();
        let free = open.find(|o| o.handle.is_alive() && o.streams < o.handle.streams_max())?;
        free.streams += 1;
        Some((free.handle.clone(), free.id))
    }
}

// === impl Share ===

impl<H: Multiplexed> Drop for Share<H> {
    fn drop(&mut self) {
        self.mux.release(self.id);
    }
}

#[cfg(test)]
mod tests;
