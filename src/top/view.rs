//! What is shown: the rows of a [`Store`] added up over its sources, in the units that people read.
//!
//! The screen, `stat`, `edges` and `top --once` show these values and no others.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use engine::report::{
    BackendKey, Counters, EdgeKey, EndpointKey, EndpointRow, EndpointStatus, Event, RouteKey,
    Security, ServiceKey, Side,
};
use engine::snapshot::ClusterKey;
use engine::time::Instant;
use serde::Serialize;

use super::store::{Counted, Rated, Source, Store, Table};

mod calls;
mod state;
mod traffic;

pub(super) use calls::{CallView, calls};
pub(super) use state::{Breakers, State, span};
pub(super) use traffic::Traffic;

use traffic::Gather;

/// Everything that does not depend on what is selected.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Overview {
    /// What was asked for; none = everything since the beginning.
    #[serde(rename = "window_asked_s")]
    pub(super) window: Option<f64>,
    pub(super) sources: Vec<SourceView>,
    pub(super) totals: Traffic,
    pub(super) services: Vec<ServiceView>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SourceView {
    pub(super) source: String,
    pub(super) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    pub(super) stale: bool,
    pub(super) proxies: u64,
    /// The source's clock, in seconds since its beginning.
    pub(super) at_s: f64,
    /// The time over which rates and percentiles are.
    pub(super) window_s: f64,
    pub(super) restarts: u64,
}

/// A service as clients address it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ServiceView {
    pub(super) service: String,
    #[serde(skip)]
    pub(super) key: ClusterKey,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
    /// The share of the requests that go over the mesh's mutual TLS; none without requests.
    pub(super) mtls: Option<f64>,
    /// Retries that the budgets would still pay for.
    pub(super) retries_left: Option<u64>,
    pub(super) endpoints: Breakers,
    /// All of what is known of it is old.
    pub(super) stale: bool,
    #[serde(skip)]
    pub(super) history: Vec<f32>,
}

/// One rule of a service.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RouteView {
    #[serde(skip)]
    pub(super) key: RouteKey,
    pub(super) service: String,
    pub(super) route: String,
    pub(super) origin: String,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
    pub(super) backends: Vec<BackendView>,
}

/// The share of a rule that goes to one backend.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BackendView {
    #[serde(skip)]
    pub(super) id: BackendKey,
    pub(super) service: String,
    pub(super) route: String,
    pub(super) backend: String,
    #[serde(skip)]
    pub(super) key: ClusterKey,
    pub(super) weight: u32,
    /// What the weight is of the weights of the rule.
    pub(super) configured: Option<f64>,
    /// What its requests are of the requests of the rule that went to a backend.
    pub(super) observed: Option<f64>,
    /// The breaker of the route, where it is not closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) breaker: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrency_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retries_left: Option<u64>,
    pub(super) endpoints: Breakers,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
}

/// One endpoint of a backend.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EndpointView {
    pub(super) backend: String,
    pub(super) endpoint: String,
    pub(super) address: String,
    #[serde(skip)]
    pub(super) key: EndpointKey,
    pub(super) state: State,
    /// How many proxies see it in which state.
    pub(super) states: BTreeMap<String, u64>,
    pub(super) failures_in_a_row: u32,
    pub(super) estimate_us: Option<u64>,
    pub(super) zone: String,
    pub(super) identity: String,
    pub(super) connections: u64,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
    pub(super) stale: bool,
}

/// Who calls whom.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EdgeView {
    pub(super) from: String,
    pub(super) to: String,
    /// Who counted.
    pub(super) side: Side,
    pub(super) tls: Security,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
    pub(super) stale: bool,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EventView {
    /// On the clock of its source.
    pub(super) at_s: f64,
    /// How long ago that is.
    pub(super) ago_s: f64,
    #[serde(flatten)]
    pub(super) event: Event,
}

// === overview ===

impl Overview {
    /// As of `now` on the reader's clock.
    pub(super) fn new(store: &Store, now: Instant) -> Self {
        let mut totals = Gather::default();
        for (_, source) in store.sources() {
            for (_, rated) in source.services.iter(source.frames) {
                totals.add(source, &rated);
            }
        }
        let window = store.window();
        Self {
            window: (window < Duration::MAX).then_some(window.as_secs_f64()),
            sources: sources(store, now),
            totals: totals.traffic(),
            services: services(store, now),
        }
    }
}

