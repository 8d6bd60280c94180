//! What a proxy counts, into the tables of [`engine::report`].
//!
//! The simulator's policy level counts with the same hands, so that its reports mean the same.
//!
//! A request asks for its rows once, when its rule and backend are known, and counts by index. One
//! lock guards the tables; each worker has its own, so that nobody waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::live::Clusters;
use engine::report::recorder::Recorder;
use engine::report::{
    BackendKey, Counters, EdgeKey, EndpointKey, Event, EventKind, Frame, RouteKey, RowId, Security,
    ServiceKey, Side,
};
use engine::snapshot::{BackendTarget, ClusterKey, Endpoint, Frontend, Rule, Snapshot};
use engine::time::{Duration, Instant};

pub(crate) mod access_log;
mod client;
pub mod collect;
pub mod config;
pub mod context;
mod datagram;
pub mod export;
mod influx;
pub mod lines;
pub mod metric;
mod otlp;
pub mod outputs;
pub mod process;
pub mod prometheus;
mod queue;
pub mod specimen;
mod statsd;
pub mod totals;
mod zipkin;

pub use crate::serve::{Done, Shadow};
use totals::{Door, Entered, Tally, Totals};

/// The statistics of one worker.
pub struct Telemetry {
    recorder: Mutex<Recorder>,
    tally: Tally,
}

/// The rows that a request counts in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rows {
    service: Option<RowId<ServiceKey>>,
    route: Option<RowId<RouteKey>>,
    backend: Option<RowId<BackendKey>>,
    edge: Option<RowId<EdgeKey>>,
}

/// The row that an attempt counts in.
pub type EndpointRowId = Option<RowId<EndpointKey>>;

/// What a request did besides ending.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra {
    pub retries_denied: u64,
    pub timeouts: u64,
    pub mirrored: u64,
}

// === impl Telemetry ===

impl Telemetry {
    pub fn new(source: &str, now: Instant) -> Self {
        let telemetry = Self {
            recorder: Mutex::new(Recorder::new(source)),
            tally: Tally::default(),
        };
        telemetry.event(now, EventKind::ProxyStarted, source);
        telemetry
    }

    /// Counts a connection that a listener accepted, until the result is dropped.
    pub(crate) fn accepted(self: &Arc<Self>, door: Door) -> Entered {
        Entered::new(self.clone(), door)
    }

    /// What was counted besides the tables: listeners and events.
    pub fn totals(&self) -> Totals {
        self.tally.totals()
    }

    /// Rows of a request that a client sent to a service. `backend` is none when the answer came
    /// from the proxy.
    pub fn outbound(
        &self,
        frontend: &Frontend,
        rule: Option<&Arc<Rule>>,
        backend: Option<&ClusterKey>,
        from: &Arc<str>,
        tls: Security,
        now: Instant,
    ) -> Rows {
        let service = ClusterKey {
            service: frontend.service.clone(),
            port: frontend.port,
        };
        let mut recorder = self.lock();
        let mut rows = Rows::default();
        if let Some(rule) = rule {
            let key = RouteKey {
                service: service.clone(),
                route: rule.name.clone(),
            };
            rows.route = recorder.routes.id(&key, now);
            if let Some(row) = rows.route.and_then(|id| recorder.routes.get_mut(id))
                && row.origin.is_empty()
            {
                row.origin = rule.origin.to_string();
            }
        }
        if let (Some(rule), Some(backend)) = (rule, backend) {
            let key = BackendKey {
                service: service.clone(),
                route: rule.name.clone(),
                backend: backend.clone(),
            };
            rows.backend = recorder.backends.id(&key, now);
            let row = rows.backend.and_then(|id| recorder.backends.get_mut(id));
            if row.is_some_and(|row| row.weight != weight(rule, backend)) {
                weigh(&mut recorder, &service, rule, now);
            }
        }
        let edge = EdgeKey {
            from: from.clone(),
            to: service.to_string().into(),
            side: Side::Client,
            tls,
        };
        rows.edge = recorder.edges.id(&edge, now);
        rows.service = recorder.services.id(&ServiceKey { service }, now);
        rows
    }

    /// A connection to the endpoint of `row` was made, or could not be.
    pub fn connected(&self, row: EndpointRowId, made: bool) {
        let mut recorder = self.lock();
        if let Some(row) = row.and_then(|id| recorder.endpoints.get_mut(id)) {
            row.connections.opened += u64::from(made);
            row.connections.open += u64::from(made);
            row.connections.failed += u64::from(!made);
        }
    }

    /// A connection to the endpoint of `row` is closed.
    pub fn disconnected(&self, row: EndpointRowId) {
        let mut recorder = self.lock();
        if let Some(row) = row.and_then(|id| recorder.endpoints.get_mut(id)) {
            row.connections.open = row.connections.open.saturating_sub(1);
        }
    }

    /// Rows of an edge alone.
    pub fn edge(
        &self,
        from: &Arc<str>,
        to: &Arc<str>,
        side: Side,
        tls: Security,
        now: Instant,
    ) -> Rows {
        let key = EdgeKey {
            from: from.clone(),
            to: to.clone(),
            side,
            tls,
        };
        Rows {
            edge: self.lock().edges.id(&key, now),
            ..Rows::default()
        }
    }

    /// A request begins.
    pub fn start(&self, rows: Rows) {
        self.each(rows, Counters::start);
    }

    /// A request that was started is tried again: counted now, since a budget is about when.
    pub fn retried(&self, rows: Rows) {
        self.each(rows, |counters| counters.retries += 1);
    }

