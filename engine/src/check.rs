//! Active health checks of one endpoint: when the next is due, and what its result means.
//!
//! Envoy `source/extensions/health_checkers`, `source/common/upstream/health_checker_impl.cc`
//! (`setUnhealthy`, `handleSuccess`), `health_check.proto`. The engine keeps the state and the
//! times, the proxy sends the probes.
//!
//! Ours: an endpoint that was not yet checked takes traffic, since the control plane calls it
//! ready; its first check decides alone. Envoy keeps it out until then, which with clusters that
//! begin at their first request would make every first request one in panic.

use crate::entropy::Entropy;
use crate::snapshot::HealthCheck;
use crate::time::{Duration, Instant, nanos};

/// What is known of one endpoint, as a value stepped with the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    health: Health,
    /// Results in a row that speak against `health`.
    against: u32,
    next: Instant,
    checking: bool,
    /// When `health` was entered.
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// No check has ended yet.
    Unknown,
    Healthy,
    Unhealthy,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    Passed,
    /// An answer that says no: decides alone.
    Refused,
    /// An answer that may pass, a timeout, or no answer: counts towards the threshold.
    Failed,
}

// === impl Checked ===

impl Checked {
    /// The first check is due soon, at a random time, so that many proxies do not check in step.
    pub fn new(policy: &HealthCheck, now: Instant, rng: &mut Entropy) -> Self {
        let spread = rng.below(nanos(interval(policy).min(FIRST_MAX)));
        Self {
            health: Health::Unknown,
            against: 0,
            next: now + Duration::from_nanos(spread),
            checking: false,
            since: now,
        }
    }

    pub fn health(&self) -> Health {
        self.health
    }

    /// When `health` was entered.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Traffic is held back.
    pub fn is_unhealthy(&self) -> bool {
        self.health == Health::Unhealthy
    }

    /// The next check, or the one under way.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// When a check is due; none while one is under way.
    pub fn wakes_at(&self) -> Option<Instant> {
        (!self.checking).then_some(self.next)
    }

    /// A check begins, if one is due.
    pub fn start(&mut self, now: Instant) -> bool {
        let due = !self.checking && self.next <= now;
        self.checking |= due;
        due
    }

    /// The check that was begun ended. `quiet` = the backend had no request for a while. True when
    /// the health changed between what takes traffic and what does not, or became known.
    pub fn end(
        &mut self,
        policy: &HealthCheck,
        probed: Probed,
        quiet: bool,
        now: Instant,
        rng: &mut Entropy,
    ) -> bool {
        let pause = match quiet {
            true => policy.no_traffic_interval.max(interval(policy)),
            false => interval(policy),
        };
        let jitter = rng.below(nanos(policy.interval_jitter).saturating_add(1));
        self.next = now + pause + Duration::from_nanos(jitter);
        self.checking = false;
        let (health, needed) = match probed {
            Probed::Passed => (Health::Healthy, policy.healthy_threshold),
            Probed::Refused => (Health::Unhealthy, 1),
            Probed::Failed => (Health::Unhealthy, policy.unhealthy_threshold),
        };
        if health == self.health {
            self.against = 0;
            return false;
        }
        self.against = self.against.saturating_add(1);
        if self.health != Health::Unknown && self.against < needed {
            return false;
        }
        self.health = health;
        self.against = 0;
        self.since = now;
        true
    }

    /// The check that was begun will not end: another may begin after an interval.
    pub fn give_up(&mut self, policy: &HealthCheck, now: Instant) {
        self.checking = false;
        self.next = now + interval(policy);
    }
}

/// A new endpoint is checked within this time, however long the interval.
const FIRST_MAX: Duration = Duration::from_secs(1);

/// An interval of zero would check for ever.
fn interval(policy: &HealthCheck) -> Duration {
    policy.interval.max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests;