fn sources(store: &Store, now: Instant) -> Vec<SourceView> {
    let view = |source: &Source| SourceView {
        source: source.name.clone(),
        state: source.link.as_str(),
        why: match &source.link {
            super::store::Link::Lost(why) => Some(why.clone()),
            _ => None,
        },
        stale: source.is_stale(now),
        proxies: source.proxies,
        at_s: seconds(source.clock.now(now).since(Instant::ZERO)),
        window_s: seconds(source.covered()),
        restarts: source.restarts,
    };
    store.sources().map(|(_, source)| view(source)).collect()
}

fn services(store: &Store, now: Instant) -> Vec<ServiceView> {
    let mut behind: BTreeMap<&ClusterKey, BTreeSet<&ClusterKey>> = BTreeMap::new();
    let mut left: BTreeMap<&ClusterKey, u64> = BTreeMap::new();
    let mut tls: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (_, source) in store.sources() {
        let mut of_source: BTreeMap<&ClusterKey, u64> = BTreeMap::new();
        for (key, rated) in source.backends.iter(source.frames) {
            if key.backend != key.service {
                behind.entry(&key.service).or_default().insert(&key.backend);
            }
            if let Some(n) = rated.row.retries_left.filter(|_| rated.present) {
                // Rules that lead to one backend share its budget.
                let least = of_source.entry(&key.service).or_insert(n);
                *least = n.min(*least);
            }
        }
        for (service, n) in of_source {
            *left.entry(service).or_default() += n;
        }
        for (key, rated) in source.edges.iter(source.frames) {
            if key.side == Side::Client {
                let [mutual, all] = tls.entry(&key.to).or_default();
                *all += rated.sum.requests;
                *mutual += u64::from(key.tls == Security::Mutual) * rated.sum.requests;
            }
        }
    }
    let states = states(store, now);
    let rows = in_order(store, |source| &source.services);
    let view = |rows: &[Found<'_, ServiceKey, Counters>]| {
        let (mut sum, mut stale, key) = (Gather::default(), true, rows[0].key);
        for found in rows {
            sum.add(found.source, &found.rated);
            stale &= !found.rated.present || found.source.is_stale(now);
        }
        let service = key.service.to_string();
        let [mutual, all] = tls.get(service.as_str()).copied().unwrap_or_default();
        let mut endpoints = states.get(&key.service).cloned().unwrap_or_default();
        for backend in behind.get(&key.service).into_iter().flatten() {
            if let Some(states) = states.get(*backend) {
                endpoints.merge(states);
            }
        }
        ServiceView {
            service,
            key: key.service.clone(),
            traffic: sum.traffic(),
            mtls: (all > 0).then(|| mutual as f64 / all as f64),
            retries_left: left.get(&key.service).copied(),
            endpoints,
            stale,
            history: store.history(key),
        }
    };
    rows.chunk_by(|a, b| a.key == b.key).map(view).collect()
}

/// How many endpoints of each backend are in which state; of what several proxies see, the state
/// that keeps most traffic away.
fn states(store: &Store, now: Instant) -> BTreeMap<&ClusterKey, Breakers> {
    let mut rows = in_order(store, |source| &source.endpoints);
    rows.retain(|found| found.rated.present);
    let of_backend = |rows: &[Found<'_, EndpointKey, EndpointRow>]| {
        let mut known = Breakers::default();
        for seen in rows.chunk_by(|a, b| a.key == b.key) {
            let worse = |a: &Found<'_, _, EndpointRow>, b: &Found<'_, _, EndpointRow>| {
                a.rated.row.state.status < b.rated.row.state.status
            };
            let mut worst = &seen[0];
            for other in &seen[1..] {
                if worse(worst, other) {
                    worst = other;
                }
            }
            known.count(&worst.rated.row.state, worst.source.clock.now(now));
        }
        known
    };
    let by_backend = rows.chunk_by(|a, b| a.key.backend == b.key.backend);
    let counted = by_backend.map(|rows| (&rows[0].key.backend, of_backend(rows)));
    counted.collect()
}

/// A row, and who has it.
struct Found<'a, K, R> {
    key: &'a K,
    rated: Rated<'a, R>,
    source: &'a Source,
}

