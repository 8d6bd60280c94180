//! Adaptive concurrency: how many requests may be under way is found out from their latency.
//!
//! Envoy `filters/http/adaptive_concurrency/controller/gradient_controller.cc`,
//! `adaptive_concurrency.proto`. The latency at a concurrency of `min_concurrency` is measured from
//! time to time (the *minRTT window*) and taken for that of an idle backend; the limit then follows
//! the ratio between it and the latency now.
//!
//! Side effect: each minRTT window throttles to `min_concurrency`; the jitter keeps the proxies of
//! many replicas apart.
//!
//! Admission is exact, since it happens inside the cluster's critical section (Envoy's admits up to
//! one request too many per worker).

use crate::entropy::Entropy;
use crate::report::Histogram;
use crate::snapshot::AdaptiveConcurrency;
use crate::time::{Duration, Instant, nanos};

/// The ratio of latencies is cut to these.
const GRADIENT_MIN: f64 = 0.5;
const GRADIENT_MAX: f64 = 2.0;

/// Updates in a row at the least limit after which the minRTT is taken to be wrong.
const AT_MINIMUM_MAX: u32 = 5;

/// The controller as a value, stepped with the time.
#[derive(Clone, Debug)]
pub struct Gradient {
    limit: u32,
    /// The limit to go back to; set while the minRTT is measured.
    saved: Option<u32>,
    /// Requests sent before this say nothing: they were sent under another limit.
    epoch: Instant,
    min_rtt: Option<Duration>,
    samples: Histogram,
    next_update: Instant,
    next_measurement: Instant,
    at_minimum: u32,
    under_way: u32,
    blocked: u64,
}

// === impl Gradient ===

impl Gradient {
    /// Measures the minRTT first.
    pub fn new(policy: &AdaptiveConcurrency, now: Instant) -> Self {
        let limit = policy.min_concurrency.max(1);
        Self {
            limit,
            saved: Some(limit),
            epoch: now,
            min_rtt: None,
            samples: Histogram::new(),
            next_update: Instant::FAR_FUTURE,
            next_measurement: Instant::FAR_FUTURE,
            at_minimum: 0,
            under_way: 0,
            blocked: 0,
        }
    }

    /// How many requests may be under way.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    pub fn under_way(&self) -> u32 {
        self.under_way
    }

    /// Requests that were refused.
    pub fn blocked(&self) -> u64 {
        self.blocked
    }

    /// The latency of an idle backend, once it was measured.
    pub fn min_rtt(&self) -> Option<Duration> {
        self.min_rtt
    }

    /// Whether the latency of an idle backend is being measured.
    pub fn is_measuring(&self) -> bool {
        self.saved.is_some()
    }

    /// When [`advance`](Self::advance) has something to do. An update without samples changes
    /// nothing, so an idle backend costs nothing.
    pub fn wakes_at(&self) -> Option<Instant> {
        match self.is_measuring() {
            true => None,
            false => Some(self.update_due().min(self.next_measurement)),
        }
    }

    fn update_due(&self) -> Instant {
        match self.samples.is_empty() {
            true => Instant::FAR_FUTURE,
            false => self.next_update,
        }
    }

    /// Makes the update, or begins the measurement, that is due.
    pub fn advance(&mut self, policy: &AdaptiveConcurrency, now: Instant) {
        if self.is_measuring() {
            return;
        }
        let update = self.update_due();
        if self.next_measurement <= now && self.next_measurement <= update {
            self.measure(policy, self.next_measurement);
        } else if update <= now {
            self.update(policy);
            self.next_update = self.next_update + interval(policy);
        }
    }

    /// Admits one request; false when as many as the limit are under way.
    pub fn admit(&mut self) -> bool {
        if self.under_way >= self.limit {
            self.blocked += 1;
            return false;
        }
        self.under_way += 1;
        true
    }

    /// A request that was admitted ended without a latency worth knowing: cancelled, never sent.
    pub fn forget(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// A request that was admitted and sent at `sent` ended.
    pub fn end(
        &mut self,
        policy: &AdaptiveConcurrency,
        sent: Instant,
        now: Instant,
        rng: &mut Entropy,
    ) {
        self.forget();
        if sent < self.epoch {
            return;
        }
        if self.samples.is_empty() && !self.is_measuring() {
            // The updates stand on a grid; those that passed had no samples.
            let step = nanos(interval(policy));
            let late = nanos(now.since(self.next_update));
            if now > self.next_update {
                self.next_update =
                    self.next_update + Duration::from_nanos(late.div_ceil(step) * step);
            }
        }
        self.samples.record(now.since(sent));
        let enough = u64::from(policy.min_rtt_request_count.max(1));
        if self.is_measuring() && self.samples.count() >= enough {
            self.measured(policy, now, rng);
        }
    }

    fn measure(&mut self, policy: &AdaptiveConcurrency, now: Instant) {
        self.saved = Some(self.limit);
        self.limit = policy.min_concurrency.max(1);
        self.epoch = now;
        self.samples = Histogram::new();
        self.at_minimum = 0;
    }

    fn measured(&mut self, policy: &AdaptiveConcurrency, now: Instant, rng: &mut Entropy) {
        self.min_rtt = self.take_percentile(policy);
        if let Some(saved) = self.saved.take() {
            self.limit = saved;
        }
        let share = f64::from(policy.min_rtt_jitter_percent) / 100.0 * rng.unit();
        let jitter = nanos(policy.min_rtt_interval) as f64 * share;
        self.next_measurement = now + policy.min_rtt_interval + Duration::from_nanos(jitter as u64);
        self.next_update = now + interval(policy);
    }

    fn update(&mut self, policy: &AdaptiveConcurrency) {
        let (Some(min_rtt), Some(rtt)) = (self.min_rtt, self.take_percentile(policy)) else {
            return;
        };
        let old = self.limit;
        let least = policy.min_concurrency.max(1);
        let most = policy.max_concurrency.max(least);
        let buffered =
            nanos(min_rtt) as f64 * (1.0 + f64::from(policy.min_rtt_buffer_percent) / 100.0);
        let gradient = (buffered / nanos(rtt).max(1) as f64).clamp(GRADIENT_MIN, GRADIENT_MAX);
        let limit = f64::from(old) * gradient;
        let room = libm::sqrt(limit);
        self.limit = ((limit + room) as u32).clamp(least, most);
        self.at_minimum = match old == least && self.limit == least {
            true => self.at_minimum + 1,
            false => 0,
        };
        if self.at_minimum >= AT_MINIMUM_MAX {
            self.measure(policy, self.next_update);
        }
    }

    fn take_percentile(&mut self, policy: &AdaptiveConcurrency) -> Option<Duration> {
        let samples = core::mem::take(&mut self.samples);
        let micros = samples.quantile(f64::from(policy.sample_percentile) / 100.0)?;
        Some(Duration::from_micros(micros))
    }
}

/// An interval of zero would update for ever.
fn interval(policy: &AdaptiveConcurrency) -> Duration {
    policy.update_interval.max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests;
