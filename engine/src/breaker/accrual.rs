//! Failure accrual of one endpoint.
//!
//! Finagle `liveness/FailureAccrualFactory.scala`, `liveness/FailureAccrualPolicy.scala`,
//! `Backoff.scala` (`EqualJittered`). Its states are those of every breaker here: Alive is closed,
//! Dead open, ProbeOpen half-open, and ProbeClosed half-open with the probe under way. Two policies
//! are joined with `orElse`: both take note of every response, and when both say dead the longer
//! time holds.
//!
//! Ours: only the probe decides a half-open phase. In Finagle a late answer of a request that was
//! sent before the endpoint died may decide it as well; it says nothing new.

use super::phase::Phase;
use super::{Change, Ended, Position, Probe, Tripped};
use crate::classify::Kind;
use crate::entropy::Entropy;
use crate::snapshot::FailureAccrual;
use crate::snapshot::breaker::{AverageRate, RateWindow};
use crate::time::{Duration, Instant, nanos};
use crate::window::Window;

/// Failure accrual as a value, stepped with the time.
#[derive(Clone, Debug)]
pub struct Accrual {
    phase: Phase,
    run: u32,
    rate: Average,
    /// How often each policy said dead since the endpoint came back.
    deaths: Deaths,
    tripped: Tripped,
}

#[derive(Clone, Copy, Debug, Default)]
struct Deaths {
    by_run: u32,
    by_rate: u32,
}

/// A moving average of successes, and what is needed to believe it.
#[derive(Clone, Debug)]
struct Average {
    value: Option<f64>,
    /// When `value` was last moved: nanoseconds since `since`, or requests since then.
    stamp: u64,
    /// The start, or the last revival.
    since: Instant,
    requests: u64,
    recent: Window<u64>,
}

/// Finagle's windowed adder for the volume of requests has five slices.
const SLICES: usize = 5;

// === impl Accrual ===

impl Accrual {
    /// Closed.
    pub fn new(policy: &FailureAccrual, now: Instant) -> Self {
        Self {
            phase: Phase::new(),
            run: 0,
            rate: Average::new(&policy.success_rate, now),
            deaths: Deaths::default(),
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

    /// Goes from open to half-open when its time is over; true if it did.
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
        policy: &FailureAccrual,
        ended: Ended,
        may_open: bool,
        now: Instant,
        rng: &mut Entropy,
    ) -> Option<Change> {
        let failed = ended.class.is_failure();
        let ignorable = ended.class.kind == Kind::Ignorable;
        match self.position() {
            Position::Open { .. } => {
                // The policies hear of late successes, and of no late failures.
                if !failed && !ignorable {
                    self.succeed(policy, now);
                }
                None
            }
            Position::HalfOpen { .. } if !self.phase.decides(ended.probe) => None,
            Position::HalfOpen { .. } if ignorable => {
                self.phase.give_back();
                Some(Change::ProbeReturned)
            }
            Position::HalfOpen { .. } if failed => Some(match self.fail(policy, now) {
                Some(tripped) => Change::Reopened {
                    until: self.die(policy, tripped, now, rng),
                },
                None => {
                    self.phase.give_back();
                    Change::ProbeReturned
                }
            }),
            Position::HalfOpen { .. } => {
                self.revive(policy, now);
                Some(Change::Closed)
            }
            Position::Closed if ignorable => None,
            Position::Closed if !failed => {
                self.succeed(policy, now);
                None
            }
            Position::Closed => {
                let dead = self.fail(policy, now)?;
                if !may_open {
                    return Some(Change::Capped(self.describe(dead)));
                }
                let until = self.die(policy, dead, now, rng);
                let tripped = self.tripped;
                Some(Change::Opened { until, tripped })
            }
        }
    }

    fn succeed(&mut self, policy: &FailureAccrual, now: Instant) {
        self.run = 0;
        self.rate.update(&policy.success_rate, true, now);
    }

    /// Which policies say dead, if any.
    fn fail(&mut self, policy: &FailureAccrual, now: Instant) -> Option<Dead> {
        self.run = self.run.saturating_add(1);
        self.rate.update(&policy.success_rate, false, now);
        let dead = Dead {
            by_run: policy.consecutive_failures > 0 && self.run >= policy.consecutive_failures,
            by_rate: self.rate.is_low(&policy.success_rate, now),
        };
        (dead.by_run || dead.by_rate).then_some(dead)
    }

    fn die(
        &mut self,
        policy: &FailureAccrual,
        dead: Dead,
        now: Instant,
        rng: &mut Entropy,
    ) -> Instant {
        let mut longest = Duration::ZERO;
        let both = [
            (dead.by_run, &mut self.deaths.by_run),
            (dead.by_rate, &mut self.deaths.by_rate),
        ];
        for (fired, deaths) in both {
            if fired {
                longest = longest.max(equal_jittered(policy, *deaths, rng));
                *deaths = deaths.saturating_add(1);
            }
        }
        self.tripped = self.describe(dead);
        let until = now + longest;
        self.phase.open(now, until);
        until
    }

    fn describe(&self, dead: Dead) -> Tripped {
        match dead.by_run {
            true => Tripped::ConsecutiveFailures(self.run),
            false => {
                Tripped::AverageSuccess((self.rate.value.unwrap_or(0.0) * 1000.0).round() as u32)
            }
        }
    }

    fn revive(&mut self, policy: &FailureAccrual, now: Instant) {
        self.phase.close();
        self.run = 0;
        self.rate = Average::new(&policy.success_rate, now);
        self.deaths = Deaths::default();
    }
}

/// What the two policies said.
#[derive(Clone, Copy, Debug)]
struct Dead {
    by_run: bool,
    by_rate: bool,
}

// === impl Average ===

impl Average {
    fn new(policy: &AverageRate, now: Instant) -> Self {
        let span = match policy.window {
            RateWindow::Time(window) => window,
            RateWindow::Requests(_) => Duration::ZERO,
        };
        Self {
            value: None,
            stamp: 0,
            since: now,
            requests: 0,
            recent: Window::new(span, SLICES, now),
        }
    }

