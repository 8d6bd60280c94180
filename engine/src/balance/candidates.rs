//! The hosts that may be picked, with their weights, and how to draw one of them.
//!
//! With unequal weights a draw takes constant time by Walker's alias method in Vose's form (1991),
//! in integers, so that it is exact and equal on every machine.

use super::Slot;
use crate::entropy::Entropy;

/// Draws until the second of two hosts differs from the first; then the line of weights is cut.
const REDRAWS: usize = 8;

/// The hosts that may be picked, with their weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    slots: Vec<Slot>,
    /// What hosts are known by when they are hashed; empty for algorithms that do not hash.
    keys: Vec<Box<str>>,
    /// Running sums of the weights; empty when all weights are equal.
    sums: Vec<u64>,
    /// One per host; empty when all weights are equal.
    columns: Vec<Column>,
}

/// One of `n` equal columns into which the weights are poured, the host's own below, another's
/// above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    /// Height of the own part, in units of which a column has the sum of all weights.
    own: u64,
    above: u32,
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
        let mut candidates = Self {
            slots,
            keys: Vec::new(),
            sums,
            columns: Vec::new(),
        };
        candidates.columns = candidates.pour();
        candidates
    }

    /// With what each host is known by, in the order of the hosts.
    #[must_use]
    pub fn with_keys(mut self, keys: impl Iterator<Item = String>) -> Self {
        self.keys = keys.map(String::into_boxed_str).collect();
        self
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

    pub(super) fn all_equal(&self) -> bool {
        self.sums.is_empty()
    }

    pub(super) fn slot(&self, index: usize) -> Slot {
        self.slots[index]
    }

    /// Where a host stands among them.
    pub(super) fn position(&self, slot: Slot) -> Option<usize> {
        self.slots.iter().position(|other| *other == slot)
    }

    pub(super) fn key(&self, index: usize) -> &str {
        self.keys.get(index).map_or("", |key| key)
    }

    /// 1 for all when the weights are equal.
    pub(super) fn weight(&self, index: usize) -> u64 {
        match (self.sums.get(index), index) {
            (None, _) => 1,
            (Some(sum), 0) => *sum,
            (Some(sum), _) => sum - self.sums[index - 1],
        }
    }

    /// The sum of the weights.
    pub(super) fn total(&self) -> u64 {
        self.sums.last().copied().unwrap_or(self.slots.len() as u64)
    }

    /// An index, drawn by weight. There must be a candidate.
    pub(super) fn draw(&self, rng: &mut Entropy) -> usize {
        let index = rng.index(self.slots.len());
        match self.columns.get(index) {
            Some(column) if rng.below(self.total()) >= column.own => column.above as usize,
            _ => index,
        }
    }

    /// An index other than `not`, drawn by weight among the others. There must be two candidates.
    pub(super) fn draw_other(&self, not: usize, rng: &mut Entropy) -> usize {
        if self.all_equal() {
            let other = rng.index(self.slots.len() - 1);
            return if other >= not { other + 1 } else { other };
        }
        for _ in 0..REDRAWS {
            let other = self.draw(rng);
            if other != not {
                return other;
            }
        }
        // One host has nearly all the weight. Draw on the line of weights with its piece cut out.
        let begin = self.sums[not] - self.weight(not);
        let mut point = rng.below(self.total() - self.weight(not));
        if point >= begin {
            point += self.weight(not);
        }
        self.sums.partition_point(|sum| *sum <= point)
    }

    /// Pours unequal weights into columns: what a small weight leaves free of its column is filled
    /// from one that is too large for its own.
    fn pour(&self) -> Vec<Column> {
        if self.all_equal() {
            return Vec::new();
        }
        let (n, full) = (self.slots.len(), self.total());
        let mut columns: Vec<Column> = (0..n)
            .map(|index| Column {
                own: self.weight(index) * n as u64,
                above: index as u32,
            })
            .collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..n).partition(|index| columns[*index].own < full);
        while let (Some(low), Some(high)) = (small.pop(), large.last().copied()) {
            columns[low].above = high as u32;
            columns[high].own -= full - columns[low].own;
            if columns[high].own < full {
                large.pop();
                small.push(high);
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests;
