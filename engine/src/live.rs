//! Live state: what one proxy has learned about the backends it uses.
//!
//! ```text
//!  Snapshot (immutable)          Clusters (live)
//!   clusters ───────────┐         ClusterKey ─▶ Arc<LiveCluster> ─┬─ in use, budgets, waiters
//!   endpoints ──────────┴─apply─▶                                 ├─ candidates, order of turns
//!                                                                 └─ hosts: load, health
//! ```
//!
//! A cluster's state is made when it is first used. It survives a change of configuration: each
//! part of it (breakers, ejections, order of turns) begins anew only when its own policy changed,
//! and an endpoint's only when the endpoint is another one (address or name). What is under way on
//! an endpoint that was removed finishes and is counted.
//!
//! **Contract.**
//! * Every call takes `now`; time that goes back is held at the latest `now` seen.
//! * No timer has to be kept: what is due (ejections that end, breakers that become half-open) is
//!   made up for, in the order of its times, before anything else is looked at, and its events
//!   carry the time they were due. Calling [`Clusters::tick`] or not makes no difference except
//!   that waiting requests are woken in time; they carry their own time to look again
//!   ([`Wait::until`]).
//! * A cluster's critical sections are short (no allocation on the usual path, no call out while
//!   the lock is held) and never span an await. Wakers are called after the lock is released.
//! * Each cluster draws from its own stream of random numbers, so that traffic to one service does
//!   not change the picks of another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use errand::Bell;

use crate::fault;
use crate::ratelimit::Limiter;
use crate::report::{EndpointFacts, EndpointKey, EndpointState, Event, Guards};
use crate::snapshot::{ClusterKey, Outbound, Snapshot, Standpoint};
use crate::time::Instant;

mod account;
mod cluster;
mod errand;
mod gate;
mod host;
mod pick;
mod pools;
mod reconcile;
mod status;
mod ticket;
mod wait;

pub use cluster::{LiveCluster, NoEndpoint, Unavailable};
pub use errand::{Errand, ErrandsChanged, What};
pub use gate::{Entry, Turned};
pub use pick::Ask;
pub use status::{ClusterCounts, EndpointLoad};
pub(crate) use ticket::RetryPermit;
pub use ticket::{ConnectionPermit, Started, Ticket};
pub use wait::{Changed, Seen, Wait};

/// The live state of one proxy.
#[derive(Debug)]
pub struct Clusters {
    /// Keys the streams of random numbers.
    seed: u64,
    inner: Mutex<Inner>,
    bell: Arc<Bell>,
    faults: fault::Active,
    limiter: Mutex<Limiter>,
}

#[derive(Debug, Default)]
struct Inner {
    outbound: Arc<Outbound>,
    standpoint: Arc<Standpoint>,
    live: BTreeMap<ClusterKey, Arc<LiveCluster>>,
    /// Events of clusters that were dropped.
    orphaned: Vec<Event>,
}

// === impl Clusters ===

