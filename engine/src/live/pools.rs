//! Who may be picked: the hosts of a cluster sorted into levels, sides and groups.
//!
//! ```text
//!  hosts ─▶ level (priority) ─▶ healthy | degraded | all (panic) ─▶ group (locality) ─▶ algorithm
//! ```
//!
//! Rebuilt when somebody's eligibility changed, not per request.

use super::cluster::State;
use super::host::Host;
use crate::balance::edf::Edf;
use crate::balance::{Candidates, Made, Picker, Slot, Work};
use crate::entropy::Entropy;
use crate::health::{self, Level, Share};
use crate::locality::zone_aware::{Plan, Upstream};
use crate::locality::{failover, weighted, zone_aware};
use crate::report::EventKind;
use crate::snapshot::balance::{LocalityMode, ZoneAware};
use crate::snapshot::{Endpoint, EndpointHealth, Locality};
use crate::time::Instant;

/// The sets to pick from.
#[derive(Debug, Default)]
pub(super) struct Pools {
    levels: Vec<LevelPools>,
    /// One per level.
    shares: Vec<Share>,
    stale: bool,
    panic: bool,
    /// Some algorithm has an order to make before its next pick.
    unmade: bool,
    /// Until then some host may be in its slow start.
    pub(super) warm_at: Instant,
}

/// The hosts of one priority level.
#[derive(Debug)]
struct LevelPools {
    healthy: Side,
    degraded: Side,
}

/// The healthy hosts of a level, or the degraded ones.
#[derive(Debug)]
struct Side {
    whole: Pool,
    split: Option<Split>,
}

/// A side divided by locality.
#[derive(Debug)]
struct Split {
    pools: Vec<Pool>,
    choice: Choice,
}

#[derive(Debug)]
enum Choice {
    /// Of so many percent of the requests the plan decides.
    Zones { plan: Plan, percent: u32 },
    /// In turn, by these weights.
    Turns { edf: Edf, weights: Vec<f64> },
}

/// Hosts that one algorithm picks from.
#[derive(Debug)]
pub(super) struct Pool {
    key: Key,
    pub(super) candidates: Candidates,
    pub(super) picker: Picker,
}

/// A pool's place, by which its algorithm's state finds it again after a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    level: usize,
    degraded: bool,
    /// 0 = the whole side.
    group: usize,
}

// === impl Pools ===

impl Pools {
    /// Nothing yet: built at the next [`State::settle`].
    pub(super) fn new() -> Self {
        Self {
            stale: true,
            ..Self::default()
        }
    }

    pub(super) fn invalidate(&mut self) {
        self.stale = true;
    }

    /// Forgets whose turn it was: the algorithm is another one.
    pub(super) fn forget(&mut self) {
        self.levels = Vec::new();
        self.stale = true;
    }

    /// Whether [`work`](Self::work) may have something.
    pub(super) fn is_unmade(&self) -> bool {
        self.unmade
    }

    /// The orders to be made, by the pool each is for. Who takes them has to bring them.
    pub(super) fn work(&mut self) -> Vec<(Key, Work)> {
        self.unmade = false;
        let pools = self.levels.iter_mut().flat_map(LevelPools::pools);
        let work = pools.filter_map(|pool| Some((pool.key, pool.picker.work(&pool.candidates)?)));
        work.collect()
    }

    /// Takes over an order that was made. If its pool is gone, so is the need for it; if the pool
    /// changed meanwhile there is more work.
    pub(super) fn bring(&mut self, key: Key, made: Made) {
        let mut pools = self.levels.iter_mut().flat_map(LevelPools::pools);
        if let Some(pool) = pools.find(|pool| pool.key == key) {
            pool.picker.bring(made, &pool.candidates);
            self.unmade |= pool.picker.is_changed();
        }
    }

    /// Some level ignores health.
    pub(super) fn in_panic(&self) -> bool {
        self.panic
    }

