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
use core::task::{Poll, Waker};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::time::Instant;

use crate::net::Rt;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Serving,
    Draining,
    Stopped,
}

/// The side that gives the signal.
#[derive(Debug)]
pub struct Drain(Arc<Signal>);

/// The side that obeys. The drain is over when the last of them is dropped.
#[derive(Debug)]
pub struct Watch {
    signal: Arc<Signal>,
    id: u64,
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
struct Signal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// Connections open now.
    open: usize,
    /// Watches alive now.
    watches: usize,
    next_id: u64,
    /// By the id of the watch. One per watch: bounded by the connections.
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
        self.0.lock().phase >= Phase::Draining
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
        }
    }

    /// Counts one connection until the value is dropped.
    pub fn open(&self) -> Open {
        self.signal.lock().open += 1;
        Open(self.signal.clone())
    }

    pub fn is_draining(&self) -> bool {
        self.signal.lock().phase >= Phase::Draining
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
            let mut state = self.signal.lock();
            if state.phase >= phase {
                return Poll::Ready(());
            }
            match state.waiting.get_mut(&self.id) {
                Some(waker) => waker.clone_from(cx.waker()),
                None => {
                    state.waiting.insert(self.id, cx.waker().clone());
                }
            }
            Poll::Pending
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
        let mut state = self.lock();
        if state.phase >= to {
            return;
        }
        state.phase = to;
        let waiting = core::mem::take(&mut state.waiting);
        drop(state);
        for waker in waiting.into_values() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Open ===

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
    }
}