impl Clusters {
    /// No clusters. `seed` is 64 bits from the node's own entropy.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            inner: Mutex::default(),
            bell: Arc::default(),
            faults: fault::Active::default(),
            limiter: Mutex::default(),
        }
    }

    /// The live state of a backend, made if this is its first use; None when the configuration has
    /// no such cluster.
    pub fn get(&self, key: &ClusterKey, now: Instant) -> Option<Arc<LiveCluster>> {
        let mut inner = self.lock();
        if let Some(live) = inner.live.get(key) {
            return Some(live.clone());
        }
        let policy = inner.outbound.clusters.get(key)?.clone();
        let endpoints = inner.outbound.endpoints.get(key).cloned();
        let standpoint = inner.standpoint.clone();
        let live = LiveCluster::new(policy, endpoints, standpoint, self.seed, &self.bell, now);
        inner.live.insert(key.clone(), live.clone());
        Some(live)
    }

    /// Takes over a new configuration. Clusters that are gone are dropped; requests that hold one
    /// finish on it and find no endpoint for another try.
    pub fn apply(&self, outbound: &Arc<Outbound>, now: Instant) {
        let mut inner = self.lock();
        let old = core::mem::replace(&mut inner.outbound, outbound.clone());
        if Arc::ptr_eq(&old, outbound) {
            return;
        }
        let gone: Vec<ClusterKey> = inner
            .live
            .keys()
            .filter(|key| !outbound.clusters.contains_key(*key))
            .cloned()
            .collect();
        for key in gone {
            if let Some(live) = inner.live.remove(&key) {
                live.retire(now);
                inner.orphaned.extend(live.drain_events(now));
            }
        }
        for (key, live) in &inner.live {
            if let Some(policy) = outbound.clusters.get(key) {
                live.reconcile(policy, outbound.endpoints.get(key), now);
            }
        }
    }

    /// Takes over everything that a snapshot says: where the proxy stands, and the configuration.
    pub fn follow(&self, snapshot: &Snapshot, now: Instant) {
        self.locate(&snapshot.standpoint, now);
        self.apply(&snapshot.outbound, now);
    }

    /// Says where the proxy stands, for balancing by locality.
    pub fn locate(&self, standpoint: &Arc<Standpoint>, now: Instant) {
        let mut inner = self.lock();
        if *inner.standpoint == **standpoint {
            return;
        }
        inner.standpoint = standpoint.clone();
        for live in inner.live.values() {
            live.locate(standpoint, now);
        }
    }

    /// The clusters in use, in the order of their keys.
    pub fn all(&self) -> Vec<Arc<LiveCluster>> {
        self.lock().live.values().cloned().collect()
    }

    /// When [`tick`](Self::tick) has something to do; None when nothing is due by itself.
    pub fn next_tick(&self) -> Option<Instant> {
        self.all().iter().filter_map(|live| live.next_tick()).min()
    }

    /// Makes up for what is due until `now` and wakes requests that wait for it.
    pub fn tick(&self, now: Instant) {
        for live in self.all() {
            live.tick(now);
        }
    }

    /// Requests that have an injected fault at this moment.
    pub fn faults(&self) -> &fault::Active {
        &self.faults
    }

    /// The buckets of the proxy's own rate limits, of both directions.
    pub fn limiter(&self) -> MutexGuard<'_, Limiter> {
        // Buckets that a panic left behind are still the best there are.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The errands that are due, of all clusters in use.
    pub fn errands(&self, now: Instant) -> Vec<Errand> {
        let all = self.all();
        all.iter().flat_map(|live| live.errands(now)).collect()
    }

    /// When the next errand is due; None when there is none.
    pub fn next_errand(&self) -> Option<Instant> {
        self.all()
            .iter()
            .filter_map(|live| live.next_errand())
            .min()
    }

    /// Completes when an errand came up that is due earlier than [`next_errand`](Self::next_errand)
    /// says after this call. For one listener.
    pub fn errands_changed(&self) -> ErrandsChanged {
        self.bell.listen()
    }

    /// The state of every endpoint of every cluster in use, as of `now`.
    pub fn endpoint_states(&self, now: Instant) -> Vec<(EndpointKey, EndpointState)> {
        let all = self.all();
        all.iter()
            .flat_map(|live| live.endpoint_states(now))
            .collect()
    }

    /// What is known of every endpoint of every cluster in use, as of `now`.
    pub fn endpoint_facts(&self, now: Instant) -> Vec<(EndpointKey, EndpointFacts)> {
        let all = self.all();
        all.iter()
            .flat_map(|live| live.endpoint_facts(now))
            .collect()
    }

    /// What guards the routes to each cluster that has such guards, as of `now`.
    pub fn route_states(&self, now: Instant) -> Vec<(ClusterKey, Guards)> {
        let all = self.all();
        let guarded = all.iter().filter_map(|live| {
            let guards = live.guards(now)?;
            Some((live.key().clone(), guards))
        });
        guarded.collect()
    }

    /// What happened since the last call, by time. `source` is the name of the proxy.
    pub fn drain_events(&self, source: &str, now: Instant) -> Vec<Event> {
        let mut events = core::mem::take(&mut self.lock().orphaned);
        for live in self.all() {
            events.extend(live.drain_events(now));
        }
        for event in &mut events {
            source.clone_into(&mut event.source);
        }
        events.sort();
        events
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here is left half-changed by a panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
