//! Rows of a frame, and tables of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counters::Counters;
use super::endpoint::{Connections, EndpointFacts, EndpointState, EndpointStatus};
use crate::identity::Identity;

/// Rows by key, in the order of the keys. Serialised it is an array of objects that hold the fields
/// of key and row side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<K, R>(pub BTreeMap<K, R>);

/// What all rows can do.
pub trait Row: Clone + Default {
    /// Adds another source's row of the same key. Commutative and associative, with the default
    /// row as neutral element.
    fn merge(&mut self, other: &Self);

    /// What happened since `earlier`, an older row of the same source and key.
    #[must_use]
    fn since(&self, earlier: &Self) -> Self;

    /// What happened since the last call: counts move into the result and begin anew, states and
    /// gauges go on.
    #[must_use]
    fn take(&mut self) -> Self;
}

/// One rule of a service's routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RouteRow {
    /// The manifest behind the rule, as text. Merged: the greatest, where proxies have different
    /// versions.
    #[cfg_attr(feature = "serde", serde(default))]
    pub origin: String,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub counters: Counters,
}

/// The share of a rule that goes to one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BackendRow {
    /// As configured. Merged: the greatest, where proxies have different versions.
    #[cfg_attr(feature = "serde", serde(default))]
    pub weight: u32,
    /// The breaker of the route, when the backend's policy has one per route. Merged: the one that
    /// keeps most traffic away.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "is_default_state")
    )]
    pub breaker: EndpointState,
    /// The adaptive limit of requests under way to the backend, over all routes. Merged: the
    /// least.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub concurrency_limit: Option<u64>,
    /// How many more retries the budget of the backend would pay for at this moment, over all
    /// routes that share it; none without a budget. Merged: the sum.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub retries_left: Option<u64>,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub counters: Counters,
}

/// What stands between the routes and one backend, in one proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// By the name of the rule.
    pub breakers: BTreeMap<Arc<str>, EndpointState>,
    pub concurrency_limit: Option<u64>,
    /// Of several budgets the one that has least left.
    pub retries_left: Option<u64>,
}

/// One endpoint of a backend; `counters` count attempts, not requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EndpointRow {
    /// Merged: the one that keeps most traffic away.
    #[cfg_attr(feature = "serde", serde(default))]
    pub state: EndpointState,
    /// How many proxies see it in which state, by [`EndpointStatus::as_str`].
    #[cfg_attr(feature = "serde", serde(default))]
    pub states: BTreeMap<String, u64>,
    /// The balancer's estimate of its latency in microseconds, if it keeps one. Merged: the
    /// greatest.
    #[cfg_attr(feature = "serde", serde(default))]
    pub estimate_us: Option<u64>,
    /// How many attempts have failed since the last that did not, as the detector or breaker counts
    /// them that counts most. Merged: the greatest.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "is_no_failure")
    )]
    pub failures_in_a_row: u32,
    /// Where it runs; empty = unknown. Merged: the greatest.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "str::is_empty")
    )]
    pub zone: Arc<str>,
    /// Its SPIFFE id; empty = it is not in the mesh. Merged: the greatest.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "str::is_empty")
    )]
    pub identity: Arc<str>,
    #[cfg_attr(feature = "serde", serde(default))]
    pub connections: Connections,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub counters: Counters,
}

// === impl Table ===

impl<K: Ord + Clone, R: Row> Table<K, R> {
    pub fn get(&self, key: &K) -> Option<&R> {
        self.0.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &R)> {
        self.0.iter()
    }

    /// All rows added up.
    pub fn total(&self) -> R {
        self.total_of(|_| true)
    }

    /// The rows whose key `wanted` accepts, added up.
    pub fn total_of(&self, wanted: impl Fn(&K) -> bool) -> R {
        let mut sum = R::default();
        for (_, row) in self.0.iter().filter(|(key, _)| wanted(key)) {
            sum.merge(row);
        }
        sum
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (key, row) in &other.0 {
            match self.0.get_mut(key) {
                Some(mine) => mine.merge(row),
                None => {
                    self.0.insert(key.clone(), row.clone());
                }
            }
        }
    }

    pub(super) fn since(&self, earlier: &Self) -> Self {
        let rows = self.0.iter().map(|(key, row)| {
            let row = earlier
                .0
                .get(key)
                .map_or_else(|| row.clone(), |e| row.since(e));
            (key.clone(), row)
        });
        Self(rows.collect())
    }
}

impl<K, R> Default for Table<K, R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

// === impl Row ===

impl Row for Counters {
    fn merge(&mut self, other: &Self) {
        Self::merge(self, other);
    }

