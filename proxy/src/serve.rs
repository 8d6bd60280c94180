//! What one proxy shares among its connections, and what it does with a connection it accepted.

use std::sync::Arc;

use engine::snapshot::Snapshot;
use tokio::sync::watch;

use crate::config::Bounds;
use crate::net::Rt;
use crate::tls::Store;

pub(crate) mod inbound;
pub(crate) mod outbound;

/// Everything the connections of one proxy have in common.
pub(crate) struct Shared<R> {
    pub(crate) rt: R,
    pub(crate) name: String,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) tls: Store,
    pub(crate) bounds: Bounds,
}

// === impl Shared ===

impl<R: Rt> Shared<R> {
    /// The newest configuration.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