    /// The pool for one request. With a hash the level follows from it, so that a key does not
    /// wander between levels.
    pub(super) fn choose(&mut self, hash: Option<u64>, rng: &mut Entropy) -> Option<&mut Pool> {
        let (level, degraded) = match self.shares.as_slice() {
            [] => return None,
            // Nearly always; no draw, so that it costs nothing.
            [first, ..] if first.healthy == 100 => (0, false),
            shares => {
                let point = hash.unwrap_or_else(|| rng.u64()) % 100;
                health::choose(shares, point as u32)?
            }
        };
        let level = self.levels.get_mut(level)?;
        match degraded {
            true => level.degraded.choose(rng),
            false => level.healthy.choose(rng),
        }
    }

    fn into_pools(self) -> Vec<Pool> {
        let sides = self.levels.into_iter();
        let sides = sides.flat_map(|level| [level.healthy, level.degraded]);
        let pools = sides.map(|side| {
            let split = side.split.map(|split| split.pools);
            split.into_iter().flatten().chain([side.whole])
        });
        pools.flatten().collect()
    }
}

// === impl LevelPools ===

impl LevelPools {
    fn pools(&mut self) -> impl Iterator<Item = &mut Pool> {
        [&mut self.healthy, &mut self.degraded]
            .into_iter()
            .flat_map(|side| {
                let split = side.split.iter_mut().flat_map(|split| &mut split.pools);
                split.chain([&mut side.whole])
            })
    }
}

// === impl Side ===

impl Side {
    fn choose(&mut self, rng: &mut Entropy) -> Option<&mut Pool> {
        let Some(split) = &mut self.split else {
            return Some(&mut self.whole);
        };
        let index = match &mut split.choice {
            Choice::Zones { percent, .. }
                if *percent < 100 && rng.below(100) >= (*percent).into() =>
            {
                return Some(&mut self.whole);
            }
            Choice::Zones { plan, .. } => plan.choose(rng),
            Choice::Turns { edf, weights } => edf.pick(|index| weights[index]),
        };
        split.pools.get_mut(index)
    }
}

// === impl State ===

impl State {
    /// Rebuilds the sets if somebody's eligibility changed. Called after every change, with its
    /// time, so that panic begins and ends when it does and not when it is noticed.
    pub(super) fn settle(&mut self, at: Instant) {
        if !self.pools.stale {
            return;
        }
        let warm_at = self.note_health(at);
        let of_slot = self.host_levels();
        let levels = counts(&of_slot, |slot| self.host(slot));
        let shares = health::shares(&levels, self.policy.panic_threshold_percent);
        let panic = shares.iter().any(|share| share.panic);
        let was = self.pools.panic;
        let mut old = core::mem::take(&mut self.pools).into_pools();
        let sides = shares.iter().enumerate().map(|(level, share)| {
            let hosts: Vec<Slot> = of_slot
                .iter()
                .filter_map(|(slot, of)| (*of == level).then_some(*slot))
                .collect();
            self.level(level, &hosts, share.panic, &mut old)
        });
        let sides = sides.collect();
        self.pools = Pools {
            levels: sides,
            shares,
            stale: false,
            panic,
            unmade: self.policy.balancer.consistent_hash().is_some(),
            warm_at,
        };
        let total: u32 = levels.iter().map(|level| level.total).sum();
        if was != panic && total > 0 {
            let usable: u32 = levels.iter().map(|l| l.healthy + l.degraded).sum();
            let why = format!("{usable} of {total} endpoints are healthy");
            let kind = match panic {
                true => EventKind::PanicEntered,
                false => EventKind::PanicLeft,
            };
            self.event(at, kind, self.policy.key.to_string(), &why);
        }
    }

    /// Notes since when each host is healthy; when the last slow start is over.
    fn note_health(&mut self, at: Instant) -> Instant {
        let window = self.policy.slow_start.as_ref().map(|slow| slow.window);
        let mut warm_at = Instant::ZERO;
        for index in 0..self.order.len() {
            let Some(host) = self.host_mut(self.order[index]) else {
                continue;
            };
            let usable = host.is_usable();
            if usable && !host.was_usable {
                host.healthy_since = at;
            }
            host.was_usable = usable;
            if let (Some(window), true) = (window, usable) {
                warm_at = warm_at.max(host.healthy_since + window);
            }
        }
        warm_at
    }

