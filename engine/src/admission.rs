//! Admission control: a client sheds by itself what the backend would refuse.
//!
//! Envoy `filters/http/admission_control`, `admission_control.proto`; "Handling Overload" in Site
//! Reliability Engineering (client-side throttling). The worse the success rate of the last while,
//! the more likely a request is answered here: with probability
//! `(max(0, n - s/threshold) / (n + 1))^(1/aggression)`, where `s` of `n` requests succeeded.
//! Requests that were shed are not counted, so that it lets go by itself.

use crate::breaker::Counts;
use crate::entropy::Entropy;
use crate::snapshot::AdmissionControl;
use crate::time::{Duration, Instant};
use crate::window::Window;

/// Samples are kept by the second, as in Envoy; a window of more seconds has this many slots.
const SLOTS_MAX: u64 = 300;

/// The success rate of one route to one backend, as a value stepped with the time.
#[derive(Clone, Debug)]
pub struct Admission {
    window: Window<Counts>,
    /// For which it was made.
    sampling_window: Duration,
    /// When the first of the requests in the window ended, or one window ago.
    since: Instant,
    shed: u64,
}

// === impl Admission ===

impl Admission {
    pub fn new(policy: &AdmissionControl, now: Instant) -> Self {
        let slots = policy.sampling_window.as_secs().clamp(1, SLOTS_MAX);
        Self {
            window: Window::new(policy.sampling_window, slots as usize, now),
            sampling_window: policy.sampling_window,
            since: now,
            shed: 0,
        }
    }

    /// Whether what was counted holds for this policy as well.
    pub fn fits(&self, policy: &AdmissionControl) -> bool {
        self.sampling_window == policy.sampling_window
    }

    /// Requests that were shed.
    pub fn shed(&self) -> u64 {
        self.shed
    }

    /// Nothing is known: it may be dropped and made again.
    pub fn is_fresh(&mut self, now: Instant) -> bool {
        self.window.is_empty(now)
    }

    /// The probability with which a request is shed now, 0..=1.
    pub fn rejection(&mut self, policy: &AdmissionControl, now: Instant) -> f64 {
        let counts = self.window.sum(now);
        let age = now.since(self.since).min(policy.sampling_window);
        let rps = u64::from(counts.total) / age.as_secs().max(1);
        if rps < u64::from(policy.rps_threshold) {
            return 0.0;
        }
        let threshold = policy.success_rate_threshold.max(f64::MIN_POSITIVE);
        let (n, s) = (f64::from(counts.total), f64::from(counts.good));
        let share = ((n - s / threshold) / (n + 1.0)).max(0.0);
        let aggression = policy.aggression.max(1.0);
        libm::pow(share, 1.0 / aggression).min(policy.max_rejection_probability)
    }

    /// Draws whether a request is admitted. No number is drawn when none could be shed, so that a
    /// healthy backend moves no other draw.
    pub fn admit(&mut self, policy: &AdmissionControl, now: Instant, rng: &mut Entropy) -> bool {
        let rejection = self.rejection(policy, now);
        let admitted = rejection <= 0.0 || rng.unit() >= rejection;
        self.shed += u64::from(!admitted);
        admitted
    }

    /// A request that was admitted ended.
    pub fn record(&mut self, good: bool, now: Instant) {
        if self.window.is_empty(now) {
            self.since = now;
        }
        self.window.add(Counts::one(good), now);
    }
}

#[cfg(test)]
mod tests;
