//! How much of the traffic the healthy hosts may carry, and when health is ignored (panic).
//!
//! Envoy `load_balancer_impl.cc` (`recalculatePerPriorityState`, `recalculatePerPriorityPanic`,
//! `recalculateLoadInTotalPanic`, `choosePriority`). A level with at least 1/1.4 of its hosts
//! healthy carries everything; below, traffic spills over to degraded hosts and to the next level.

/// A level is taken to carry 1.4 times its healthy share, in percent (Envoy's
/// `overprovisioning_factor`).
pub const OVERPROVISIONING_PERCENT: u64 = 140;

/// The hosts of one priority level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    pub healthy: u32,
    /// Used only when healthy capacity is short.
    pub degraded: u32,
    /// All that count: healthy, degraded and those that health checks, ejection or breakers hold
    /// back. Hosts that are draining or not ready do not count, since panic could not bring them
    /// back.
    pub total: u32,
}

/// What one level gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Percent of the traffic for its healthy hosts (all its hosts when in panic).
    pub healthy: u32,
    /// Percent of the traffic for its degraded hosts.
    pub degraded: u32,
    /// Health is ignored.
    pub panic: bool,
}

/// Divides the traffic over the levels, the first level first. The shares add up to exactly 100
/// when there is a level. `panic_threshold_percent` is the share of usable hosts below which a
/// level is in panic; 0 = never.
pub fn shares(levels: &[Level], panic_threshold_percent: u32) -> Vec<Share> {
    let health = |n: u32, total: u32| -> u64 {
        let percent = OVERPROVISIONING_PERCENT * u64::from(n);
        percent.checked_div(u64::from(total)).unwrap_or(0).min(100)
    };
    let sum: u64 = levels
        .iter()
        .map(|l| health(l.healthy, l.total) + health(l.degraded, l.total))
        .sum();
    let norm = sum.min(100);
    let mut shares: Vec<Share> = levels
        .iter()
        .map(|l| {
            let usable = u64::from(l.healthy + l.degraded);
            let enough = usable * 100 >= u64::from(panic_threshold_percent) * u64::from(l.total);
            Share {
                panic: norm != 100 && !enough,
                ..Share::default()
            }
        })
        .collect();
    if shares.is_empty() {
        return shares;
    }
    // A level without hosts has nothing to say.
    if shares
        .iter()
        .zip(levels)
        .all(|(s, l)| s.panic || l.total == 0)
    {
        by_host_count(levels, &mut shares);
        return shares;
    }
    let mut remaining = 100u64;
    let mut take = |n: u32, total: u32| -> u32 {
        let load = (health(n, total) * 100).checked_div(norm).unwrap_or(0);
        let load = load.min(remaining);
        remaining -= load;
        load as u32
    };
    for (share, level) in shares.iter_mut().zip(levels) {
        share.healthy = take(level.healthy, level.total);
    }
    for (share, level) in shares.iter_mut().zip(levels) {
        share.degraded = take(level.degraded, level.total);
    }
    give_rest(remaining as u32, &mut shares);
    shares
}

/// The level that a `point` in 0..100 lies in: its index, and whether a degraded host is meant.
pub fn choose(shares: &[Share], mut point: u32) -> Option<(usize, bool)> {
    for degraded in [false, true] {
        for (index, share) in shares.iter().enumerate() {
            let load = if degraded {
                share.degraded
            } else {
                share.healthy
            };
            if point < load {
                return Some((index, degraded));
            }
            point -= load;
        }
    }
    None
}

/// All levels are in panic: nothing is known to be healthy, so hosts count regardless of health.
fn by_host_count(levels: &[Level], shares: &mut [Share]) {
    let hosts: u64 = levels.iter().map(|l| u64::from(l.total)).sum();
    let mut remaining = 100;
    for (share, level) in shares.iter_mut().zip(levels) {
        let load = (100 * u64::from(level.total))
            .checked_div(hosts)
            .unwrap_or(0);
        share.healthy = load as u32;
        remaining -= share.healthy;
    }
    give_rest(remaining, shares);
}

/// What rounding left goes to the first level that gets anything, or to the first level.
fn give_rest(rest: u32, shares: &mut [Share]) {
    if let Some(share) = shares.iter_mut().find(|s| s.healthy > 0) {
        share.healthy += rest;
    } else if let Some(share) = shares.iter_mut().find(|s| s.degraded > 0) {
        share.degraded += rest;
    } else if let Some(first) = shares.first_mut() {
        first.healthy += rest;
    }
}

#[cfg(test)]
mod tests;
