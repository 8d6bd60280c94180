//! Which of several hosts gets a request.
//!
//! A pick has two inputs: the [`Candidates`] (who may be chosen; rebuilt only when a host joins,
//! leaves or changes its health) and the hosts' load at this moment ([`Loads`]). Health, ejection
//! and breakers have already decided who is a candidate, so the algorithms know nothing of them.
//! Finagle's P2C prefers the healthier of its two draws; here both are equally healthy by
//! construction.

use crate::entropy::Entropy;
use crate::snapshot::Balancer;

mod edf;
mod least_request;
mod peak_ewma;
mod round_robin;

pub use least_request::LeastRequest;
pub use round_robin::RoundRobin;

/// A host's number within its cluster's live state.
pub type Slot = u32;

/// The hosts that may be picked, with their weights.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    slots: Vec<Slot>,
    /// Running sums of the weights; empty when all weights are equal.
    sums: Vec<u64>,
}

/// What an algorithm may ask about a host.
pub trait Loads {
    /// Requests under way.
    fn active(&self, slot: Slot) -> u32;

    /// Peak EWMA of the response time in nanoseconds, decayed to the time of the pick.
    fn cost(&mut self, slot: Slot) -> f64;
}

/// An algorithm with its parameters and its state over one set of candidates.
#[derive(Clone, Debug)]
pub enum Picker {
    PeakEwma,
    LeastRequest(LeastRequest),
    RoundRobin(RoundRobin),
    Random,
}

/// A host and the reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picked {
    pub slot: Slot,
    pub why: Why,
}

/// Why a host was picked, for trails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// There was no other.
    Only,
    /// Two were drawn and compared by `cost·(active + 1) / weight`, in nanoseconds.
    TwoChoices {
        load: f64,
        other: Slot,
        other_load: f64,
    },
    /// The fewest requests under way among those drawn.
    FewestActive {
        active: u32,
        drawn: u32,
    },
    /// Next in the weighted order.
    Turn,
    Random,
}

// === impl Candidates ===

impl Candidates {
    /// From (slot, weight); a weight of 0 counts as 1, so that every candidate can be reached.
    pub fn new(hosts: impl Iterator<Item = (Slot, u32)>) -> Self {
        let mut slots = Vec::new();
        let mut sums = Vec::new();
        let mut total = 0;
        for (slot, weight) in hosts {
            total += u64::from(weight.max(1));
            slots.push(slot);
            sums.push(total);
        }
        let first = sums.first().copied().unwrap_or(0);
        let all_equal = (1u64..).zip(&sums).all(|(k, sum)| *sum == first * k);
        if all_equal {
            sums = Vec::new();
        }
        Self { slots, sums }
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub fn contains(&self, slot: Slot) -> bool {
        self.slots.contains(&slot)
    }

    fn all_equal(&self) -> bool {
        self.sums.is_empty()
    }

    fn slot(&self, index: usize) -> Slot {
        self.slots[index]
    }

    /// 1 for all when the weights are equal.
    fn weight(&self, index: usize) -> u64 {
        match (self.sums.get(index), index) {
            (None, _) => 1,
            (Some(sum), 0) => *sum,
            (Some(sum), _) => sum - self.sums[index - 1],
        }
    }

    /// An index, drawn by weight. There must be a candidate.
    fn draw(&self, rng: &mut Entropy) -> usize {
        match self.sums.last() {
            None => rng.index(self.slots.len()),
            Some(total) => {
                let point = rng.below(*total);
                self.sums.partition_point(|sum| *sum <= point)
            }
        }
    }

    /// An index other than `not`, drawn by weight among the others. There must be two candidates.
    fn draw_other(&self, not: usize, rng: &mut Entropy) -> usize {
        match self.sums.last() {
            None => {
                let other = rng.index(self.slots.len() - 1);
                if other >= not { other + 1 } else { other }
            }
            Some(total) => {
                // Draw on the line of weights with the piece of `not` cut out.
                let begin = self.sums[not] - self.weight(not);
                let mut point = rng.below(total - self.weight(not));
                if point >= begin {
                    point += self.weight(not);
                }
                self.sums.partition_point(|sum| *sum <= point)
            }
        }
    }
}

// === impl Picker ===

impl Picker {
    /// The algorithm that `policy` names, before its first pick.
    pub fn new(policy: &Balancer) -> Self {
        match policy {
            Balancer::PeakEwma { .. } => Self::PeakEwma,
            Balancer::LeastRequest {
                choice_count,
                active_request_bias,
                full_scan,
            } => Self::LeastRequest(LeastRequest::new(
                *choice_count,
                *active_request_bias,
                *full_scan,
            )),
            Balancer::RoundRobin => Self::RoundRobin(RoundRobin::default()),
            Balancer::Random => Self::Random,
        }
    }

    /// Says that the candidates changed: orders that depend on them are made anew at the next pick.
    pub fn candidates_changed(&mut self) {
        match self {
            Self::LeastRequest(order) => order.candidates_changed(),
            Self::RoundRobin(order) => order.candidates_changed(),
            Self::PeakEwma | Self::Random => {}
        }
    }

    /// Picks among `candidates`; None when there are none.
    pub fn pick(
        &mut self,
        candidates: &Candidates,
        loads: &mut impl Loads,
        rng: &mut Entropy,
    ) -> Option<Picked> {
        match candidates.len() {
            0 => return None,
            1 => {
                return Some(Picked {
                    slot: candidates.slot(0),
                    why: Why::Only,
                });
            }
            _ => {}
        }
        Some(match self {
            Self::PeakEwma => peak_ewma::pick(candidates, loads, rng),
            Self::LeastRequest(order) => order.pick(candidates, loads, rng),
            Self::RoundRobin(order) => Picked {
                slot: order.next(candidates, rng),
                why: Why::Turn,
            },
            Self::Random => Picked {
                slot: candidates.slot(candidates.draw(rng)),
                why: Why::Random,
            },
        })
    }
}

#[cfg(test)]
mod tests;
