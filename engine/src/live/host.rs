//! One endpoint with what is known of it.

use std::sync::Arc;

use crate::breaker::{EndpointBreaker, Probe};
use crate::check::Checked;
use crate::entropy::Entropy;
use crate::ewma::PeakEwma;
use crate::fail_fast::FailFast;
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
    pub(super) breaker: Option<EndpointBreaker>,
    pub(super) outlier: HostRecord,
    pub(super) fail_fast: FailFast,
    /// What active checks know of it.
    pub(super) checked: Option<Box<Checked>>,
    /// The configuration no longer has it; it stays as long as its checks pass.
    pub(super) kept: bool,
}

// === impl Host ===

impl Host {
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        policy: &Cluster,
        now: Instant,
        rng: &mut Entropy,
    ) -> Self {
        let guess = policy.balancer.default_rtt().unwrap_or_default();
        Self {
            endpoint,
            present: true,
            active: 0,
            connections: 0,
            cost: PeakEwma::seeded(guess, now),
            was_usable: false,
            healthy_since: now,
            breaker: policy
                .breaker
                .as_ref()
                .and_then(|b| EndpointBreaker::new(b, now)),
            outlier: HostRecord::default(),
            fail_fast: FailFast::default(),
            checked: policy
                .health_check
                .as_ref()
                .map(|check| Box::new(Checked::new(check, now, rng))),
            kept: false,
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

    /// Nothing that panic cannot override holds it back.
    pub(super) fn yields_to_panic(&self) -> bool {
        let breaker = self.breaker.as_ref();
        !self.fail_fast.is_dead()
            && breaker.is_none_or(|b| b.position().admits() || b.yields_to_panic())
    }

    /// Its active checks say no.
    pub(super) fn is_check_failed(&self) -> bool {
        let checked = self.checked.as_ref();
        checked.is_some_and(|checked| checked.is_unhealthy())
    }

    pub(super) fn breaker_admits(&self) -> bool {
        self.breaker.as_ref().is_none_or(|b| b.position().admits())
    }

    /// May be picked when health is respected.
    pub(super) fn is_usable(&self) -> bool {
        self.counts()
            && !self.outlier.is_ejected()
            && !self.fail_fast.is_dead()
            && !self.is_check_failed()
            && self.breaker_admits()
    }

    /// A request is sent to it: the probe, when its breaker waits for one. What is sent to it in
    /// panic, although its breaker admits nothing, is none.
    pub(super) fn take_probe(&mut self) -> Option<Probe> {
        self.breaker.as_mut()?.start()
    }

    /// Nobody refers to it any more.
    pub(super) fn is_done(&self) -> bool {
        !self.present && self.active == 0 && self.connections == 0
    }
}
