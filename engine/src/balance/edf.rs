//! Earliest deadline first: weighted round robin without bursts.
//!
//! Each host stands in line with a deadline `1/weight` ahead of the time it was put there; the
//! earliest is picked and put back. Envoy `EdfLoadBalancerBase`.

use core::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::entropy::Entropy;

/// The line, over indices `0..n` of a set of candidates.
#[derive(Clone, Debug)]
pub(crate) struct Edf {
    line: BinaryHeap<Reverse<Entry>>,
    /// The deadline of the last pick.
    time: f64,
    /// Breaks ties in the order of insertion.
    next_order: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    deadline: f64,
    order: u64,
    index: usize,
}

// === impl Edf ===

impl Edf {
    /// Puts `n` hosts in line and lets a random number of turns pass, so that many proxies that
    /// start together do not all begin with the same host.
    pub(crate) fn new(n: usize, weight: impl Fn(usize) -> f64, rng: &mut Entropy) -> Self {
        let mut edf = Self {
            line: BinaryHeap::with_capacity(n),
            time: 0.0,
            next_order: 0,
        };
        for index in 0..n {
            edf.put(index, weight(index));
        }
        for _ in 0..rng.index(n) {
            edf.pick(&weight);
        }
        edf
    }

    /// The next in line, put back with its weight as of now. The line must not be empty.
    pub(crate) fn pick(&mut self, weight: impl Fn(usize) -> f64) -> usize {
        let Some(Reverse(entry)) = self.line.pop() else {
            return 0;
        };
        self.time = entry.deadline;
        self.put(entry.index, weight(entry.index));
        entry.index
    }

    fn put(&mut self, index: usize, weight: f64) {
        self.line.push(Reverse(Entry {
            deadline: self.time + 1.0 / weight,
            order: self.next_order,
            index,
        }));
        self.next_order += 1;
    }
}

// === impl Entry ===

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_deadline = self.deadline.total_cmp(&other.deadline);
        by_deadline.then(self.order.cmp(&other.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
