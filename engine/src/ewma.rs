//! A latency average that jumps up at once and forgets slowly: the cost that peak-EWMA balancing
//! compares.
//!
//! Finagle `loadbalancer/PeakEwma.scala`, tower `load/peak_ewma.rs`. A decision reads through
//! [`PeakEwma::read`], which decays in place as theirs do: a host that is looked at and not
//! observed becomes cheap again. A report reads through [`PeakEwma::at`], which changes nothing, so
//! that asking for one more report cannot change a decision.

use crate::time::{Duration, Instant, nanos};

/// Peak EWMA of a response time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeakEwma {
    cost: f64,
    stamp: Instant,
}

// === impl PeakEwma ===

impl PeakEwma {
    /// Starts from a guess. A seed of zero would send the first burst to the newest host.
    pub fn seeded(guess: Duration, now: Instant) -> Self {
        Self {
            cost: nanos(guess) as f64,
            stamp: now,
        }
    }

    /// Takes in one response time. A value above the average replaces it at once; one below pulls
    /// it down with weight `1 - e^(-Δ/decay)`, where Δ is the time since the last observation or
    /// read.
    pub fn observe(&mut self, rtt: Duration, now: Instant, decay: Duration) {
        let now = now.max(self.stamp);
        let rtt = nanos(rtt) as f64;
        if rtt > self.cost {
            self.cost = rtt;
        } else {
            let kept = weight(now.since(self.stamp), decay);
            self.cost = self.cost * kept + rtt * (1.0 - kept);
        }
        self.stamp = now;
    }

    /// The average at `now`, in nanoseconds, decayed in place.
    pub fn read(&mut self, now: Instant, decay: Duration) -> f64 {
        self.observe(Duration::ZERO, now, decay);
        self.cost
    }

    /// The average at `now`, in nanoseconds, for reports.
    pub fn at(&self, now: Instant, decay: Duration) -> f64 {
        self.cost * weight(now.since(self.stamp), decay)
    }
}

/// How much of an average is left after `elapsed`. A decay of zero forgets at once.
fn weight(elapsed: Duration, decay: Duration) -> f64 {
    if elapsed.is_zero() {
        return 1.0;
    }
    if decay.is_zero() {
        return 0.0;
    }
    libm::exp(-(nanos(elapsed) as f64) / nanos(decay) as f64)
}

#[cfg(test)]
mod tests;
