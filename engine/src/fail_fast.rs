//! Fail-fast on connects: an endpoint that cannot be connected to is left alone, and a background
//! task finds out when it can.
//!
//! Finagle `service/FailFastFactory.scala`, `Backoff.scala` (`ExponentialJittered`). The engine
//! says when to reconnect, the proxy does it. Panic does not bring such an endpoint back: nothing
//! can be sent where nobody listens. If the schedule is finite and used up, the endpoint is taken
//! for living again: the next request will tell.

use crate::entropy::Entropy;
use crate::snapshot::ConnectFailFast;
use crate::time::{Duration, Instant, nanos};

/// The state of one endpoint, as a value stepped with the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailFast {
    /// Nearly all are living: the others pay for the room.
    dead: Option<Box<Dead>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dead {
    since: Instant,
    /// Reconnects that failed.
    failed: u32,
    next: Instant,
    /// A reconnect is under way.
    connecting: bool,
}

/// What a connect changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Died,
    Revived,
    /// The schedule is used up: it is taken for living.
    GaveUp,
}

// === impl FailFast ===

impl FailFast {
    pub fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    /// Since when it is dead, and when the next reconnect is due.
    pub fn dead(&self) -> Option<(Instant, Instant)> {
        self.dead.as_ref().map(|dead| (dead.since, dead.next))
    }

    /// When a reconnect is due; none while one is under way.
    pub fn wakes_at(&self) -> Option<Instant> {
        let dead = self.dead.as_ref().filter(|dead| !dead.connecting)?;
        Some(dead.next)
    }

    /// A reconnect begins, if one is due.
    pub fn start(&mut self, now: Instant) -> bool {
        match &mut self.dead {
            Some(dead) if !dead.connecting && dead.next <= now => {
                dead.connecting = true;
                true
            }
            _ => false,
        }
    }

    /// A connect for a request ended. While it is dead, one that was under way may still succeed.
    pub fn connected(
        &mut self,
        policy: &ConnectFailFast,
        ok: bool,
        now: Instant,
        rng: &mut Entropy,
    ) -> Option<Change> {
        match (&self.dead, ok) {
            (None, true) | (Some(_), false) => None,
            (None, false) => {
                self.dead = Some(Box::new(Dead {
                    since: now,
                    failed: 0,
                    next: now + back_off(policy, 0, rng),
                    connecting: false,
                }));
                Some(Change::Died)
            }
            (Some(_), true) => {
                self.dead = None;
                Some(Change::Revived)
            }
        }
    }

    /// The reconnect that was begun with [`start`](Self::start) ended.
    pub fn reconnected(
        &mut self,
        policy: &ConnectFailFast,
        ok: bool,
        now: Instant,
        rng: &mut Entropy,
    ) -> Option<Change> {
        let dead = self.dead.as_mut().filter(|dead| dead.connecting)?;
        if ok {
            self.dead = None;
            return Some(Change::Revived);
        }
        dead.failed = dead.failed.saturating_add(1);
        if policy.reconnects_max.is_some_and(|max| dead.failed >= max) {
            self.dead = None;
            return Some(Change::GaveUp);
        }
        dead.connecting = false;
        dead.next = now + back_off(policy, dead.failed, rng);
        None
    }
}

/// The wait before the next reconnect after `failed` failed ones: `min` at first, then a random
/// share of a window that doubles, and `max` from when the window reaches it.
fn back_off(policy: &ConnectFailFast, failed: u32, rng: &mut Entropy) -> Duration {
    let max = policy.backoff_max.max(policy.backoff_min);
    if failed == 0 {
        return policy.backoff_min;
    }
    let factor = 1u32.checked_shl(failed).unwrap_or(u32::MAX);
    let window = policy.backoff_min.saturating_mul(factor);
    if window >= max {
        return max;
    }
    // Never zero: a loop of connects helps nobody.
    Duration::from_nanos(rng.below(nanos(window)).max(1))
}

#[cfg(test)]
mod tests;
