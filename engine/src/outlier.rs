//! Outlier detection with Envoy's semantics: hosts that answer worse than they should, or worse
//! than their peers, are ejected for a while.
//!
//! Envoy `source/common/upstream/outlier_detection_impl.cc`, `outlier_detection.proto`. Consecutive
//! counters act on each response; success rate and failure percentage compare hosts once per
//! `interval` in a *sweep*, which also ends ejections. Sweeps stand on a fixed grid of times.
//! Nothing but a response, a sweep or a change of hosts moves any state, so a sweep that is made up
//! for later, before the next such event and with its own time, gives the same result as one made
//! in time.

use crate::classify::{Class, Kind};
use crate::entropy::Entropy;
use crate::snapshot::{Outlier, backend::Consecutive};
use crate::time::{Duration, Instant, nanos};

mod compare;

pub use compare::success_rate_threshold;

/// What a detector knows of one host.
#[derive(Clone, Debug, Default)]
pub struct HostRecord {
    run_5xx: u32,
    run_gateway: u32,
    run_local: u32,
    external: Bucket,
    /// Most hosts are never ejected, and most policies do not count local errors apart: what they
    /// need takes no room in the others.
    past: Option<Box<Past>>,
    local: Option<Box<Bucket>>,
}

/// A host that was ejected once.
#[derive(Clone, Debug, Default)]
struct Past {
    /// Set while ejected: since when, and why.
    ejected: Option<(Instant, Reason)>,
    /// How often it was ejected in all.
    ejections: u32,
    /// Ejection lasts `base · backoff`; one less for each good interval.
    backoff: u32,
    jitter: Duration,
    last_uneject: Option<Instant>,
}

/// Responses of the current interval, and of the one before it.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    good: u32,
    total: u32,
    last_good: u32,
    last_total: u32,
}

/// Which detector proposed an ejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    Consecutive5xx,
    ConsecutiveGatewayFailure,
    ConsecutiveLocalOriginFailure,
    SuccessRate,
    SuccessRateLocalOrigin,
    FailurePercentage,
    FailurePercentageLocalOrigin,
}

/// What became of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Index of the host in the slice that was given.
    pub host: usize,
    pub kind: ChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Ejected(Reason),
    /// Proposed, but `max_ejection_percent` did not allow it.
    Overflow(Reason),
    Unejected,
}

/// The detector of one cluster: its policy and its grid of sweeps.
#[derive(Clone, Debug)]
pub struct Detector {
    policy: Outlier,
    next_sweep: Instant,
}

// === impl Detector ===

impl Detector {
    /// The first sweep comes one interval after `now`.
    pub fn new(policy: Outlier, now: Instant) -> Self {
        let next_sweep = now + interval(&policy);
        Self { policy, next_sweep }
    }

    pub fn policy(&self) -> &Outlier {
        &self.policy
    }

    pub fn next_sweep(&self) -> Instant {
        self.next_sweep
    }

    /// When the ejection of `host` ends, unless the policy changes: at a sweep.
    pub fn ejected_until(&self, host: &HostRecord) -> Option<Instant> {
        let past = host.past.as_ref()?;
        let over = past.ejected?.0 + self.ejection_time(past);
        let late = nanos(over.since(self.next_sweep));
        let grid = nanos(interval(&self.policy));
        let sweeps = late.div_ceil(grid);
        Some(self.next_sweep + Duration::from_nanos(sweeps.saturating_mul(grid)))
    }

