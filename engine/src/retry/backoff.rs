//! How long to wait before the k-th retry.
//!
//! Full jitter over a window that doubles: `random(0 .. min(base·(2^k - 1), max))`. Envoy
//! `common/backoff_strategy.cc` caps the *window*; capping the drawn value instead would let a
//! third of all fourth retries come after exactly `max`, which is the synchronised wave that jitter
//! is there to avoid. The `backoff` of a route is the shortest wait that the Gateway API allows
//! (GEP-1731: "not retried before the configured minimum duration"): there what is drawn comes on
//! top.

use crate::classify::HINT_MAX;
use crate::entropy::Entropy;
use crate::snapshot::RetryPolicy;
use crate::time::{Duration, nanos};

/// The end (exclusive) of the window from which the wait before the `k`-th retry (from 1) is drawn.
pub fn window(base: Duration, max: Duration, k: u32) -> Duration {
    let doublings = 1u32.checked_shl(k).unwrap_or(u32::MAX).saturating_sub(1);
    base.saturating_mul(doublings).min(max)
}

/// The wait before the `k`-th retry, from 1. `asked` is the upstream's own hint, which is obeyed
/// when the policy says so.
pub fn wait(policy: &RetryPolicy, k: u32, asked: Option<Duration>, rng: &mut Entropy) -> Duration {
    match asked {
        Some(asked) if policy.rate_limited_backoff => asked.min(HINT_MAX),
        _ => {
            let window = window(policy.backoff_base, policy.backoff_max, k);
            let drawn = Duration::from_nanos(rng.below(nanos(window)));
            policy.backoff_least.saturating_add(drawn)
        }
    }
}

#[cfg(test)]
mod tests;