/// The rows of one table of all sources, those of one key next to each other.
fn in_order<K: Ord, R: Counted>(
    store: &Store,
    table: fn(&Source) -> &Table<K, R>,
) -> Vec<Found<'_, K, R>> {
    let mut all = Vec::new();
    for (_, source) in store.sources() {
        let rows = table(source).iter(source.frames);
        all.extend(rows.map(|(key, rated)| Found { key, rated, source }));
    }
    // Each source has them in order already: runs are merged, which is less than a look-up each.
    all.sort_by(|a, b| a.key.cmp(b.key));
    all
}

// === drill-down ===

/// The rules of a service, each with its backends.
pub(super) fn routes(store: &Store, service: &ClusterKey, now: Instant) -> Vec<RouteView> {
    let mut rules: BTreeMap<&RouteKey, (Gather, &str)> = BTreeMap::new();
    for (_, source) in store.sources() {
        let first = RouteKey {
            service: service.clone(),
            route: "".into(),
        };
        let mine = source.routes.from(&first, source.frames);
        for (key, rated) in mine.take_while(|(key, _)| key.service == *service) {
            let (sum, origin) = rules.entry(key).or_insert((Gather::default(), ""));
            sum.add_counters(source, rated.sum, &rated.row.counters, rated.present);
            *origin = (*origin).max(&rated.row.origin);
        }
    }
    let backends = backends(store, Some(service), now);
    let view = |(key, (sum, origin)): (&RouteKey, (Gather, &str))| RouteView {
        key: key.clone(),
        service: key.service.to_string(),
        route: key.route.to_string(),
        origin: origin.to_owned(),
        traffic: sum.traffic(),
        backends: backends
            .iter()
            .filter(|b| *b.route == *key.route)
            .cloned()
            .collect(),
    };
    rules.into_iter().map(view).collect()
}

/// The backends of the rules of one service, or of all.
pub(super) fn backends(
    store: &Store,
    service: Option<&ClusterKey>,
    now: Instant,
) -> Vec<BackendView> {
    let mut rows: BTreeMap<_, (Gather, _)> = BTreeMap::new();
    for (_, source) in store.sources() {
        let all = source.backends.iter(source.frames);
        for (key, rated) in all.filter(|(key, _)| service.is_none_or(|s| key.service == *s)) {
            let row = rated.row;
            let (sum, view) = rows.entry(key).or_insert_with(|| {
                let view = BackendView {
                    id: key.clone(),
                    service: key.service.to_string(),
                    route: key.route.to_string(),
                    backend: key.backend.to_string(),
                    key: key.backend.clone(),
                    weight: 0,
                    configured: None,
                    observed: None,
                    breaker: None,
                    concurrency_limit: None,
                    retries_left: None,
                    endpoints: Breakers::default(),
                    traffic: Traffic::default(),
                };
                (Gather::default(), view)
            });
            sum.add_counters(source, rated.sum, &row.counters, rated.present);
            view.weight = view.weight.max(row.weight);
            if !rated.present {
                continue;
            }
            let limits = view.concurrency_limit.into_iter();
            view.concurrency_limit = limits.chain(row.concurrency_limit).min();
            let left = view.retries_left.into_iter().chain(row.retries_left);
            view.retries_left = left.reduce(u64::saturating_add);
            let state = State::new(&row.breaker, source.clock.now(now));
            let worse = view
                .breaker
                .as_ref()
                .is_none_or(|b| b.status < state.status);
            if row.breaker.status != EndpointStatus::Closed && worse {
                view.breaker = Some(state);
            }
        }
    }
    let states = states(store, now);
    let mut rules: BTreeMap<(&ClusterKey, &str), (u64, u64)> = BTreeMap::new();
    for (key, (sum, view)) in &rows {
        let (weights, requests) = rules.entry((&key.service, &key.route)).or_default();
        *weights += u64::from(view.weight);
        *requests += sum.requests();
    }
    let finished = rows.into_iter().map(|(key, (sum, view))| {
        let (weights, requests) = rules[&(&key.service, &*key.route)];
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        BackendView {
            configured: share(u64::from(view.weight), weights),
            observed: share(sum.requests(), requests),
            endpoints: states.get(&key.backend).cloned().unwrap_or_default(),
            traffic: sum.traffic(),
            ..view
        }
    });
    finished.collect()
}