    /// Makes the sweep that is due at [`next_sweep`](Self::next_sweep), and says what it changed.
    pub fn sweep(&mut self, hosts: &mut [&mut HostRecord], rng: &mut Entropy) -> Vec<Change> {
        let now = self.next_sweep;
        let mut changes = Vec::new();
        for (index, host) in hosts.iter_mut().enumerate() {
            let over = host.past.as_ref().and_then(|past| {
                let (since, _) = past.ejected?;
                Some(since + self.ejection_time(past))
            });
            if over.is_some_and(|over| now >= over) {
                host.uneject(now);
                changes.push(Change {
                    host: index,
                    kind: ChangeKind::Unejected,
                });
            }
            host.external.swap();
            if let Some(local) = &mut host.local {
                local.swap();
            }
        }
        // Both detectors for external errors, then both for local-origin ones, which are counted
        // apart only in split mode (`processSuccessRateEjections`).
        let views = match self.policy.split_external_local_origin_errors {
            true => &[false, true][..],
            false => &[false],
        };
        for local in views {
            for (host, reason) in compare::success_rate(&self.policy, hosts, *local) {
                changes.extend(self.propose(hosts, host, reason, now, rng));
            }
            for (host, reason) in compare::failure_percentage(&self.policy, hosts, *local) {
                changes.extend(self.propose(hosts, host, reason, now, rng));
            }
        }
        let good_for = interval(&self.policy);
        for past in hosts.iter_mut().filter_map(|host| host.past.as_mut()) {
            let rested = past.last_uneject.is_none_or(|t| now.since(t) >= good_for);
            if past.ejected.is_none() && rested {
                past.backoff = past.backoff.saturating_sub(1);
            }
        }
        self.next_sweep = now + good_for;
        changes
    }

    /// Skips the sweeps up to `now` when they would change nothing. A mesh that is quiet for a
    /// night then costs nothing in the morning.
    pub fn skip_idle(&mut self, hosts: &[&mut HostRecord], now: Instant) {
        if now <= self.next_sweep || !hosts.iter().all(|h| h.is_quiet()) {
            return;
        }
        let grid = nanos(interval(&self.policy));
        let sweeps = nanos(now.since(self.next_sweep)) / grid;
        self.next_sweep = self.next_sweep + Duration::from_nanos(sweeps * grid);
    }

    /// How long an ejection lasts, jitter included.
    fn ejection_time(&self, past: &Past) -> Duration {
        let base = self.policy.base_ejection_time;
        base.saturating_mul(past.backoff)
            .min(self.max_ejection_time())
            + past.jitter
    }

    fn max_ejection_time(&self) -> Duration {
        self.policy
            .max_ejection_time
            .max(self.policy.base_ejection_time)
    }

    /// Ejects `hosts[index]`, which [`HostRecord::count`] proposed for `reason`, when the share of
    /// ejected hosts allows it and the draw against `enforcing` says so. A host that is ejected
    /// already is left alone.
    pub fn propose(
        &self,
        hosts: &mut [&mut HostRecord],
        index: usize,
        reason: Reason,
        now: Instant,
        rng: &mut Entropy,
    ) -> Option<Change> {
        if hosts[index].is_ejected() {
            return None;
        }
        let ejected = hosts.iter().filter(|h| h.is_ejected()).count() as u64;
        let share_allows =
            100 * (ejected + 1) <= u64::from(self.policy.max_ejection_percent) * hosts.len() as u64;
        let allowed = share_allows || (self.policy.always_eject_one_host && ejected == 0);
        if !allowed {
            return Some(Change {
                host: index,
                kind: ChangeKind::Overflow(reason),
            });
        }
        if !rng.chance(u64::from(self.enforcing(reason)), 100) {
            return None;
        }
        let max_jitter = nanos(self.policy.max_ejection_time_jitter);
        let host = hosts[index].past.get_or_insert_default();
        host.ejected = Some((now, reason));
        host.ejections = host.ejections.saturating_add(1);
        host.jitter = Duration::from_nanos(rng.below(max_jitter.saturating_add(1)));
        let base = self.policy.base_ejection_time;
        if base.saturating_mul(host.backoff) < self.max_ejection_time().saturating_add(base) {
            host.backoff = host.backoff.saturating_add(1);
        }
        Some(Change {
            host: index,
            kind: ChangeKind::Ejected(reason),
        })
    }

    fn enforcing(&self, reason: Reason) -> u32 {
        let p = &self.policy;
        match reason {
            Reason::Consecutive5xx => p.consecutive_5xx.enforcing,
            Reason::ConsecutiveGatewayFailure => p.consecutive_gateway_failure.enforcing,
            Reason::ConsecutiveLocalOriginFailure => p.consecutive_local_origin_failure.enforcing,
            Reason::SuccessRate => p.success_rate.enforcing,
            Reason::SuccessRateLocalOrigin => p.success_rate.enforcing_local_origin,
            Reason::FailurePercentage => p.failure_percentage.enforcing,
            Reason::FailurePercentageLocalOrigin => p.failure_percentage.enforcing_local_origin,
        }
    }
}

