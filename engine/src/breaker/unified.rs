//! The unified breaker of one endpoint: consecutive failures or a success rate.
//!
//! linkerd2-proxy `app/outbound/src/http/breaker/{unified,success_rate,consecutive_failures}.rs`.
//! Each signal alone misses failures that the other catches: a run of failures reacts at once to a
//! hard outage but never forms when every second request fails; a rate needs volume first.

use core::ops::AddAssign;

use super::phase::Phase;
use super::{Change, Ended, Position, Probe, Tripped};
use crate::classify::{Hint, Kind};
use crate::entropy::Entropy;
use crate::snapshot::UnifiedBreaker;
use crate::time::{Duration, Instant};
use crate::window::Window;

/// A breaker as a value, stepped with the time.
#[derive(Clone, Debug)]
pub struct Unified {
    phase: Phase,
    run: u32,
    window: Window<Counts>,
    /// Probes that failed since it tripped.
    failed_probes: u32,
    tripped: Tripped,
}

/// Responses of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub good: u32,
    pub total: u32,
}

/// Slots of the window: the resolution with which old responses are forgotten.
const SLOTS: usize = 10;

// === impl Unified ===

impl Unified {
    /// Closed.
    pub fn new(policy: &UnifiedBreaker, now: Instant) -> Self {
        Self {
            phase: Phase::new(),
            run: 0,
            window: Window::new(policy.window, SLOTS, now),
            failed_probes: 0,
            tripped: Tripped::ConsecutiveFailures(0),
        }
    }

    pub fn position(&self) -> Position {
        self.phase.position()
    }

    /// What tripped it last; meaningful unless it is closed.
    pub fn tripped(&self) -> Tripped {
        self.tripped
    }

    /// Failures since the last success.
    pub fn failures_in_a_row(&self) -> u32 {
        self.run
    }

    /// Goes from open to half-open when the back-off is over; true if it did.
    pub fn advance(&mut self, now: Instant) -> bool {
        self.phase.advance(now)
    }

    /// A request is sent. In half-open it is the probe.
    pub fn start(&mut self) -> Option<Probe> {
        self.phase.start()
    }

    /// A request ended. `may_open` is false when the service's cap on open breakers is reached.
    pub fn record(
        &mut self,
        policy: &UnifiedBreaker,
        ended: Ended,
        may_open: bool,
        now: Instant,
        rng: &mut Entropy,
    ) -> Option<Change> {
        match self.position() {
            // Late answers: sent before it tripped, they say nothing new.
            Position::Open { .. } => None,
            Position::HalfOpen { .. } if !self.phase.decides(ended.probe) => None,
            Position::HalfOpen { .. } => Some(self.decide(policy, ended, now, rng)),
            Position::Closed => self.count(policy, ended, may_open, now, rng),
        }
    }

    fn decide(
        &mut self,
        policy: &UnifiedBreaker,
        ended: Ended,
        now: Instant,
        rng: &mut Entropy,
    ) -> Change {
        if ended.class.kind == Kind::Ignorable {
            self.phase.give_back();
            return Change::ProbeReturned;
        }
        if ended.class.is_failure() || ended.class.rate_limited {
            self.failed_probes = self.failed_probes.saturating_add(1);
            let until = self.open(policy, ended.hint, now, rng);
            return Change::Reopened { until };
        }
        self.phase.close();
        self.run = 0;
        self.window.clear(now);
        Change::Closed
    }

    fn count(
        &mut self,
        policy: &UnifiedBreaker,
        ended: Ended,
        may_open: bool,
        now: Instant,
        rng: &mut Entropy,
    ) -> Option<Change> {
        let failed = match ended.class.kind {
            Kind::Ignorable => return None,
            Kind::Success => false,
            Kind::Failure | Kind::LocalFailure => true,
        };
        self.run = if failed {
            self.run.saturating_add(1)
        } else {
            0
        };
        let good = !failed && !ended.class.rate_limited;
        self.window.add(Counts::one(good), now);
        let tripped = self.judge(policy, now)?;
        if !may_open {
            return Some(Change::Capped(tripped));
        }
        self.tripped = tripped;
        self.failed_probes = 0;
        let until = self.open(policy, ended.hint, now, rng);
        Some(Change::Opened { until, tripped })
    }

    fn judge(&mut self, policy: &UnifiedBreaker, now: Instant) -> Option<Tripped> {
        if policy.max_failures > 0 && self.run >= policy.max_failures {
            return Some(Tripped::ConsecutiveFailures(self.run));
        }
        if policy.success_rate_threshold > 0.0 {
            let counts = self.window.sum(now);
            let enough = counts.total >= policy.min_requests.max(1);
            let rate = f64::from(counts.good) / f64::from(counts.total);
            if enough && rate < policy.success_rate_threshold {
                return Some(Tripped::SuccessRate {
                    good: counts.good,
                    total: counts.total,
                });
            }
        }
        None
    }

    fn open(
        &mut self,
        policy: &UnifiedBreaker,
        hint: Option<Hint>,
        now: Instant,
        rng: &mut Entropy,
    ) -> Instant {
        let drawn = back_off(policy, self.failed_probes, rng);
        let sleep = match hint {
            Some(Hint::After(asked)) if policy.honor_retry_after => asked
                .max(policy.backoff_min)
                .min(policy.backoff_max.max(policy.backoff_min)),
            _ => drawn,
        };
        let until = now + sleep;
        self.phase.open(now, until);
        until
    }
}

// === impl Counts ===

impl Counts {
    pub(crate) fn one(good: bool) -> Self {
        Self {
            good: u32::from(good),
            total: 1,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.good = self.good.saturating_add(other.good);
        self.total = self.total.saturating_add(other.total);
    }
}

/// `min·2^i` plus up to `jitter` of it, at most `max` (linkerd2-proxy `linkerd/exp-backoff`).
fn back_off(policy: &UnifiedBreaker, i: u32, rng: &mut Entropy) -> Duration {
    let max = policy.backoff_max.max(policy.backoff_min);
    let factor = 1u32.checked_shl(i).unwrap_or(u32::MAX);
    let base = policy.backoff_min.saturating_mul(factor).min(max);
    let jitter = rng.unit() * policy.jitter.clamp(0.0, 1.0) * base.as_nanos() as f64;
    (base + Duration::from_nanos(jitter as u64)).min(max)
}