    /// The level of each host. Levels without any host are left out: there is nothing to spill
    /// over from.
    fn host_levels(&self) -> Vec<(Slot, usize)> {
        let LocalityMode::Failover(by) = &self.policy.locality else {
            return self.present().map(|(slot, _)| (slot, 0)).collect();
        };
        let here = &self.standpoint.locality;
        let raw = |host: &Host| failover::level(by, here, &host.endpoint.locality);
        let mut used: Vec<usize> = self.present().map(|(_, host)| raw(host)).collect();
        used.sort_unstable();
        used.dedup();
        let dense = |level: usize| used.partition_point(|other| *other < level);
        self.present()
            .map(|(slot, host)| (slot, dense(raw(host))))
            .collect()
    }

    fn level(&self, level: usize, hosts: &[Slot], panic: bool, old: &mut Vec<Pool>) -> LevelPools {
        let fail = panic && self.fails_on_panic();
        // Panic ignores health, ejections and checks; not the unified breaker, nor fail-fast.
        let healthy = |host: &Host| match panic {
            true => !fail && host.counts() && host.yields_to_panic(),
            false => host.is_usable() && host.endpoint.health == EndpointHealth::Healthy,
        };
        let degraded = |host: &Host| {
            !panic && host.is_usable() && host.endpoint.health == EndpointHealth::Degraded
        };
        let mut side = |degraded: bool, wanted: &dyn Fn(&Host) -> bool| {
            let key = Key {
                level,
                degraded,
                group: 0,
            };
            let split = match panic {
                true => None,
                false => self.split(key, hosts, wanted, old),
            };
            Side {
                whole: self.pool(key, hosts, wanted, old),
                split,
            }
        };
        LevelPools {
            healthy: side(false, &healthy),
            degraded: side(true, &degraded),
        }
    }

    /// When too few endpoints are healthy, requests are refused instead of sent anywhere.
    pub(super) fn fails_on_panic(&self) -> bool {
        match &self.policy.locality {
            LocalityMode::ZoneAware(zones) => zones.fail_traffic_on_panic,
            _ => false,
        }
    }

    fn split(
        &self,
        key: Key,
        hosts: &[Slot],
        wanted: &dyn Fn(&Host) -> bool,
        old: &mut Vec<Pool>,
    ) -> Option<Split> {
        match &self.policy.locality {
            // Degraded hosts are too few to be divided once more.
            LocalityMode::ZoneAware(zones) if !key.degraded => {
                self.by_zone(zones, key, hosts, wanted, old)
            }
            LocalityMode::Weighted(_) => self.by_weight(key, hosts, wanted, old),
            _ => None,
        }
    }

    fn by_zone(
        &self,
        zones: &ZoneAware,
        key: Key,
        hosts: &[Slot],
        wanted: &dyn Fn(&Host) -> bool,
        old: &mut Vec<Pool>,
    ) -> Option<Split> {
        let of = |slot: &Slot| self.host(*slot).filter(|host| wanted(host));
        let place = |host: &Host| host.endpoint.locality.clone();
        let mut localities: Vec<Locality> = hosts.iter().filter_map(of).map(place).collect();
        localities.sort_unstable();
        localities.dedup();
        let within = |locality: &Locality| {
            let all = hosts.iter().filter_map(of);
            let (mut count, mut weight) = (0, 0);
            for host in all.filter(|host| host.endpoint.locality == *locality) {
                count += 1;
                weight += u64::from(host.endpoint.weight);
            }
            (count, weight)
        };
        let upstream = |locality| {
            let (hosts, weight) = within(locality);
            Upstream {
                locality,
                hosts,
                weight,
            }
        };
        let upstreams: Vec<Upstream<'_>> = localities.iter().map(upstream).collect();
        let threshold = self.policy.panic_threshold_percent;
        let plan = zone_aware::plan(zones, &upstreams, &self.standpoint, threshold)?;
        let pools = localities.iter().enumerate().map(|(index, locality)| {
            let key = Key {
                group: index + 1,
                ..key
            };
            let here = |host: &Host| wanted(host) && host.endpoint.locality == *locality;
            self.pool(key, hosts, &here, old)
        });
        Some(Split {
            pools: pools.collect(),
            choice: Choice::Zones {
                plan,
                percent: zones.routing_percent,
            },
        })
    }

