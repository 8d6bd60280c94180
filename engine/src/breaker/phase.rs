//! The position of a breaker, and who may decide a half-open phase: what all kinds have in common.

use super::{Position, Probe};
use crate::time::Instant;

/// A position that changes in the one order that breakers know.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    position: Position,
    /// Counts changes of position: a probe of an earlier half-open phase has no say any more.
    epoch: u64,
}

// === impl Phase ===

impl Phase {
    /// Closed.
    pub(super) fn new() -> Self {
        Self {
            position: Position::Closed,
            epoch: 0,
        }
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Goes from open to half-open when the back-off is over; true if it did.
    pub(super) fn advance(&mut self, now: Instant) -> bool {
        match self.position {
            Position::Open { until, .. } if now >= until => {
                // `until`, not `now`: when it is noticed must not matter.
                self.half_open(until);
                true
            }
            _ => false,
        }
    }

    pub(super) fn close(&mut self) {
        self.move_to(Position::Closed);
    }

    pub(super) fn open(&mut self, since: Instant, until: Instant) {
        self.move_to(Position::Open { since, until });
    }

    pub(super) fn half_open(&mut self, since: Instant) {
        self.move_to(Position::HalfOpen {
            since,
            probing: false,
        });
    }

    /// A request is sent: the probe, when it is half-open and none is under way.
    pub(super) fn start(&mut self) -> Option<Probe> {
        match &mut self.position {
            Position::HalfOpen { probing, .. } if !*probing => {
                *probing = true;
                Some(Probe(self.epoch))
            }
            _ => None,
        }
    }

    /// Whether this probe decides the half-open phase that is.
    pub(super) fn decides(&self, probe: Option<Probe>) -> bool {
        let half_open = matches!(self.position, Position::HalfOpen { .. });
        half_open && probe.is_some_and(|probe| probe.0 == self.epoch)
    }

    /// The probe said nothing: another one may be sent.
    pub(super) fn give_back(&mut self) {
        if let Position::HalfOpen { probing, .. } = &mut self.position {
            *probing = false;
        }
    }

    fn move_to(&mut self, position: Position) {
        self.position = position;
        self.epoch += 1;
    }
}