    /// Moves the average towards 1 or 0 by how long ago it was last moved.
    fn update(&mut self, policy: &AverageRate, good: bool, now: Instant) {
        self.requests += 1;
        self.recent.add(1, now);
        let sample = if good { 1.0 } else { 0.0 };
        let (stamp, window) = match policy.window {
            RateWindow::Time(window) => (nanos(now.since(self.since)), nanos(window)),
            RateWindow::Requests(window) => (self.requests, u64::from(window)),
        };
        let passed = stamp.saturating_sub(self.stamp);
        self.stamp = self.stamp.max(stamp);
        self.value = Some(match self.value {
            None => sample,
            Some(value) => {
                let weight = libm::exp(-(passed as f64) / window.max(1) as f64);
                value * weight + sample * (1.0 - weight)
            }
        });
    }

    fn is_low(&mut self, policy: &AverageRate, now: Instant) -> bool {
        let believed = match policy.window {
            RateWindow::Time(window) => {
                now.since(self.since) >= window
                    && self.recent.sum(now) >= u64::from(policy.min_requests)
            }
            RateWindow::Requests(window) => self.requests >= u64::from(window),
        };
        believed && self.value.is_some_and(|value| value < policy.required)
    }
}

/// How long the endpoint stays dead after `deaths` deaths since it came back: `min`, then
/// `half + random(0..half)` where half doubles from `min`, and `max` from when that is reached.
fn equal_jittered(policy: &FailureAccrual, deaths: u32, rng: &mut Entropy) -> Duration {
    let max = policy.backoff_max.max(policy.backoff_min);
    if deaths == 0 {
        return policy.backoff_min;
    }
    let doublings = 1u32.checked_shl(deaths - 1).unwrap_or(u32::MAX);
    let half = policy.backoff_min.saturating_mul(doublings);
    if half >= max {
        return max;
    }
    (half + Duration::from_nanos(rng.below(nanos(half)))).min(max)
}
