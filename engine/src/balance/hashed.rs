//! By a hash of the request: ring hash and Maglev, with a bound on the load if one is set.

use super::bounded::Bounded;
use super::maglev::Table;
use super::ring_hash::Ring;
use super::{Candidates, Loads, Picked, Query, Why};
use crate::entropy::Entropy;

/// The order of keys over one set of candidates, made when it is first needed after a change.
///
/// Making it takes milliseconds, so it is not made where others wait: whoever needs it takes the
/// [`Work`], does it, and brings the result. Meanwhile picks go by the order of before; a key whose
/// host is gone goes to another one until then (Envoy's workers as well go on with the old table).
#[derive(Clone, Debug)]
pub struct Hashed {
    kind: Kind,
    made: Option<Made>,
    /// The candidates changed since `made` was looked at.
    changed: bool,
    /// Somebody makes a new order.
    under_way: bool,
    bound: Option<Bounded>,
}

/// An order of keys to be made.
#[derive(Debug)]
pub struct Work {
    kind: Kind,
    candidates: Candidates,
}

/// An order, and the candidates that it is of: when a host comes back unchanged before the next
/// pick, the order is kept.
#[derive(Clone, Debug)]
pub struct Made {
    kind: Kind,
    order: Order,
    of: Candidates,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ring { minimum: u32, maximum: u32 },
    Maglev { size: u32 },
}

#[derive(Clone, Debug)]
enum Order {
    Ring(Ring),
    Maglev(Table),
}

// === impl Hashed ===

impl Hashed {
    pub(super) fn ring(minimum: u32, maximum: u32, balance_factor: Option<u32>) -> Self {
        Self::new(Kind::Ring { minimum, maximum }, balance_factor)
    }

    pub(super) fn maglev(size: u32, balance_factor: Option<u32>) -> Self {
        Self::new(Kind::Maglev { size }, balance_factor)
    }

    fn new(kind: Kind, balance_factor: Option<u32>) -> Self {
        Self {
            kind,
            made: None,
            changed: true,
            under_way: false,
            bound: balance_factor.map(Bounded::new),
        }
    }

    pub(super) fn candidates_changed(&mut self) {
        self.changed = true;
    }

    /// How many points of the ring, or entries of the table, each of these hosts would have, in
    /// their order.
    pub fn places(&self, candidates: &Candidates) -> Vec<usize> {
        let mut places = vec![0; candidates.len()];
        let mut count = |host: usize| {
            if let Some(places) = places.get_mut(host) {
                *places += 1;
            }
        };
        match self.kind.order(candidates) {
            Order::Ring(ring) => ring.hosts().for_each(&mut count),
            Order::Maglev(table) => table.hosts().for_each(&mut count),
        }
        places
    }

    /// Whether there may be work.
    pub(super) fn is_changed(&self) -> bool {
        self.changed && !self.under_way
    }

    /// What has to be made before picks are exact again; none when nothing has, or somebody does it
    /// already. Who takes it has to [`bring`](Self::bring) the result.
    pub(super) fn work(&mut self, candidates: &Candidates) -> Option<Work> {
        if !self.is_changed() {
            return None;
        }
        if candidates.len() < 2
            || self
                .made
                .as_ref()
                .is_some_and(|made| made.of == *candidates)
        {
            self.changed = false;
            return None;
        }
        self.under_way = true;
        Some(Work {
            kind: self.kind,
            candidates: candidates.clone(),
        })
    }

    /// Takes over an order, if the candidates are still those it was made of.
    pub(super) fn bring(&mut self, made: Made, candidates: &Candidates) {
        self.under_way = false;
        // It may have been asked for under another policy.
        if made.kind != self.kind {
            return;
        }
        self.changed = made.of != *candidates;
        self.made = Some(made);
    }

    /// Picks among at least two candidates. A request without a hash goes anywhere.
    pub(super) fn pick(
        &mut self,
        candidates: &Candidates,
        loads: &impl Loads,
        query: Query,
        rng: &mut Entropy,
    ) -> Picked {
        let hash = query.hash.unwrap_or_else(|| rng.u64());
        if let Some(work) = self.work(candidates) {
            self.bring(work.make(), candidates);
        }
        let home = self.home(hash, query.attempt, candidates);
        let index = match &mut self.bound {
            Some(bound) => bound.choose(home, hash, candidates, loads),
            None => home,
        };
        let why = match query.hash {
            Some(hash) if index == home => Why::Hash { hash },
            Some(hash) => Why::HomeFull {
                hash,
                home: candidates.slot(home),
            },
            None => Why::NoHash,
        };
        Picked {
            slot: candidates.slot(index),
            why,
        }
    }
}

impl Hashed {
    /// The candidate that the hash belongs to.
    fn home(&self, hash: u64, attempt: u32, candidates: &Candidates) -> usize {
        // An order of at least one host always has an answer.
        let found = self.made.as_ref().and_then(|made| {
            let index = match &made.order {
                Order::Ring(ring) => ring.pick(hash, attempt),
                Order::Maglev(table) => table.pick(hash, attempt),
            }?;
            match self.changed {
                false => Some(index),
                true => candidates.position(made.of.slot(index)),
            }
        });
        found.unwrap_or_else(|| {
            let n = candidates.len().max(1) as u64;
            (hash.wrapping_add(attempt.into()) % n) as usize
        })
    }
}

// === impl Work ===

impl Work {
    pub fn make(self) -> Made {
        Made {
            kind: self.kind,
            order: self.kind.order(&self.candidates),
            of: self.candidates,
        }
    }
}

// === impl Kind ===

impl Kind {
    fn order(self, candidates: &Candidates) -> Order {
        match self {
            Self::Ring { minimum, maximum } => Order::Ring(Ring::new(candidates, minimum, maximum)),
            Self::Maglev { size } => Order::Maglev(Table::new(candidates, size)),
        }
    }
}
