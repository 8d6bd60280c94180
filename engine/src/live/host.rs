//! One endpoint with what is known of it.

use std::sync::Arc;

use crate::breaker::Unified;
use crate::ewma::PeakEwma;
use crate::outlier::HostRecord;
use crate::snapshot::{Cluster, Endpoint, EndpointHealth};
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct Host {
    pub(super) endpoint: Arc<Endpoint>,
    /// False once the configuration no longer has it; it stays until what is under way has ended.
    pub(super) present: bool,
    /// Attempts under way, until the end of their responses.
    pub(super) active: u32,
    pub(super) connections: u32,
    pub(super) cost: PeakEwma,
    /// It could be picked when that was last looked at, and since when.
    pub(super) was_usable: bool,
    pub(super) healthy_since: Instant,
    pub(super) breaker: Option<Unified>,
    pub(super) outlier: HostRecord,
}

// === impl Host ===

impl Host {
    pub(super) fn new(endpoint: Arc<Endpoint>, policy: &Cluster, now: Instant) -> Self {
        let guess = policy.balancer.default_rtt().unwrap_or_default();
        Self {
            endpoint,
            present: true,
            active: 0,
            connections: 0,
            cost: PeakEwma::seeded(guess, now),
            was_usable: false,
            healthy_since: now,
            breaker: policy.breaker.as_ref().map(|b| Unified::new(b, now)),
            outlier: HostRecord::default(),
        }
    }

    /// Known to the configuration as something requests may be sent to: what panic can bring back.
    pub(super) fn counts(&self) -> bool {
        self.present
            && matches!(
                self.endpoint.health,
                EndpointHealth::Healthy | EndpointHealth::Degraded
            )
    }

    /// The breaker lets it be picked; nothing overrides it.
    pub(super) fn breaker_admits(&self) -> bool {
        self.breaker.as_ref().is_none_or(Unified::admits)
    }

    /// May be picked when health is respected.
    pub(super) fn is_usable(&self) -> bool {
        self.counts() && !self.outlier.is_ejected() && self.breaker_admits()
    }

    /// Nobody refers to it any more.
    pub(super) fn is_done(&self) -> bool {
        !self.present && self.active == 0 && self.connections == 0
    }
}