    /// A request that was started ends.
    pub fn end(&self, rows: Rows, done: &Done, extra: Extra, latency: Duration) {
        self.each(rows, |counters| {
            counters.end(done.ended, latency);
            count(counters, done);
            counters.retries_denied += extra.retries_denied;
            counters.timeouts += extra.timeouts;
            counters.mirrored += extra.mirrored;
        });
    }

    /// A request that was started would have been refused.
    pub fn shadowed(&self, rows: Rows, shadow: Shadow) {
        self.each(rows, |counters| {
            counters.audited += u64::from(shadow.audited);
            counters.shadow_limited += u64::from(shadow.limited);
        });
    }

    /// An attempt on an endpoint begins.
    pub fn attempt(
        &self,
        backend: &ClusterKey,
        endpoint: &Endpoint,
        now: Instant,
    ) -> EndpointRowId {
        let key = EndpointKey {
            backend: backend.clone(),
            endpoint: endpoint.name.clone(),
            address: endpoint.address,
        };
        let mut recorder = self.lock();
        let id = recorder.endpoints.id(&key, now);
        if let Some(row) = id.and_then(|id| recorder.endpoints.get_mut(id)) {
            row.counters.start();
        }
        id
    }

    /// An attempt that was started ends.
    pub fn attempt_end(&self, row: EndpointRowId, done: &Done, latency: Duration) {
        let mut recorder = self.lock();
        if let Some(row) = row.and_then(|id| recorder.endpoints.get_mut(id)) {
            row.counters.end(done.ended, latency);
            count(&mut row.counters, done);
        }
    }

    /// The same for an event that was made elsewhere.
    pub(crate) fn happened(&self, event: Event) {
        self.tally.count(&event);
        self.lock().push_event(event);
    }

    pub fn event(&self, now: Instant, kind: EventKind, subject: &str) {
        self.tally.event(kind, subject);
        self.lock().event(now, kind, subject);
    }

    /// A frame of the tables, with the state of every endpoint as of `now` and the events since the
    /// last one. `name` is the proxy's.
    pub fn report(
        &self,
        clusters: &Clusters,
        name: &str,
        now: Instant,
        frame: impl FnOnce(&mut Recorder, Instant) -> Frame,
    ) -> Frame {
        let facts = clusters.endpoint_facts(now);
        let routes = clusters.route_states(now);
        let events = clusters.drain_events(name, now);
        let mut recorder = self.lock();
        for (key, known) in facts {
            let row = recorder.endpoints.id(&key, now);
            if let Some(row) = row.and_then(|id| recorder.endpoints.get_mut(id)) {
                row.set_facts(known);
            }
        }
        for (backend, guards) in &routes {
            recorder.backends.each(|key, row| {
                if key.backend == *backend {
                    row.set_guards(guards, &key.route);
                }
            });
        }
        for event in events {
            self.tally.count(&event);
            recorder.push_event(event);
        }
        frame(&mut recorder, now)
    }

    fn each(&self, rows: Rows, f: impl Fn(&mut Counters)) {
        let mut recorder = self.lock();
        let recorder = &mut *recorder;
        if let Some(row) = rows.service.and_then(|id| recorder.services.get_mut(id)) {
            f(row);
        }
        if let Some(row) = rows.route.and_then(|id| recorder.routes.get_mut(id)) {
            f(&mut row.counters);
        }
        if let Some(row) = rows.backend.and_then(|id| recorder.backends.get_mut(id)) {
            f(&mut row.counters);
        }
        if let Some(row) = rows.edge.and_then(|id| recorder.edges.get_mut(id)) {
            f(row);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recorder> {
        // Counters that a panic left behind are still the best there are.
        let lock = self.recorder.lock();
        lock.unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counters: &mut Counters, done: &Done) {
    if let Some(status) = done.status {
        counters.count_status(status);
    }
    if let Some(code) = done.grpc {
        counters.count_grpc(code);
    }
    if let Some(flag) = done.flag {
        counters.flags.add(flag);
    }
    counters.bytes_in += done.bytes_in;
    counters.bytes_out += done.bytes_out;
}

/// The workload of a proxy as reports name it: `shop/Deployment/web`.
pub fn workload(snapshot: &Snapshot) -> Arc<str> {
    let of = &snapshot.workload;
    format!("{}/{}", of.name.namespace, of.controller).into()
}

/// How the way to a backend is protected, as its first endpoint shows: a Service whose pods are
/// half in the mesh is counted under one word.
pub fn security(snapshot: &Snapshot, backend: Option<&ClusterKey>) -> Security {
    let set = backend.and_then(|key| snapshot.outbound.endpoints.get(key));
    match set.and_then(|set| set.endpoints.first()) {
        Some(endpoint) if endpoint.identity.is_none() => Security::Plain,
        _ => Security::Mutual,
    }
}

/// Brings the weights of a rule's backends in line with a new configuration, also of those that no
/// request has chosen: what is seen is compared with all of what is configured.
fn weigh(recorder: &mut Recorder, service: &ClusterKey, rule: &Rule, now: Instant) {
    for backend in &rule.backends {
        if let BackendTarget::Cluster(backend) = &backend.target {
            let (service, route) = (service.clone(), rule.name.clone());
            let backend = backend.clone();
            recorder.backends.id(
                &BackendKey {
                    service,
                    route,
                    backend,
                },
                now,
            );
        }
    }
    recorder.backends.each(|key, row| {
        if key.service == *service && key.route == rule.name {
            row.weight = weight(rule, &key.backend);
        }
    });
}

/// The share that the rule gives the backend.
fn weight(rule: &Rule, backend: &ClusterKey) -> u32 {
    let of = rule.backends.iter();
    of.filter(|b| matches!(&b.target, BackendTarget::Cluster(key) if key == backend))
        .map(|b| b.weight)
        .sum()
}

#[cfg(test)]
mod tests;
