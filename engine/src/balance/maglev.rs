//! Maglev: a table in which every host has nearly the same number of entries, and that changes
//! little when a host comes or goes (Eisenbud et al., NSDI 2016; Envoy `maglev_lb.cc`).
//!
//! Each host walks through the table in an order of its own and takes the next free entry when it
//! is its turn; the heaviest host has its turn in every round, one of half its weight in every
//! second.

use xxhash_rust::xxh64::xxh64;

use super::Candidates;

/// Hosts by entry, as indices among the candidates: in two bytes when that is enough, since a
/// table has 65,537 entries as a rule and a proxy one for each service that asks for it.
#[derive(Clone, Debug)]
pub(super) enum Table {
    Narrow(Box<[u16]>),
    Wide(Box<[u32]>),
}

/// A host while the table is filled.
struct Walker {
    host: u32,
    weight: u64,
    /// Its next turn comes when rounds times weight reach it.
    turn: u64,
    at: usize,
    skip: usize,
}

/// No host yet.
const FREE: u32 = u32::MAX;

// === impl Table ===

impl Table {
    /// The table of these hosts, with `size` entries; a prime, or a host's walk may not reach all
    /// of them.
    pub(super) fn new(hosts: &Candidates, size: u32) -> Self {
        let size = size.max(2) as usize;
        let mut entries = vec![FREE; size];
        let mut walkers = walkers(hosts, size);
        let heaviest = walkers.iter().map(|w| w.weight).max().unwrap_or(1);
        let mut taken = 0;
        let mut round = 1;
        while taken < size && !walkers.is_empty() {
            for walker in &mut walkers {
                if round * walker.weight < walker.turn || taken == size {
                    continue;
                }
                walker.turn += heaviest;
                while entries[walker.at] != FREE {
                    walker.step(size);
                }
                entries[walker.at] = walker.host;
                walker.step(size);
                taken += 1;
            }
            round += 1;
        }
        if walkers.is_empty() {
            entries.clear();
        }
        match u16::try_from(hosts.len()) {
            Ok(_) => Self::Narrow(entries.iter().map(|host| *host as u16).collect()),
            Err(_) => Self::Wide(entries.into()),
        }
    }

    /// The index of the host for a request's hash; each `attempt` looks at another entry. None when
    /// there are no hosts.
    pub(super) fn pick(&self, hash: u64, attempt: u32) -> Option<usize> {
        let hash = match attempt {
            0 => hash,
            // Envoy: flips nearly all bits.
            k => hash ^ (!0u64 - u64::from(k) + 1),
        };
        let at = hash.checked_rem(self.size() as u64)? as usize;
        match self {
            Self::Narrow(entries) => entries.get(at).map(|host| usize::from(*host)),
            Self::Wide(entries) => entries.get(at).map(|host| *host as usize),
        }
    }

    /// The host of each entry.
    pub(super) fn hosts(&self) -> impl Iterator<Item = usize> {
        (0..self.size() as u64).filter_map(|entry| self.pick(entry, 0))
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Self::Narrow(entries) => entries.len(),
            Self::Wide(entries) => entries.len(),
        }
    }
}

/// The hosts in the order of their keys, at the beginning of their walks.
fn walkers(hosts: &Candidates, size: usize) -> Vec<Walker> {
    let mut order: Vec<usize> = (0..hosts.len()).collect();
    order.sort_unstable_by_key(|index| hosts.key(*index));
    let walker = |index: usize| {
        let hash = |seed| xxh64(hosts.key(index).as_bytes(), seed);
        Walker {
            host: index as u32,
            weight: hosts.weight(index),
            turn: 0,
            at: (hash(0) % size as u64) as usize,
            skip: (hash(1) % (size as u64 - 1) + 1) as usize,
        }
    };
    order.into_iter().map(walker).collect()
}

// === impl Walker ===

impl Walker {
    fn step(&mut self, size: usize) {
        self.at += self.skip;
        if self.at >= size {
            self.at -= size;
        }
    }
}

#[cfg(test)]
mod tests;
