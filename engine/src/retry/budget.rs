//! Retry budgets: retries are a share of the requests, so that a failing backend does not get many
//! times its usual load.
//!
//! *Rate* is Finagle's leaky bucket (`service/RetryBudget.scala`, util `TokenBucket.scala`;
//! GEP-3388 `RetryConstraint`): every original request deposits, every retry withdraws, deposits
//! expire after `interval`, and a reserve allows `min_per_second` without any deposit. It works on
//! a scale of 1000: tower's form with deposits of one makes 33 % out of 30 % and 100 % out of 70 %.
//! *Concurrency* is Envoy's (`circuit_breaker.proto` `RetryBudget`): a share of what is under way.

use crate::limit::InUse;
use crate::snapshot::RetryBudget;
use crate::time::{Duration, Instant};
use crate::window::Window;

/// Slots in which deposits expire.
const SLOTS: usize = 10;

/// What a request deposits; withdrawals are multiples of it.
const SCALE: i64 = 1000;

/// The state of one budget.
#[derive(Clone, Debug)]
pub struct Budget {
    policy: RetryBudget,
    /// Deposits less withdrawals.
    balance: Window<i64>,
}

// === impl Budget ===

impl Budget {
    pub fn new(policy: RetryBudget, now: Instant) -> Self {
        let interval = match policy {
            RetryBudget::Rate { interval, .. } => interval,
            RetryBudget::Concurrency { .. } => Duration::ZERO,
        };
        Self {
            policy,
            balance: Window::new(interval, SLOTS, now),
        }
    }

    pub fn policy(&self) -> &RetryBudget {
        &self.policy
    }

    /// An original request was sent (not a retry).
    pub fn deposit(&mut self, now: Instant) {
        if let RetryBudget::Rate { percent, .. } = self.policy
            && percent > 0
        {
            self.balance.add(SCALE, now);
        }
    }

    /// Pays for one retry; false when there is not enough. `in_use` is what is under way towards
    /// the backend, this retry not included.
    pub fn withdraw(&mut self, in_use: InUse, now: Instant) -> bool {
        if self.left(in_use, now) == 0 {
            return false;
        }
        if let RetryBudget::Rate { percent, .. } = self.policy {
            self.balance.add(-price(percent), now);
        }
        true
    }

    /// For how many more retries there is enough at this moment.
    pub fn left(&mut self, in_use: InUse, now: Instant) -> u64 {
        match self.policy {
            RetryBudget::Rate { .. } => self.left_of_rate(now),
            RetryBudget::Concurrency {
                percent,
                min_concurrent,
            } => {
                let under_way = f64::from(in_use.requests) + f64::from(in_use.pending);
                // `as` saturates; NaN becomes 0.
                let share = libm::floor(percent / 100.0 * under_way) as u32;
                share
                    .max(min_concurrent)
                    .saturating_sub(in_use.retries)
                    .into()
            }
        }
    }

    /// True when the state is that of a new budget: it may be dropped and made again.
    pub fn is_fresh(&mut self, now: Instant) -> bool {
        self.balance.is_empty(now)
    }

    fn left_of_rate(&mut self, now: Instant) -> u64 {
        let RetryBudget::Rate {
            percent,
            interval,
            min_per_second,
        } = self.policy
        else {
            return 0;
        };
        if percent == 0 && min_per_second == 0 {
            return 0;
        }
        let price = price(percent);
        let millis = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        let reserve = i64::from(min_per_second)
            .saturating_mul(millis)
            .saturating_mul(price)
            / 1000;
        let there = self.balance.sum(now).saturating_add(reserve);
        u64::try_from(there / price).unwrap_or(0)
    }
}

/// What one retry costs.
fn price(percent: u32) -> i64 {
    match percent {
        0 => 1,
        percent => (SCALE * 100 / i64::from(percent)).max(1),
    }
}

#[cfg(test)]
mod tests;
