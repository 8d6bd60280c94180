//! Consistent hashing with bounded loads (Mirrokni et al., arXiv 1608.01350; with random jumps
//! instead of linear probing, arXiv 1908.08762; Envoy `thread_aware_lb_impl.cc`).
//!
//! No host gets more than a share of the load above the average. A request whose host is full goes
//! to another one, which depends on the request's hash alone, so that it finds the same one next
//! time.

use super::{Candidates, Loads};
use crate::entropy::Entropy;

/// How many requests a host may have, and what to do when it has more.
#[derive(Clone, Debug)]
pub(super) struct Bounded {
    /// Percent of the average.
    factor: u32,
    /// An order of hosts, kept for its memory.
    order: Vec<u32>,
}

// === impl Bounded ===

impl Bounded {
    pub(super) fn new(factor: u32) -> Self {
        Self {
            factor,
            order: Vec::new(),
        }
    }

    /// `first` unless it is full; then the first host that is not, in an order drawn by `hash`.
    pub(super) fn choose(
        &mut self,
        first: usize,
        hash: u64,
        candidates: &Candidates,
        loads: &impl Loads,
    ) -> usize {
        let slots_total = slots_total(loads.total_active(), self.factor);
        let total = candidates.total() as f64;
        let has_room = |index: usize| {
            let share = candidates.weight(index) as f64 / total;
            let slots = (slots_total as f64 * share).ceil().max(1.0);
            f64::from(loads.active(candidates.slot(index))) <= slots
        };
        if has_room(first) {
            return first;
        }
        let n = candidates.len();
        self.order.clear();
        self.order.extend(0..n as u32);
        let mut rng = Entropy::from_seed(hash);
        for i in 0..n {
            self.order.swap(i, i + rng.index(n - i));
            let next = self.order[i] as usize;
            if has_room(next) {
                return next;
            }
        }
        // Not reached: from 100 % on there are more slots than requests.
        first
    }
}

/// The requests that all hosts together may have, when another comes on top of `active`.
fn slots_total(active: u64, factor: u32) -> u64 {
    ((active + 1) * u64::from(factor)).div_ceil(100)
}

#[cfg(test)]
mod tests;