    fn by_weight(
        &self,
        key: Key,
        hosts: &[Slot],
        wanted: &dyn Fn(&Host) -> bool,
        old: &mut Vec<Pool>,
    ) -> Option<Split> {
        let LocalityMode::Weighted(all) = &self.policy.locality else {
            return None;
        };
        let distribution = weighted::of(all, &self.standpoint.locality)?;
        let mut pools = Vec::new();
        let mut weights = Vec::new();
        for (group, (_, weight)) in distribution.to.iter().enumerate() {
            let mine =
                |host: &Host| weighted::group(distribution, &host.endpoint.locality) == Some(group);
            let members = hosts.iter().filter_map(|slot| self.host(*slot));
            let members = members.filter(|host| mine(host) && host.counts());
            let key = Key {
                group: group + 1,
                ..key
            };
            let pool = self.pool(key, hosts, &|host| mine(host) && wanted(host), old);
            let (usable, total) = (pool.candidates.len() as u32, members.count() as u32);
            let weight = weighted::effective(*weight, usable, total);
            if weight > 0.0 {
                pools.push(pool);
                weights.push(weight);
            }
        }
        // A copy: the stream must not depend on how often the sets were rebuilt.
        let mut start = self.rng.clone();
        let edf = Edf::new(pools.len(), |index| weights[index], &mut start);
        Some(Split {
            pools,
            choice: Choice::Turns { edf, weights },
        })
    }

    /// The pool of those `hosts` that are `wanted`, with the state that the old one at its place
    /// had.
    fn pool(
        &self,
        key: Key,
        hosts: &[Slot],
        wanted: &dyn Fn(&Host) -> bool,
        old: &mut Vec<Pool>,
    ) -> Pool {
        let chosen = || {
            let all = hosts
                .iter()
                .filter_map(|slot| Some((*slot, self.host(*slot)?)));
            all.filter(|(_, host)| wanted(host))
        };
        let mut candidates =
            Candidates::new(chosen().map(|(slot, host)| (slot, host.endpoint.weight)));
        if let Some(hash) = self.policy.balancer.consistent_hash() {
            let name = |(_, host): (Slot, &Host)| hash_key(&host.endpoint, hash.by_name);
            candidates = candidates.with_keys(chosen().map(name));
        }
        let known = old.iter().position(|pool| pool.key == key);
        let mut picker = match known.map(|index| old.swap_remove(index)) {
            Some(pool) => pool.picker,
            None => Picker::new(&self.policy.balancer),
        };
        picker.candidates_changed();
        Pool {
            key,
            candidates,
            picker,
        }
    }
}

/// What an endpoint is known by to those who hash.
fn hash_key(endpoint: &Endpoint, by_name: bool) -> String {
    match by_name {
        true => endpoint.name.to_string(),
        false => endpoint.address.to_string(),
    }
}

/// What each level has; one level at least.
fn counts<'a>(of_slot: &[(Slot, usize)], host: impl Fn(Slot) -> Option<&'a Host>) -> Vec<Level> {
    let n = of_slot.iter().map(|(_, level)| level + 1).max();
    let mut levels = vec![Level::default(); n.unwrap_or(1)];
    for (slot, of) in of_slot {
        let (Some(host), Some(level)) = (host(*slot), levels.get_mut(*of)) else {
            continue;
        };
        level.total += u32::from(host.counts());
        match host.endpoint.health {
            EndpointHealth::Healthy => level.healthy += u32::from(host.is_usable()),
            EndpointHealth::Degraded => level.degraded += u32::from(host.is_usable()),
            EndpointHealth::Unhealthy | EndpointHealth::Draining => {}
        }
    }
    levels
}
