//! At random, by weight.

use super::{Candidates, Loads, Picked, Why};
use crate::entropy::Entropy;

/// How often a host in its slow start is drawn and sent away before the last one is taken all the
/// same: with a tenth of its weight each, one request in five gets that far when *all* are new, and
/// then it does not matter.
const REDRAWS: usize = 16;

/// Draws one of at least two candidates. A host that has a part of its weight is taken with that
/// probability, else drawn again.
pub(super) fn pick(candidates: &Candidates, loads: &impl Loads, rng: &mut Entropy) -> Picked {
    let mut index = candidates.draw(rng);
    if loads.any_warming() {
        for _ in 0..REDRAWS {
            if rng.unit() < loads.warmth(candidates.slot(index)) {
                break;
            }
            index = candidates.draw(rng);
        }
    }
    Picked {
        slot: candidates.slot(index),
        why: Why::Random,
    }
}