/// An interval of zero would sweep for ever.
fn interval(policy: &Outlier) -> Duration {
    policy.interval.max(Duration::from_millis(1))
}

// === impl Reason ===

impl Reason {
    /// For reports.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Consecutive5xx => "consecutive 5xx",
            Self::ConsecutiveGatewayFailure => "consecutive gateway failures",
            Self::ConsecutiveLocalOriginFailure => "consecutive local-origin failures",
            Self::SuccessRate => "success rate below its peers'",
            Self::SuccessRateLocalOrigin => "local-origin success rate below its peers'",
            Self::FailurePercentage => "failure percentage",
            Self::FailurePercentageLocalOrigin => "local-origin failure percentage",
        }
    }
}

// === impl HostRecord ===

impl HostRecord {
    pub fn is_ejected(&self) -> bool {
        self.ejection().is_some()
    }

    /// Since when and why, while ejected.
    pub fn ejection(&self) -> Option<(Instant, Reason)> {
        self.past.as_ref()?.ejected
    }

    pub fn ejections(&self) -> u32 {
        self.past.as_ref().map_or(0, |past| past.ejections)
    }

    /// Failures since the last success, as the detector counts them that counts most.
    pub fn failures_in_a_row(&self) -> u32 {
        self.run_5xx.max(self.run_gateway).max(self.run_local)
    }

    /// Ends an ejection.
    pub fn uneject(&mut self, now: Instant) {
        if let Some(past) = &mut self.past {
            past.ejected = None;
            past.last_uneject = Some(now);
        }
        self.run_5xx = 0;
        self.run_gateway = 0;
        self.run_local = 0;
    }

    /// Takes in one response. A run that reaches its threshold proposes an ejection and starts
    /// anew, whether or not the ejection takes place. Two detectors may propose at once.
    pub fn count(&mut self, policy: &Outlier, class: Class) -> [Option<Reason>; 2] {
        let split = policy.split_external_local_origin_errors;
        match class.kind {
            Kind::Ignorable => [None; 2],
            Kind::LocalFailure if split => {
                self.local.get_or_insert_default().add(false);
                let policy = policy.consecutive_local_origin_failure;
                let full = step(&mut self.run_local, policy);
                [full.then_some(Reason::ConsecutiveLocalOriginFailure), None]
            }
            Kind::Success => {
                self.run_5xx = 0;
                self.run_gateway = 0;
                self.succeed_locally(split);
                self.external.add(true);
                [None; 2]
            }
            Kind::Failure | Kind::LocalFailure => {
                self.succeed_locally(split);
                self.external.add(false);
                let gateway = if class.gateway {
                    step(&mut self.run_gateway, policy.consecutive_gateway_failure)
                } else {
                    self.run_gateway = 0;
                    false
                };
                let any = step(&mut self.run_5xx, policy.consecutive_5xx);
                [
                    gateway.then_some(Reason::ConsecutiveGatewayFailure),
                    any.then_some(Reason::Consecutive5xx),
                ]
            }
        }
    }

    fn succeed_locally(&mut self, split: bool) {
        if split {
            self.local.get_or_insert_default().add(true);
            self.run_local = 0;
        }
    }

    fn is_quiet(&self) -> bool {
        let empty = |b: &Bucket| b.total == 0 && b.last_total == 0;
        let past = self.past.as_ref();
        past.is_none_or(|past| past.ejected.is_none() && past.backoff == 0)
            && empty(&self.external)
            && self.local.as_deref().is_none_or(empty)
    }
}

/// One more failure in a row; true when the threshold is reached, which starts a new run.
fn step(run: &mut u32, policy: Consecutive) -> bool {
    *run = run.saturating_add(1);
    if policy.threshold > 0 && *run == policy.threshold {
        *run = 0;
        return true;
    }
    false
}

// === impl Bucket ===

impl Bucket {
    fn add(&mut self, good: bool) {
        self.good = self.good.saturating_add(good.into());
        self.total = self.total.saturating_add(1);
    }

    fn swap(&mut self) {
        (self.last_good, self.last_total) = (self.good, self.total);
        (self.good, self.total) = (0, 0);
    }

    /// Percent of good responses in the interval before this one.
    fn last_rate(&self) -> f64 {
        f64::from(self.last_good) * 100.0 / f64::from(self.last_total)
    }
}

#[cfg(test)]
mod tests;
