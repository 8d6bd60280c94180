//! How much of its weight a host that became healthy has (Envoy `applySlowStartFactor`).

use crate::snapshot::SlowStart;
use crate::time::{Duration, Instant};

/// A host that became healthy just now counts as this old, so that its share is never zero.
const YOUNGEST: Duration = Duration::from_millis(1);

/// The share of its weight, over 0 and at most 1, that a host healthy since `since` has.
pub fn factor(policy: &SlowStart, since: Instant, now: Instant) -> f64 {
    let age = now.since(since);
    if age >= policy.window {
        return 1.0;
    }
    let time = age.max(YOUNGEST).as_secs_f64() / policy.window.as_secs_f64();
    let grown = match policy.aggression {
        a if a == 1.0 || a.is_nan() || a <= 0.0 => time,
        a => libm::pow(time, 1.0 / a),
    };
    let least = f64::from(policy.min_weight_percent) / 100.0;
    grown.max(least).min(1.0)
}

#[cfg(test)]
mod tests;
