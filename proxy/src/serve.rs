//! What one proxy shares among its connections, and what it does with a connection it accepted.

use core::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::entropy::Entropy;
use engine::head::RequestHead;
use engine::live::Clusters;
use engine::ratelimit::Limiter;
use engine::snapshot::Snapshot;
use engine::time::Instant;
use http::HeaderValue;
use tokio::sync::watch;

use crate::config::Bounds;
use crate::jwt::KeySets;
use crate::net::Rt;
use crate::observe::{Observer, RequestRecord, Role};
use crate::pool::Pool;
use crate::telemetry::Telemetry;
use crate::tls::Store;

mod direct;
mod done;
mod downstream;
mod exchange;
mod headers;
pub(crate) mod inbound;
mod limit;
mod local;
pub(crate) mod outbound;
mod pace;
mod shadow;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use done::Done;
pub use shadow::Shadow;

/// Everything the connections of one proxy have in common.
pub(crate) struct Shared<R: Rt> {
    pub(crate) rt: R,
    pub(crate) name: String,
    /// The workload in reports: `shop/Deployment/web`.
    pub(crate) report_name: Arc<str>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) tls: Arc<Store>,
    pub(crate) bounds: Bounds,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) clusters: Clusters,
    pub(crate) pool: Arc<Pool<R>>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) entropy: Mutex<Entropy>,
    /// Mirrored requests under way.
    pub(crate) mirrors: AtomicUsize,
    pub(crate) key_sets: KeySets,
    /// The buckets of inbound rate limits: one for all connections.
    pub(crate) limiter: Mutex<Limiter>,
}

// === impl Shared ===

impl<R: Rt> Shared<R> {
    /// The newest configuration.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// The stream of random numbers of this proxy's requests.
    fn entropy(&self) -> MutexGuard<'_, Entropy> {
        // A poisoned generator is still a generator.
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        // Buckets that a panic left behind are still the best there are.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the observer of a request that has ended; costs nothing when there is none.
    fn observe(
        &self,
        role: Role,
        head: &RequestHead,
        id: &HeaderValue,
        started: Instant,
        done: &Done,
        more: impl FnOnce(&mut RequestRecord),
    ) {
        let Some(observer) = &self.observer else {
            return;
        };
        let mut record = RequestRecord {
            id: String::from_utf8_lossy(id.as_bytes()).into_owned(),
            role,
            workload: self.snapshot().workload.name.clone(),
            method: head.method.to_string(),
            authority: head
                .authority
                .as_ref()
                .map_or("", |a| a.as_str())
                .to_owned(),
            path: head.path.to_string(),
            peer: None,
            service: None,
            rule: None,
            trail: Vec::new(),
            attempts: Vec::new(),
            status: done.status.map(|s| s.as_u16()),
            flag: done.flag,
            cause: done.cause.clone(),
            started,
            ended: self.rt.now(),
            bytes_received: done.bytes_in,
            bytes_sent: done.bytes_out,
        };
        more(&mut record);
        observer.on_request(record);
    }
}
