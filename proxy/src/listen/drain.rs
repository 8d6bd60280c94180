//! Leaving without losing anything: one signal that every connection watches.
//!
//! ```text
//!  Serving ──drain()──▶ Draining ──last connection gone──▶ done
//!                          └──────── deadline ──▶ Stopped ──▶ done, the rest is cut
//! ```

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use engine::time::Instant;
use tokio::sync::watch;

use crate::net::Rt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    Stopped,
}

/// The side that gives the signal.
#[derive(Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    open: Arc<AtomicUsize>,
}

/// The side that obeys. The drain is over when the last of them is dropped.
#[derive(Clone, Debug)]
pub struct Watch {
    phase: watch::Receiver<Phase>,
    open: Arc<AtomicUsize>,
}

/// One connection that a drain waits for.
#[derive(Debug)]
pub struct Open(Arc<AtomicUsize>);

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything that was accepted has finished.
    Clean,
    /// This many connections were cut at the deadline.
    Cut(usize),
}

// === impl Drain ===

impl Drain {
    pub fn new() -> (Self, Watch) {
        let (tx, rx) = watch::channel(Phase::Serving);
        let open = Arc::new(AtomicUsize::new(0));
        let drain = Self {
            phase: tx,
            open: open.clone(),
        };
        (drain, Watch { phase: rx, open })
    }

    /// Signals, and waits until all watches are gone or `deadline` has passed; then stops the rest.
    pub async fn run<R: Rt>(&self, rt: &R, deadline: Instant) -> Drained {
        self.advance(Phase::Draining);
        tokio::select! {
            biased;
            () = self.phase.closed() => return Drained::Clean,
            () = rt.sleep_until(deadline) => {}
        }
        let left = self.open.load(Ordering::Relaxed);
        self.advance(Phase::Stopped);
        self.phase.closed().await;
        Drained::Cut(left)
    }

    pub fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let forward = *phase < to;
            *phase = to.max(*phase);
            forward
        });
    }
}

// === impl Watch ===

impl Watch {
    /// Counts one connection until the value is dropped.
    pub fn open(&self) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self.open.clone())
    }

    pub fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Completes when what is under way should be finished and nothing new begun.
    pub async fn draining(&mut self) {
        self.reached(Phase::Draining).await;
    }

    /// Completes when there is no time left.
    pub async fn stopped(&mut self) {
        self.reached(Phase::Stopped).await;
    }

    async fn reached(&mut self, phase: Phase) {
        if self.phase.wait_for(|p| *p >= phase).await.is_err() {
            // The proxy handle is gone without a drain: nobody will ever give the signal.
            core::future::pending::<()>().await;
        }
    }
}

// === impl Open ===

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
