//! The unified breaker of one endpoint: consecutive failures or a success rate.
//!
//! linkerd2-proxy `app/outbound/src/http/breaker/{unified,success_rate,consecutive_failures}.rs`.
//! Each signal alone misses failures that the other catches: a run of failures reacts at once to a
//! hard outage but never forms when every second request fails; a rate needs volume first.

use super::Window;
use crate::classify::{Class, Hint, Kind};
use crate::entropy::Entropy;
use crate::snapshot::UnifiedBreaker;
use crate::time::{Duration, Instant};

/// A breaker as a value, stepped with the time.
#[derive(Clone, Debug)]
pub struct Unified {
    position: Position,
    /// Counts changes of position: a probe of an earlier half-open phase has no say any more.
    epoch: u64,
    run: u32,
    window: Window,
    /// Probes that failed since it tripped.
    failed_probes: u32,
    tripped: Tripped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Traffic flows.
    Closed,
    /// No traffic.
    Open { since: Instant, until: Instant },
    /// One request at a time, as a probe.
    HalfOpen { since: Instant, probing: bool },
}

/// What tripped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tripped {
    ConsecutiveFailures(u32),
    SuccessRate { good: u64, total: u64 },
}

/// The right, and the duty, to decide a half-open phase: given back by
/// [`Unified::record`] (any class).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe(u64);

/// What a response changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Opened {
        until: Instant,
        tripped: Tripped,
    },
    /// It would have opened, but too many endpoints of the service are open already.
    Capped(Tripped),
    /// The probe failed.
    Reopened {
        until: Instant,
    },
    Closed,
    /// The probe said nothing; another may be sent.
    ProbeReturned,
}

// === impl Unified ===

impl Unified {
    /// Closed.
    pub fn new(policy: &UnifiedBreaker, now: Instant) -> Self {
        Self {
            position: Position::Closed,
            epoch: 0,
            run: 0,
            window: Window::new(policy.window, now),
            failed_probes: 0,
            tripped: Tripped::ConsecutiveFailures(0),
        }
    }

    pub fn position(&self) -> Position {
        self.position
    }

    /// What tripped it last; meaningful unless it is closed.
    pub fn tripped(&self) -> Tripped {
        self.tripped
    }

    /// When it will become half-open by itself.
    pub fn wakes_at(&self) -> Option<Instant> {
        match self.position {
            Position::Open { until, .. } => Some(until),
            Position::Closed | Position::HalfOpen { .. } => None,
        }
    }

    /// Goes from open to half-open when the back-off is over; true if it did.
    pub fn advance(&mut self, now: Instant) -> bool {
        match self.position {
            Position::Open { until, .. } if now >= until => {
                // `until`, not `now`: when it is noticed must not matter.
                self.move_to(Position::HalfOpen {
                    since: until,
                    probing: false,
                });
                true
            }
            _ => false,
        }
    }

    /// Whether the endpoint may be picked: closed, or half-open with no probe under way.
    pub fn admits(&self) -> bool {
        match self.position {
            Position::Closed | Position::HalfOpen { probing: false, .. } => true,
            Position::Open { .. } | Position::HalfOpen { probing: true, .. } => false,
        }
    }

    /// A request is sent. In half-open it is the probe.
    pub fn start(&mut self) -> Option<Probe> {
        match &mut self.position {
            Position::HalfOpen { probing, .. } if !*probing => {
                *probing = true;
                Some(Probe(self.epoch))
            }
            _ => None,
        }
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
        match self.position {
            // Late answers: sent before it tripped, they say nothing new.
            Position::Open { .. } => None,
            Position::HalfOpen { since, .. } => {
                let probe = ended.probe?;
                if probe.0 != self.epoch {
                    return None;
                }
                Some(self.decide(policy, ended, since, now, rng))
            }
            Position::Closed => self.count(policy, ended, may_open, now, rng),
        }
    }

    fn decide(
        &mut self,
        policy: &UnifiedBreaker,
        ended: Ended,
        since: Instant,
        now: Instant,
        rng: &mut Entropy,
    ) -> Change {
        if ended.class.kind == Kind::Ignorable {
            self.position = Position::HalfOpen {
                since,
                probing: false,
            };
            return Change::ProbeReturned;
        }
        if ended.class.is_failure() || ended.class.rate_limited {
            self.failed_probes = self.failed_probes.saturating_add(1);
            let until = self.open(policy, ended.hint, now, rng);
            return Change::Reopened { until };
        }
        self.move_to(Position::Closed);
        self.run = 0;
        self.window = Window::new(policy.window, now);
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
        self.window
            .record(!failed && !ended.class.rate_limited, now);
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
            let counts = self.window.counts(now);
            let enough = counts.total >= u64::from(policy.min_requests.max(1));
            let rate = counts.good as f64 / counts.total as f64;
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
        self.move_to(Position::Open { since: now, until });
        until
    }

    fn move_to(&mut self, position: Position) {
        self.position = position;
        self.epoch += 1;
    }
}

/// A request that ended, as a breaker sees it.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub class: Class,
    pub hint: Option<Hint>,
    pub probe: Option<Probe>,
}

/// `min·2^i` plus up to `jitter` of it, at most `max` (linkerd2-proxy `linkerd/exp-backoff`).
fn back_off(policy: &UnifiedBreaker, i: u32, rng: &mut Entropy) -> Duration {
    let max = policy.backoff_max.max(policy.backoff_min);
    let factor = 1u32.checked_shl(i).unwrap_or(u32::MAX);
    let base = policy.backoff_min.saturating_mul(factor).min(max);
    let jitter = rng.unit() * policy.jitter.clamp(0.0, 1.0) * base.as_nanos() as f64;
    (base + Duration::from_nanos(jitter as u64)).min(max)
}
