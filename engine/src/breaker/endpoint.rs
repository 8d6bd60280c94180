//! The breaker of one endpoint, of either kind.

use super::{Accrual, Change, Ended, Position, Probe, Tripped, Unified};
use crate::entropy::Entropy;
use crate::snapshot::Breaker;
use crate::time::Instant;

/// A breaker as a value, stepped with the time and with the policy it was made for.
#[derive(Clone, Debug)]
pub enum EndpointBreaker {
    Unified(Unified),
    /// Larger, and rarer.
    Accrual(Box<Accrual>),
}

// === impl EndpointBreaker ===

impl EndpointBreaker {
    /// Closed; none when the policy guards no endpoints.
    pub fn new(policy: &Breaker, now: Instant) -> Option<Self> {
        match policy {
            Breaker::Unified(policy) => Some(Self::Unified(Unified::new(policy, now))),
            Breaker::FailureAccrual(policy) => {
                Some(Self::Accrual(Box::new(Accrual::new(policy, now))))
            }
            Breaker::RollingWindow(_) => None,
        }
    }

    pub fn position(&self) -> Position {
        match self {
            Self::Unified(breaker) => breaker.position(),
            Self::Accrual(breaker) => breaker.position(),
        }
    }

    /// What tripped it last; meaningful unless it is closed.
    pub fn tripped(&self) -> Tripped {
        match self {
            Self::Unified(breaker) => breaker.tripped(),
            Self::Accrual(breaker) => breaker.tripped(),
        }
    }

    /// Failures since the last success.
    pub fn failures_in_a_row(&self) -> u32 {
        match self {
            Self::Unified(breaker) => breaker.failures_in_a_row(),
            Self::Accrual(breaker) => breaker.failures_in_a_row(),
        }
    }

    /// Goes from open to half-open when the back-off is over; true if it did.
    pub fn advance(&mut self, now: Instant) -> bool {
        match self {
            Self::Unified(breaker) => breaker.advance(now),
            Self::Accrual(breaker) => breaker.advance(now),
        }
    }

    /// Whether panic may send traffic although it does not admit any. Finagle's failure accrual
    /// fails open: a balancer without a living endpoint sends to a dead one.
    pub fn yields_to_panic(&self) -> bool {
        matches!(self, Self::Accrual(_))
    }

    /// A request is sent. In half-open it is the probe, unless one is under way.
    pub fn start(&mut self) -> Option<Probe> {
        match self {
            Self::Unified(breaker) => breaker.start(),
            Self::Accrual(breaker) => breaker.start(),
        }
    }

    /// A request ended. `may_open` is false when the service's cap on open breakers is reached.
    pub fn record(
        &mut self,
        policy: &Breaker,
        ended: Ended,
        may_open: bool,
        now: Instant,
        rng: &mut Entropy,
    ) -> Option<Change> {
        match (self, policy) {
            (Self::Unified(breaker), Breaker::Unified(policy)) => {
                breaker.record(policy, ended, may_open, now, rng)
            }
            (Self::Accrual(breaker), Breaker::FailureAccrual(policy)) => {
                breaker.record(policy, ended, may_open, now, rng)
            }
            // It is made anew when the policy changes.
            _ => None,
        }
    }
}
