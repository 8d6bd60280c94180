//! By a hash of the request: ring hash and Maglev, with a bound on the load if one is set.

use super::bounded::Bounded;
use super::maglev::Table;
use super::ring_hash::Ring;
use super::{Candidates, Loads, Picked, Query, Why};
use crate::entropy::Entropy;

/// The order of keys over one set of candidates, made at the first pick after a change.
#[derive(Clone, Debug)]
pub struct Hashed {
    kind: Kind,
    order: Option<Order>,
    /// The candidates that `order` was made of: when a host comes back unchanged before the next
    /// pick, the order is kept.
    made_of: Candidates,
    changed: bool,
    bound: Option<Bounded>,
}

#[derive(Clone, Copy, Debug)]
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
            order: None,
            made_of: Candidates::default(),
            changed: false,
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

    /// Picks among at least two candidates. A request without a hash goes anywhere.
    pub(super) fn pick(
        &mut self,
        candidates: &Candidates,
        loads: &impl Loads,
        query: Query,
        rng: &mut Entropy,
    ) -> Picked {
        let hash = query.hash.unwrap_or_else(|| rng.u64());
        if core::mem::take(&mut self.changed) && self.made_of != *candidates {
            self.order = None;
        }
        let kind = self.kind;
        let made_of = &mut self.made_of;
        let order = self.order.get_or_insert_with(|| {
            made_of.clone_from(candidates);
            kind.order(candidates)
        });
        let home = match order {
            Order::Ring(ring) => ring.pick(hash, query.attempt),
            Order::Maglev(table) => table.pick(hash, query.attempt),
        };
        // An order of at least one host always has an answer.
        let home = home.unwrap_or(0);
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

// === impl Kind ===

impl Kind {
    fn order(self, candidates: &Candidates) -> Order {
        match self {
            Self::Ring { minimum, maximum } => Order::Ring(Ring::new(candidates, minimum, maximum)),
            Self::Maglev { size } => Order::Maglev(Table::new(candidates, size)),
        }
    }
}
