//! The fewest requests under way (Envoy `least_request_lb.cc`, `least_request.proto`).
//!
//! With equal weights hosts are drawn uniformly *with* replacement, so that of two hosts the busier
//! one still gets a quarter of the requests; this is Envoy's documented behaviour. With unequal
//! weights, or while a host is in its slow start, it is round robin by deadline, where the weight
//! of a host is `weight / (active + 1)^bias` at the moment it is put back in line.

use super::edf::Edf;
use super::{Candidates, Loads, Picked, Why};
use crate::entropy::Entropy;

#[derive(Clone, Debug)]
pub struct LeastRequest {
    choice_count: u32,
    bias: f64,
    full_scan: bool,
    /// For unequal weights.
    edf: Option<Edf>,
}

// === impl LeastRequest ===

impl LeastRequest {
    /// `choice_count` is at least 2. `bias` is how strongly the load lowers a weight: 0 not at all
    /// (then it is plain weighted round robin); negative values and NaN count as 1.
    pub(super) fn new(choice_count: u32, bias: f64, full_scan: bool) -> Self {
        Self {
            choice_count: choice_count.max(2),
            bias: if bias >= 0.0 { bias } else { 1.0 },
            full_scan,
            edf: None,
        }
    }

    pub(super) fn candidates_changed(&mut self) {
        self.edf = None;
    }

    /// Picks among at least two candidates.
    pub(super) fn pick(
        &mut self,
        candidates: &Candidates,
        loads: &impl Loads,
        rng: &mut Entropy,
    ) -> Picked {
        let equal = candidates.all_equal() && !loads.any_warming();
        match (equal, self.full_scan) {
            (true, false) => draw(candidates, self.choice_count, loads, rng),
            (true, true) => scan(candidates, loads, rng),
            (false, _) => self.by_deadline(candidates, loads, rng),
        }
    }

    fn by_deadline(
        &mut self,
        candidates: &Candidates,
        loads: &impl Loads,
        rng: &mut Entropy,
    ) -> Picked {
        let (bias, warming) = (self.bias, loads.any_warming());
        let weight = |index: usize| {
            let slot = candidates.slot(index);
            let crowd = f64::from(loads.active(slot)) + 1.0;
            let weight = candidates.weight(index) as f64 / power(crowd, bias);
            match warming {
                true => weight * loads.warmth(slot),
                false => weight,
            }
        };
        let edf = self
            .edf
            .get_or_insert_with(|| Edf::new(candidates.len(), weight, rng));
        Picked {
            slot: candidates.slot(edf.pick(weight)),
            why: Why::Turn,
        }
    }
}

/// Draws `choices` hosts and keeps the one with strictly fewer requests.
fn draw(candidates: &Candidates, choices: u32, loads: &impl Loads, rng: &mut Entropy) -> Picked {
    let mut best = candidates.slot(candidates.draw(rng));
    for _ in 1..choices {
        let next = candidates.slot(candidates.draw(rng));
        if loads.active(next) < loads.active(best) {
            best = next;
        }
    }
    picked(best, choices, loads)
}

/// Looks at all hosts; ties are broken by reservoir sampling, so that each is equally likely.
fn scan(candidates: &Candidates, loads: &impl Loads, rng: &mut Entropy) -> Picked {
    let mut best = candidates.slot(0);
    let mut ties = 1;
    for index in 1..candidates.len() {
        let next = candidates.slot(index);
        let (mine, least) = (loads.active(next), loads.active(best));
        if mine < least {
            best = next;
            ties = 1;
        } else if mine == least {
            ties += 1;
            if rng.chance(1, ties) {
                best = next;
            }
        }
    }
    let drawn = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
    picked(best, drawn, loads)
}

/// The usual exponents without the general power.
fn power(base: f64, exponent: f64) -> f64 {
    match exponent {
        1.0 => base,
        0.0 => 1.0,
        e => libm::pow(base, e),
    }
}

fn picked(slot: u32, drawn: u32, loads: &impl Loads) -> Picked {
    Picked {
        slot,
        why: Why::FewestActive {
            active: loads.active(slot),
            drawn,
        },
    }
}
