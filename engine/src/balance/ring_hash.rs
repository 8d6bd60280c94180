//! Ring hash, as ketama: each host has points on a ring in proportion to its weight, and a request
//! goes to the first point at or after its hash.
//!
//! Envoy `ring_hash_lb.cc`. Unlike there the hosts are put in the order of their keys first, so
//! that two proxies that learned of them in different orders build the same ring: a host whose
//! number of points is fractional gets one more or less depending on who stands before it.

use xxhash_rust::xxh64::xxh64;

use super::Candidates;

/// The points, by their hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    hash: u64,
    /// Index of the host among the candidates.
    host: u32,
}

// === impl Ring ===

impl Ring {
    /// The ring of these hosts. Every host has at least one whole point unless `maximum` forbids.
    pub(super) fn new(hosts: &Candidates, minimum: u32, maximum: u32) -> Self {
        let total = hosts.total() as f64;
        let share = |index: usize| hosts.weight(index) as f64 / total;
        let least = (0..hosts.len()).map(share).fold(f64::INFINITY, f64::min);
        if !least.is_finite() {
            return Self::default();
        }
        let whole = (least * f64::from(minimum)).ceil() / least;
        let scale = whole.min(f64::from(maximum));
        let mut points = Vec::with_capacity(scale.ceil() as usize);
        let mut order: Vec<usize> = (0..hosts.len()).collect();
        order.sort_unstable_by_key(|index| hosts.key(*index));
        let mut key = String::new();
        let mut due = 0.0;
        for host in order {
            due += scale * share(host);
            let mut number = 0u32;
            while (points.len() as f64) < due {
                point_key(&mut key, hosts.key(host), number);
                points.push(Point {
                    hash: xxh64(key.as_bytes(), 0),
                    host: host as u32,
                });
                number += 1;
            }
        }
        points.sort_by_key(|point| point.hash);
        Self { points }
    }

    /// The host of each point.
    pub(super) fn hosts(&self) -> impl Iterator<Item = usize> {
        self.points.iter().map(|point| point.host as usize)
    }

    /// The index of the host for a request's hash. Each further `attempt` takes the next point,
    /// which may be the same host's. None when the ring is empty.
    pub(super) fn pick(&self, hash: u64, attempt: u32) -> Option<usize> {
        let at = self.points.partition_point(|point| point.hash < hash);
        let at = (at as u64 + u64::from(attempt)).checked_rem(self.points.len() as u64)?;
        self.points
            .get(at as usize)
            .map(|point| point.host as usize)
    }
}

fn point_key(out: &mut String, key: &str, number: u32) {
    use core::fmt::Write as _;
    out.clear();
    // Writing into a string does not fail.
    let _ = write!(out, "{key}_{number}");
}

#[cfg(test)]
mod tests;
