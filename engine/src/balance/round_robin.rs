//! Each host in its turn. Equal weights need no line: an index goes round from a random start.
//! While some host is in its slow start weights are not equal.

use super::edf::Edf;
use super::{Candidates, Loads, Slot};
use crate::entropy::Entropy;

#[derive(Clone, Debug, Default)]
pub struct RoundRobin {
    /// For equal weights: whose turn it is; drawn once.
    cursor: Option<usize>,
    /// For unequal weights.
    edf: Option<Edf>,
}

// === impl RoundRobin ===

impl RoundRobin {
    pub(super) fn candidates_changed(&mut self) {
        self.edf = None;
    }

    /// The next of at least one candidate.
    pub(super) fn next(
        &mut self,
        candidates: &Candidates,
        loads: &impl Loads,
        rng: &mut Entropy,
    ) -> Slot {
        let warming = loads.any_warming();
        if candidates.all_equal() && !warming {
            let turn = self.cursor.unwrap_or_else(|| rng.index(candidates.len()));
            let turn = turn % candidates.len();
            self.cursor = Some(turn + 1);
            return candidates.slot(turn);
        }
        let weight = |index: usize| {
            let weight = candidates.weight(index) as f64;
            match warming {
                true => weight * loads.warmth(candidates.slot(index)),
                false => weight,
            }
        };
        let edf = self
            .edf
            .get_or_insert_with(|| Edf::new(candidates.len(), weight, rng));
        candidates.slot(edf.pick(weight))
    }
}
