//! Power of two choices by peak EWMA: the default for HTTP.
//!
//! Finagle `loadbalancer/p2c/P2CPick.scala`, Linkerd. Two distinct hosts are drawn and the less
//! loaded one wins; its load is what a further request would wait for: `cost·(active + 1)`. With
//! unequal weights both are drawn by weight and loads are compared per weight (Finagle's
//! `WeightedP2CPick` does so for apertures). A host in its slow start has a part of its weight, so
//! that its load counts for more; Finagle and Linkerd know no slow start.

use super::{Candidates, Loads, Picked, Why};
use crate::entropy::Entropy;

/// Picks among at least two candidates. On equal loads the first drawn wins, which is fair since it
/// is drawn first.
pub(super) fn pick(candidates: &Candidates, loads: &mut impl Loads, rng: &mut Entropy) -> Picked {
    let a = candidates.draw(rng);
    let b = candidates.draw_other(a, rng);
    let warming = loads.any_warming();
    let mut load = |index: usize| {
        let slot = candidates.slot(index);
        let waiting = f64::from(loads.active(slot)) + 1.0;
        let mut weight = candidates.weight(index) as f64;
        if warming {
            weight *= loads.warmth(slot);
        }
        (slot, loads.cost(slot) * waiting / weight)
    };
    let (a, b) = (load(a), load(b));
    let (winner, loser) = if b.1 < a.1 { (b, a) } else { (a, b) };
    Picked {
        slot: winner.0,
        why: Why::TwoChoices {
            load: winner.1,
            other: loser.0,
            other_load: loser.1,
        },
    }
}
