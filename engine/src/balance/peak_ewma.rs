//! Power of two choices by peak EWMA: the default for HTTP.
//!
//! Finagle `loadbalancer/p2c/P2CPick.scala`, Linkerd. Two distinct hosts are drawn and the less
//! loaded one wins; its load is what a further request would wait for: `cost·(active + 1)`. With
//! unequal weights both are drawn by weight and loads are compared per weight (Finagle's
//! `WeightedP2CPick` does so for apertures).

use super::{Candidates, Loads, Picked, Why};
use crate::entropy::Entropy;

/// Picks among at least two candidates. On equal loads the first drawn wins, which is fair since it
/// is drawn first.
pub(super) fn pick(candidates: &Candidates, loads: &mut impl Loads, rng: &mut Entropy) -> Picked {
    let a = candidates.draw(rng);
    let b = candidates.draw_other(a, rng);
    let mut load = |index: usize| {
        let slot = candidates.slot(index);
        let waiting = f64::from(loads.active(slot)) + 1.0;
        (
            slot,
            loads.cost(slot) * waiting / candidates.weight(index) as f64,
        )
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
