//! Which of several hosts gets a request.
//!
//! A pick has two inputs: the [`Candidates`] (who may be chosen; rebuilt only when a host joins,
//! leaves or changes its health) and the hosts' load at this moment ([`Loads`]). Health, ejection
//! and breakers have already decided who is a candidate, so the algorithms know nothing of them.
//! Finagle's P2C prefers the healthier of its two draws; here both are equally healthy by
//! construction.

use crate::entropy::Entropy;
use crate::snapshot::Balancer;

mod bounded;
mod candidates;
pub(crate) mod edf;
mod hashed;
mod least_request;
mod maglev;
mod peak_ewma;
mod random;
mod ring_hash;
mod round_robin;
pub mod slow_start;

pub use candidates::Candidates;
pub use hashed::{Hashed, Made, Work};
pub use least_request::LeastRequest;
pub use round_robin::RoundRobin;

/// A host's number within its cluster's live state.
pub type Slot = u32;

/// What an algorithm may ask about the hosts.
pub trait Loads {
    /// Requests under way.
    fn active(&self, slot: Slot) -> u32;

    /// Requests under way on all hosts of the cluster.
    fn total_active(&self) -> u64;

    /// Peak EWMA of the response time in nanoseconds, decayed to the time of the pick.
    fn cost(&mut self, slot: Slot) -> f64;

    /// True while some host is in its slow start.
    fn any_warming(&self) -> bool {
        false
    }

    /// The share of its weight that a host has, over 0 and at most 1 ([`slow_start`]).
    fn warmth(&self, _slot: Slot) -> f64 {
        1.0
    }
}

/// What of a request the choice may depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// None when the request has nothing of what is hashed, or nothing is.
    pub hash: Option<u64>,
    /// How often this request was drawn for before, because the host was one to avoid.
    pub attempt: u32,
}

/// An algorithm with its parameters and its state over one set of candidates.
#[derive(Clone, Debug)]
pub enum Picker {
    PeakEwma,
    LeastRequest(LeastRequest),
    RoundRobin(RoundRobin),
    Random,
    Hashed(Box<Hashed>),
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
    /// The request's hash belongs to it.
    Hash {
        hash: u64,
    },
    /// The request's hash belongs to `home`, which has its share of the load already.
    HomeFull {
        hash: u64,
        home: Slot,
    },
    /// The request has nothing to hash.
    NoHash,
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
            Balancer::RingHash {
                minimum_size,
                maximum_size,
                hash,
            } => {
                let hashed = Hashed::ring(*minimum_size, *maximum_size, hash.balance_factor);
                Self::Hashed(Box::new(hashed))
            }
            Balancer::Maglev { table_size, hash } => {
                Self::Hashed(Box::new(Hashed::maglev(*table_size, hash.balance_factor)))
            }
        }
    }

    /// Says that the candidates changed: orders that depend on them are made anew at the next pick.
    pub fn candidates_changed(&mut self) {
        match self {
            Self::LeastRequest(order) => order.candidates_changed(),
            Self::RoundRobin(order) => order.candidates_changed(),
            Self::Hashed(order) => order.candidates_changed(),
            Self::PeakEwma | Self::Random => {}
        }
    }

    /// Whether [`work`](Self::work) may have something.
    pub fn is_changed(&self) -> bool {
        match self {
            Self::Hashed(order) => order.is_changed(),
            _ => false,
        }
    }

    /// What takes long and has to be made before the next pick, to be done where nobody waits for
    /// it; a pick without it does it itself.
    pub fn work(&mut self, candidates: &Candidates) -> Option<Work> {
        match self {
            Self::Hashed(order) => order.work(candidates),
            _ => None,
        }
    }

    /// Brings what [`work`](Self::work) asked for.
    pub fn bring(&mut self, made: Made, candidates: &Candidates) {
        if let Self::Hashed(order) = self {
            order.bring(made, candidates);
        }
    }

    /// Picks among `candidates`; None when there are none.
    pub fn pick(
        &mut self,
        candidates: &Candidates,
        loads: &mut impl Loads,
        query: Query,
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
                slot: order.next(candidates, loads, rng),
                why: Why::Turn,
            },
            Self::Random => random::pick(candidates, loads, rng),
            Self::Hashed(order) => order.pick(candidates, loads, query, rng),
        })
    }
}

#[cfg(test)]
mod tests;
