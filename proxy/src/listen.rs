//! The accept loop: bounded, never ended by one bad connection, drained without loss.

use std::sync::Arc;

use engine::time::Duration;
use futures_util::FutureExt;
use tokio::sync::Semaphore;

use crate::net::{Accept, ConnInfo, Rt};

pub mod detect;
pub mod drain;

use drain::Watch;

/// Pause after a failed accept: long enough for file descriptors to come free, short enough not to
/// be noticed (nginx waits 500 ms, Go doubles from 5 ms to 1 s).
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Accepts until the drain begins. At most `connections` are open at once: the next is accepted
/// when one has ended, and clients wait in the kernel's backlog meanwhile.
pub async fn run<R, F>(
    rt: R,
    mut listener: R::Listener,
    connections: usize,
    mut watch: Watch,
    mut serve: F,
) where
    R: Rt,
    F: FnMut(R::Io, ConnInfo, Slot),
{
    let slots = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
    loop {
        let slot = tokio::select! {
            biased;
            () = watch.draining() => break,
            slot = slots.clone().acquire_owned() => slot,
        };
        // The semaphore is never closed.
        let Ok(permit) = slot else { break };
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            () = watch.draining() => break,
        };
        match accepted {
            Ok((io, info)) => serve(io, info, Slot::new(permit, &watch)),
            Err(_) => rt.sleep_until(rt.now() + ACCEPT_RETRY).await,
        }
    }
    // Clients in the backlog believe that they are connected: they are served, not reset.
    while let Ok(permit) = slots.clone().try_acquire_owned() {
        match listener.accept().now_or_never() {
            Some(Ok((io, info))) => serve(io, info, Slot::new(permit, &watch)),
            _ => break,
        }
    }
}

/// The place of one connection among those that are allowed, and its view of the drain.
pub struct Slot {
    _permit: tokio::sync::OwnedSemaphorePermit,
    _open: drain::Open,
    pub watch: Watch,
}

// === impl Slot ===

impl Slot {
    fn new(permit: tokio::sync::OwnedSemaphorePermit, watch: &Watch) -> Self {
        Self {
            _permit: permit,
            _open: watch.open(),
            watch: watch.clone(),
        }
    }
}
