//! The breaker of one route to one service as a whole, whatever the endpoint.
//!
//! Netflix Hystrix `HystrixCircuitBreaker.java` (`HystrixCircuitBreakerImpl`),
//! `HystrixCommandProperties.java`. When half of what is asked of a service fails, asking on wastes
//! the caller's time and the service's: for `sleep_window` every request is refused at once, then
//! one is let through, and its end decides.
//!
//! An attempt counts, not a request with all its tries: what breakers guard is the service, and it
//! sees attempts. The counts are looked at on a grid of `snapshot_interval`; a look that is made up
//! for later, with its own time, gives the same result as one made in time.

use core::ops::AddAssign;

use super::phase::Phase;
use super::{Change, Position, Probe, Tripped};
use crate::snapshot::RollingWindow;
use crate::snapshot::breaker::Force;
use crate::time::{Duration, Instant, nanos};
use crate::window::Window;

/// A breaker as a value, stepped with the time.
#[derive(Clone, Debug)]
pub struct Rolling {
    phase: Phase,
    window: Window<Totals>,
    /// The looks at the counts stand on a grid from here.
    grid: Instant,
    /// The next look that may find anything; none when nothing was counted since it was empty.
    next_look: Option<Instant>,
    tripped: Tripped,
}

/// What was counted in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub success: u64,
    pub failure: u64,
    pub timeout: u64,
    /// Refused by a limit of this side.
    pub rejected: u64,
    /// Refused by the breaker; counts neither as request nor as error.
    pub short_circuited: u64,
}

/// How an attempt ended, as this breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Success,
    Failure,
    Timeout,
    Rejected,
    /// The client went away.
    Cancelled,
}

/// What becomes of an attempt that wants to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// It passes as the probe; the breaker went from open to half-open.
    Probe(Probe),
    /// Refused at once.
    ShortCircuit,
}

/// The finest grid of looks, as a share of the window: a finer one would not see more.
const LOOKS_MAX: u32 = 1000;

// === impl Rolling ===

impl Rolling {
    /// Closed, and empty.
    pub fn new(policy: &RollingWindow, now: Instant) -> Self {
        Self {
            phase: Phase::new(),
            window: Window::new(policy.window, policy.buckets as usize, now),
            grid: now,
            next_look: None,
            tripped: Tripped::Forced,
        }
    }

    /// Open as long as the policy forces it, else as the requests made it. An open breaker becomes
    /// half-open by the first request after its time, not by itself.
    pub fn position(&self, policy: &RollingWindow) -> Position {
        match policy.force {
            Force::Open => Position::Open {
                since: self.grid,
                until: Instant::FAR_FUTURE,
            },
            Force::Closed => Position::Closed,
            Force::No => self.phase.position(),
        }
    }

    /// What tripped it last; meaningful unless it is closed.
    pub fn tripped(&self, policy: &RollingWindow) -> Tripped {
        match policy.force {
            Force::Open => Tripped::Forced,
            Force::No | Force::Closed => self.tripped,
        }
    }

    /// Nothing is known and nothing is held back: it may be dropped and made again.
    pub fn is_fresh(&mut self, now: Instant) -> bool {
        self.phase.position() == Position::Closed && self.window.is_empty(now)
    }

    /// When [`advance`](Self::advance) has something to do.
    pub fn wakes_at(&self) -> Option<Instant> {
        self.next_look
    }

    /// Makes the look at the counts that is due.
    pub fn advance(&mut self, policy: &RollingWindow, now: Instant) -> Option<Change> {
        let due = self.next_look.filter(|due| now >= *due)?;
        let change = self.look(policy, due);
        let open = self.phase.position() != Position::Closed;
        self.next_look = match open || self.window.is_empty(due) {
            true => None,
            false => Some(due + interval(policy)),
        };
        change
    }

    /// An attempt wants to be sent.
    pub fn enter(&mut self, policy: &RollingWindow, now: Instant) -> Verdict {
        match policy.force {
            Force::Open => return self.refuse(now),
            Force::Closed => return Verdict::Pass,
            Force::No => {}
        }
        if self.phase.position() == Position::Closed {
            return Verdict::Pass;
        }
        self.phase.advance(now);
        match self.phase.start() {
            Some(probe) => Verdict::Probe(probe),
            None => self.refuse(now),
        }
    }

    /// An attempt that passed ended.
    pub fn record(
        &mut self,
        policy: &RollingWindow,
        told: Told,
        probe: Option<Probe>,
        now: Instant,
    ) -> Option<Change> {
        if self.phase.decides(probe) {
            return Some(self.decide(policy, told, now));
        }
        let mut one = Totals::default();
        match told {
            Told::Success => one.success = 1,
            Told::Failure => one.failure = 1,
            Told::Timeout => one.timeout = 1,
            Told::Rejected => one.rejected = 1,
            Told::Cancelled => return None,
        }
        self.window.add(one, now);
        if self.phase.position() != Position::Closed {
            return None;
        }
        if policy.snapshot_interval.is_zero() {
            return self.look(policy, now);
        }
        if self.next_look.is_none() {
            self.next_look = Some(self.look_after(policy, now));
        }
        None
    }

    /// The counts of the window that ends at `now`.
    pub fn totals(&mut self, now: Instant) -> Totals {
        self.window.sum(now)
    }

    fn refuse(&mut self, now: Instant) -> Verdict {
        let one = Totals {
            short_circuited: 1,
            ..Totals::default()
        };
        self.window.add(one, now);
        Verdict::ShortCircuit
    }

    fn decide(&mut self, policy: &RollingWindow, told: Told, now: Instant) -> Change {
        if told == Told::Success {
            self.phase.close();
            self.window.clear(now);
            self.next_look = None;
            return Change::Closed;
        }
        // A cancelled probe as well: a half-open breaker must not wait for what nobody waits for.
        let until = now + policy.sleep_window;
        self.phase.open(now, until);
        Change::Reopened { until }
    }

    fn look(&mut self, policy: &RollingWindow, now: Instant) -> Option<Change> {
        let totals = self.window.sum(now);
        let (total, errors) = (totals.total(), totals.errors());
        let enough = total >= u64::from(policy.request_volume_threshold.max(1));
        // Whole percent, cut off, as Hystrix counts.
        let bad = enough && errors * 100 / total >= u64::from(policy.error_threshold_percent);
        if !bad || policy.force != Force::No {
            return None;
        }
        let saturated = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let tripped = Tripped::Errors {
            errors: saturated(errors),
            total: saturated(total),
        };
        self.tripped = tripped;
        let until = now + policy.sleep_window;
        self.phase.open(now, until);
        Some(Change::Opened { until, tripped })
    }

    /// The first look after `now`.
    fn look_after(&self, policy: &RollingWindow, now: Instant) -> Instant {
        let step = nanos(interval(policy)).max(1);
        let passed = nanos(now.since(self.grid)) / step;
        self.grid + Duration::from_nanos((passed + 1).saturating_mul(step))
    }
}

fn interval(policy: &RollingWindow) -> Duration {
    policy.snapshot_interval.max(policy.window / LOOKS_MAX)
}

// === impl Totals ===

impl Totals {
    /// Requests that say something about the service.
    pub fn total(self) -> u64 {
        self.success + self.errors()
    }

    pub fn errors(self) -> u64 {
        self.failure + self.timeout + self.rejected
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.success += other.success;
        self.failure += other.failure;
        self.timeout += other.timeout;
        self.rejected += other.rejected;
        self.short_circuited += other.short_circuited;
    }
}
