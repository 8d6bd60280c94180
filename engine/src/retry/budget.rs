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
use crate::time::{Duration, Instant, nanos};

/// Slots in which deposits expire.
const SLOTS: usize = 10;

/// What a request deposits; withdrawals are multiples of it.
const SCALE: i64 = 1000;

/// The shortest interval: shorter ones count as this.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// The state of one budget.
#[derive(Clone, Debug)]
pub struct Budget {
    policy: RetryBudget,
    slots: [i64; SLOTS],
    head: usize,
    last_roll: Instant,
}

// === impl Budget ===

impl Budget {
    pub fn new(policy: RetryBudget, now: Instant) -> Self {
        Self {
            policy,
            slots: [0; SLOTS],
            head: 0,
            last_roll: now,
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
            self.roll(now);
            self.slots[self.head] = self.slots[self.head].saturating_add(SCALE);
        }
    }

    /// Pays for one retry; false when there is not enough. `in_use` is what is under way towards
    /// the backend, this retry not included.
    pub fn withdraw(&mut self, in_use: InUse, now: Instant) -> bool {
        match self.policy {
            RetryBudget::Rate { .. } => self.withdraw_rate(now),
            RetryBudget::Concurrency {
                percent,
                min_concurrent,
            } => {
                let under_way = f64::from(in_use.requests) + f64::from(in_use.pending);
                // `as` saturates; NaN becomes 0.
                let share = libm::floor(percent / 100.0 * under_way) as u32;
                in_use.retries < share.max(min_concurrent)
            }
        }
    }

    /// True when the state is that of a new budget: it may be dropped and made again.
    pub fn is_fresh(&mut self, now: Instant) -> bool {
        self.roll(now);
        self.slots.iter().all(|slot| *slot == 0)
    }

    fn withdraw_rate(&mut self, now: Instant) -> bool {
        let RetryBudget::Rate {
            percent,
            interval,
            min_per_second,
        } = self.policy
        else {
            return false;
        };
        if percent == 0 && min_per_second == 0 {
            return false;
        }
        self.roll(now);
        let price = match percent {
            0 => 1,
            percent => SCALE * 100 / i64::from(percent),
        };
        let millis = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        let reserve = i64::from(min_per_second)
            .saturating_mul(millis)
            .saturating_mul(price)
            / 1000;
        let balance = self
            .slots
            .iter()
            .fold(reserve, |sum, slot| sum.saturating_add(*slot));
        if balance < price {
            return false;
        }
        self.slots[self.head] = self.slots[self.head].saturating_sub(price);
        true
    }

    fn roll(&mut self, now: Instant) {
        let RetryBudget::Rate { interval, .. } = self.policy else {
            return;
        };
        let width = nanos(interval.max(INTERVAL_MIN)) / SLOTS as u64;
        let steps = nanos(now.since(self.last_roll)) / width;
        for _ in 0..steps.min(SLOTS as u64) {
            self.head = (self.head + 1) % SLOTS;
            self.slots[self.head] = 0;
        }
        self.last_roll = self.last_roll + Duration::from_nanos(steps.saturating_mul(width));
    }
}

#[cfg(test)]
mod tests;