    fn since(&self, earlier: &Self) -> Self {
        Self::since(self, earlier)
    }

    fn take(&mut self) -> Self {
        Self::take(self)
    }
}

impl Row for RouteRow {
    fn merge(&mut self, other: &Self) {
        if self.origin < other.origin {
            self.origin.clone_from(&other.origin);
        }
        self.counters.merge(&other.counters);
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            origin: self.origin.clone(),
            counters: self.counters.since(&earlier.counters),
        }
    }

    fn take(&mut self) -> Self {
        Self {
            origin: self.origin.clone(),
            counters: self.counters.take(),
        }
    }
}

impl Row for BackendRow {
    fn merge(&mut self, other: &Self) {
        self.weight = self.weight.max(other.weight);
        if self.breaker < other.breaker {
            self.breaker.clone_from(&other.breaker);
        }
        let limits = self.concurrency_limit.into_iter();
        self.concurrency_limit = limits.chain(other.concurrency_limit).min();
        let left = self.retries_left.into_iter().chain(other.retries_left);
        self.retries_left = left.reduce(u64::saturating_add);
        self.counters.merge(&other.counters);
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            counters: self.counters.since(&earlier.counters),
            ..self.clone()
        }
    }

    fn take(&mut self) -> Self {
        Self {
            weight: self.weight,
            breaker: self.breaker.clone(),
            concurrency_limit: self.concurrency_limit,
            retries_left: self.retries_left,
            counters: self.counters.take(),
        }
    }
}

impl Row for EndpointRow {
    fn merge(&mut self, other: &Self) {
        if self.state < other.state {
            self.state.clone_from(&other.state);
        }
        for (state, n) in &other.states {
            *self.states.entry(state.clone()).or_default() += n;
        }
        self.estimate_us = self.estimate_us.max(other.estimate_us);
        self.failures_in_a_row = self.failures_in_a_row.max(other.failures_in_a_row);
        for (mine, theirs) in [
            (&mut self.zone, &other.zone),
            (&mut self.identity, &other.identity),
        ] {
            if *mine < *theirs {
                mine.clone_from(theirs);
            }
        }
        self.connections.merge(&other.connections);
        self.counters.merge(&other.counters);
    }

    fn since(&self, earlier: &Self) -> Self {
        let connections = if self.counters.began_after(&earlier.counters) {
            self.connections
        } else {
            self.connections.since(&earlier.connections)
        };
        Self {
            connections,
            counters: self.counters.since(&earlier.counters),
            ..self.clone()
        }
    }

    fn take(&mut self) -> Self {
        let (connections, counters) = (self.connections.take(), self.counters.take());
        let rest = Self {
            connections: Connections::default(),
            counters: Counters::default(),
            ..self.clone()
        };
        Self {
            connections,
            counters,
            ..rest
        }
    }
}

// === impl BackendRow ===

impl BackendRow {
    /// Sets what this one proxy has between `route` and the backend.
    pub fn set_guards(&mut self, guards: &Guards, route: &str) {
        self.breaker = guards.breakers.get(route).cloned().unwrap_or_default();
        self.concurrency_limit = guards.concurrency_limit;
        self.retries_left = guards.retries_left;
    }
}

#[cfg(feature = "serde")]
fn is_default_state(state: &EndpointState) -> bool {
    *state == EndpointState::default()
}

#[cfg(feature = "serde")]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_no_failure(n: &u32) -> bool {
    *n == 0
}

// === impl EndpointRow ===

impl EndpointRow {
    /// Sets what this one proxy knows of it.
    pub fn set_facts(&mut self, facts: EndpointFacts) {
        self.set_state(facts.state);
        self.estimate_us = facts
            .estimate
            .map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX));
        self.failures_in_a_row = facts.failures_in_a_row;
        let endpoint = &facts.endpoint;
        let identity = endpoint.identity.as_ref().map_or("", Identity::as_str);
        for (mine, now) in [
            (&mut self.zone, endpoint.locality.zone.as_str()),
            (&mut self.identity, identity),
        ] {
            // They hardly ever change, and a frame is made of thousands of rows.
            if **mine != *now {
                *mine = now.into();
            }
        }
    }

    /// Sets the state that this one proxy sees.
    pub fn set_state(&mut self, state: EndpointState) {
        self.states = [(state.status.as_str().to_owned(), 1)].into();
        self.state = state;
    }

    /// How many proxies see it in the state of that name.
    pub fn proxies_in(&self, status: EndpointStatus) -> u64 {
        self.states.get(status.as_str()).copied().unwrap_or(0)
    }
}
