//! Leaving without losing anything: one signal that every connection watches.
//!
//! ```text
//!  Serving ──drain()──▶ Draining ──last connection gone──▶ done
//!                          └──────── deadline ──▶ Stopped ──▶ done, the rest is cut
//! ```
//!
//! Those who watch are woken in the order in which they began to: `tokio::sync::watch` spreads its
//! waiters over a random choice of lists, and a simulated drain would differ from run to run.

use core::future::poll_fn;
use core::sync::atomic::{AtomicU8, Ordering};
use core::task::{Poll, Waker};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::time::Instant;

use crate::net::Rt;

/// What follows on serving, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Draining = 1,
    Stopped = 2,
}

/// The side that gives the signal.
#[derive(Debug)]
pub struct Drain(Arc<Signal>);

/// The side that obeys. The drain is over when the last of them is dropped.
#[derive(Debug)]
pub struct Watch {
    signal: Arc<Signal>,
    id: u64,
    /// Who is woken, as the signal has it too.
    waiting: Option<Waker>,
}

/// One connection that a drain waits for.
#[derive(Debug)]
pub struct Open(Arc<Signal>);

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything that was accepted has finished.
    Clean,
    /// This many connections were cut at the deadline.
    Cut(usize),
}

#[derive(Debug, Default)]
struct Signal {
    /// Set under the lock and read without it: every request looks several times.
    phase: AtomicU8,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Connections open now.
    open: usize,
    /// Watches alive now.
    watches: usize,
    next_id: u64,
    /// By the id of the watch, until it is dropped. One per watch: bounded by the connections.
    waiting: BTreeMap<u64, Waker>,
    /// Who waits for the last watch to go.
    drained: Option<Waker>,
}

// === impl Drain ===

impl Drain {
    pub fn new() -> (Self, Watch) {
        let signal = Arc::new(Signal::default());
        let watch = Watch::new(&signal);
        (Self(signal), watch)
    }

    /// Signals, and waits until all watches are gone or `deadline` has passed; then stops the rest.
    pub async fn run<R: Rt>(&self, rt: &R, deadline: Instant) -> Drained {
        self.0.advance(Phase::Draining);
        tokio::select! {
            biased;
            () = self.unwatched() => return Drained::Clean,
            () = rt.sleep_until(deadline) => {}
        }
        let left = self.0.lock().open;
        self.0.advance(Phase::Stopped);
        self.unwatched().await;
        Drained::Cut(left)
    }

    pub fn is_draining(&self) -> bool {
        self.0.is_at(Phase::Draining)
    }

    /// Completes when nobody watches any more.
    async fn unwatched(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.watches == 0 {
                return Poll::Ready(());
            }
            state.drained = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

// === impl Watch ===

impl Watch {
    fn new(signal: &Arc<Signal>) -> Self {
        let mut state = signal.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.watches += 1;
        drop(state);
        Self {
            signal: signal.clone(),
            id,
            waiting: None,
        }
    }

    /// Counts one connection until the value is dropped.
    pub fn open(&self) -> Open {
        self.signal.lock().open += 1;
        Open(self.signal.clone())
    }

    pub fn is_draining(&self) -> bool {
        self.signal.is_at(Phase::Draining)
    }

    /// Completes when what is under way should be finished and nothing new begun. Never, when the
    /// side that gives the signal is gone.
    pub async fn draining(&mut self) {
        self.reached(Phase::Draining).await;
    }

    /// Completes when there is no time left.
    pub async fn stopped(&mut self) {
        self.reached(Phase::Stopped).await;
    }

    async fn reached(&mut self, phase: Phase) {
        poll_fn(|cx| {
            let known = self.waiting.as_ref();
            if !known.is_some_and(|waker| waker.will_wake(cx.waker())) {
                let mut state = self.signal.lock();
                state.waiting.insert(self.id, cx.waker().clone());
                self.waiting = Some(cx.waker().clone());
            }
            // After the waker is there: the signal is either seen here or wakes it.
            match self.signal.is_at(phase) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

impl Clone for Watch {
    fn clone(&self) -> Self {
        Self::new(&self.signal)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.signal.lock();
        state.waiting.remove(&self.id);
        state.watches -= 1;
        let last = (state.watches == 0).then(|| state.drained.take()).flatten();
        drop(state);
        if let Some(waker) = last {
            waker.wake();
        }
    }
}

// === impl Signal ===

impl Signal {
    fn advance(&self, to: Phase) {
        let state = self.lock();
        if self.is_at(to) {
            return;
        }
        self.phase.store(to as u8, Ordering::Release);
        // They stay: the next phase wakes them once more.
        let waiting: Vec<Waker> = state.waiting.values().cloned().collect();
        drop(state);
        for waker in waiting {
            waker.wake();
        }
    }

    fn is_at(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Acquire) >= phase as u8
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Open ===

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
    }
}