/// The endpoints of one backend, or of all.
pub(super) fn endpoints(
    store: &Store,
    backend: Option<&ClusterKey>,
    now: Instant,
) -> Vec<EndpointView> {
    let mut rows: BTreeMap<&EndpointKey, (Gather, EndpointView)> = BTreeMap::new();
    for (_, source) in store.sources() {
        let stale = source.is_stale(now);
        let clock = source.clock.now(now);
        let mut add = |key, rated: Rated<'_, EndpointRow>| {
            let (sum, view) = rows
                .entry(key)
                .or_insert_with(|| (Gather::default(), EndpointView::unknown(key)));
            sum.add_counters(source, rated.sum, &rated.row.counters, rated.present);
            view.stale &= stale || !rated.present;
            if rated.present {
                view.add(rated.row, clock);
            }
        };
        match backend.map(first_endpoint) {
            None => (source.endpoints.iter(source.frames)).for_each(|(key, row)| add(key, row)),
            Some(first) => (source.endpoints.from(&first, source.frames))
                .take_while(|(key, _)| key.backend == first.backend)
                .for_each(|(key, row)| add(key, row)),
        }
    }
    let finished = rows.into_values().map(|(sum, view)| EndpointView {
        traffic: sum.traffic(),
        ..view
    });
    finished.collect()
}

/// Not after any endpoint of the backend.
fn first_endpoint(backend: &ClusterKey) -> EndpointKey {
    EndpointKey {
        backend: backend.clone(),
        endpoint: engine::snapshot::ObjectName::new("", ""),
        address: ([0, 0, 0, 0], 0).into(),
    }
}

impl EndpointView {
    fn unknown(key: &EndpointKey) -> Self {
        Self {
            backend: key.backend.to_string(),
            endpoint: key.endpoint.to_string(),
            address: key.address.to_string(),
            key: key.clone(),
            state: State::gone(),
            states: BTreeMap::new(),
            failures_in_a_row: 0,
            estimate_us: None,
            zone: String::new(),
            identity: String::new(),
            connections: 0,
            traffic: Traffic::default(),
            stale: true,
        }
    }

    /// As rows merge: the state that keeps most traffic away, the greatest of the rest.
    fn add(&mut self, row: &EndpointRow, clock: Instant) {
        let state = State::new(&row.state, clock);
        if self.state.is_gone() || self.state.status < state.status {
            self.state = state;
        }
        for (state, n) in &row.states {
            *self.states.entry(state.clone()).or_default() += n;
        }
        self.failures_in_a_row = self.failures_in_a_row.max(row.failures_in_a_row);
        self.estimate_us = self.estimate_us.max(row.estimate_us);
        for (mine, theirs) in [
            (&mut self.zone, &row.zone),
            (&mut self.identity, &row.identity),
        ] {
            if **mine < **theirs {
                *mine = theirs.to_string();
            }
        }
        self.connections = self.connections.saturating_add(row.connections.open);
    }
}

// === edges and events ===

/// Who calls whom. Most edges are counted twice: by the client's proxy, which knows the service,
/// and by the server's, which knows the workload.
pub(super) fn edges(store: &Store, now: Instant) -> Vec<EdgeView> {
    let mut rows: BTreeMap<&EdgeKey, (Gather, bool)> = BTreeMap::new();
    for (_, source) in store.sources() {
        let stale = source.is_stale(now);
        for (key, rated) in source.edges.iter(source.frames) {
            let (sum, all_stale) = rows.entry(key).or_insert((Gather::default(), true));
            sum.add(source, &rated);
            *all_stale &= stale || !rated.present;
        }
    }
    let view = |(key, (sum, stale)): (&EdgeKey, (Gather, bool))| EdgeView {
        from: key.from.to_string(),
        to: key.to.to_string(),
        side: key.side,
        tls: key.tls,
        traffic: sum.traffic(),
        stale,
    };
    rows.into_iter().map(view).collect()
}

/// Oldest first.
pub(super) fn events(store: &Store, now: Instant) -> impl DoubleEndedIterator<Item = EventView> {
    store.events().map(move |seen| {
        let clock = store.source(seen.source).map(|s| s.clock.now(now));
        let ago = clock.unwrap_or(seen.event.at).since(seen.event.at);
        EventView {
            at_s: seconds(seen.event.at.since(Instant::ZERO)),
            ago_s: seconds(ago),
            event: seen.event.clone(),
        }
    })
}

pub(super) fn seconds(d: Duration) -> f64 {
    d.as_secs_f64()
}

#[cfg(test)]
mod tests;
