//! Frames read without detours.
//!
//! A row of a frame is key and values side by side, which serde's `flatten` reads by keeping
//! everything until it knows what it is: most of the time that the screen of a large mesh needs.
//! Here the fields of each kind of row are written out; a test compares what
//! comes of them with the types that write them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::report::{
    BackendKey, BackendRow, Connections, Counters, EdgeKey, EndpointKey, EndpointRow,
    EndpointState, Event, Flags, Frame, Histogram, RouteKey, RouteRow, Security, ServiceKey, Side,
    Table,
};
use engine::snapshot::{ClusterKey, ObjectName};
use engine::time::Instant;
use serde::Deserialize;

/// A frame as it is written.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Flat {
    at_ns: u64,
    window_ns: Option<u64>,
    source: String,
    proxies: u64,
    services: Vec<Service>,
    routes: Vec<Route>,
    backends: Vec<Backend>,
    endpoints: Vec<Endpoint>,
    edges: Vec<Edge>,
    events: Vec<Event>,
    events_dropped: u64,
}

/// A row: the fields of its key and its own, and those of the counters that all rows have.
macro_rules! row {
    ($name:ident { $($field:ident: $type:ty),* } { $($value:ident: $kind:ty),* }) => {
        #[derive(Deserialize)]
        struct $name {
            $($field: $type,)*
            $(#[serde(default)] $value: $kind,)*
            #[serde(default)]
            start_ns: Option<Instant>,
            #[serde(default)]
            requests: u64,
            #[serde(default)]
            success: u64,
            #[serde(default)]
            failure: u64,
            #[serde(default)]
            local_failure: u64,
            #[serde(default)]
            ignored: u64,
            #[serde(default)]
            status: [u64; 5],
            #[serde(default)]
            grpc: BTreeMap<u32, u64>,
            #[serde(default)]
            retries: u64,
            #[serde(default)]
            retries_denied: u64,
            #[serde(default)]
            timeouts: u64,
            #[serde(default)]
            flags: Flags,
            #[serde(default)]
            audited: u64,
            #[serde(default)]
            shadow_limited: u64,
            #[serde(default)]
            mirrored: u64,
            #[serde(default)]
            bytes_in: u64,
            #[serde(default)]
            bytes_out: u64,
            #[serde(default)]
            latency: Histogram,
            #[serde(default)]
            in_flight: u64,
            #[serde(default)]
            pending: u64,
        }

        impl $name {
            fn counters(&mut self) -> Counters {
                Counters {
                    start_at: self.start_ns,
                    requests: self.requests,
                    success: self.success,
                    failure: self.failure,
                    local_failure: self.local_failure,
                    ignored: self.ignored,
                    status: self.status,
                    grpc: core::mem::take(&mut self.grpc),
                    retries: self.retries,
                    retries_denied: self.retries_denied,
                    timeouts: self.timeouts,
                    flags: self.flags,
                    audited: self.audited,
                    shadow_limited: self.shadow_limited,
                    mirrored: self.mirrored,
                    bytes_in: self.bytes_in,
                    bytes_out: self.bytes_out,
                    latency: core::mem::take(&mut self.latency),
                    in_flight: self.in_flight,
                    pending: self.pending,
                }
            }
        }
    };
}

row!(Service { service: ClusterKey } {});
row!(Route { service: ClusterKey, route: Arc<str> } { origin: String });
row!(Backend { service: ClusterKey, route: Arc<str>, backend: ClusterKey } {
    weight: u32,
    breaker: EndpointState,
    concurrency_limit: Option<u64>,
    retries_left: Option<u64>
});
row!(Endpoint { backend: ClusterKey, endpoint: ObjectName, address: SocketAddr } {
    state: EndpointState,
    states: BTreeMap<String, u64>,
    estimate_us: Option<u64>,
    failures_in_a_row: u32,
    zone: Arc<str>,
    identity: Arc<str>,
    connections: Connections
});
row!(Edge { from: Arc<str>, to: Arc<str>, side: Side, tls: Security } {});

// === impl Flat ===

impl From<Flat> for Frame {
    fn from(flat: Flat) -> Self {
        Self {
            at: Instant::from_nanos(flat.at_ns),
            window: flat.window_ns.map(Duration::from_nanos),
            source: flat.source,
            proxies: flat.proxies,
            services: table(flat.services, |mut row| {
                let counters = row.counters();
                (
                    ServiceKey {
                        service: row.service,
                    },
                    counters,
                )
            }),
            routes: table(flat.routes, |mut row| {
                let counters = row.counters();
                let Route {
                    service,
                    route,
                    origin,
                    ..
                } = row;
                (RouteKey { service, route }, RouteRow { origin, counters })
            }),
            backends: table(flat.backends, |mut row| {
                let counters = row.counters();
                let Backend {
                    service,
                    route,
                    backend,
                    ..
                } = row;
                let key = BackendKey {
                    service,
                    route,
                    backend,
                };
                let value = BackendRow {
                    weight: row.weight,
                    breaker: row.breaker,
                    concurrency_limit: row.concurrency_limit,
                    retries_left: row.retries_left,
                    counters,
                };
                (key, value)
            }),
            endpoints: table(flat.endpoints, endpoint),
            edges: table(flat.edges, |mut row| {
                let counters = row.counters();
                let Edge {
                    from,
                    to,
                    side,
                    tls,
                    ..
                } = row;
                (
                    EdgeKey {
                        from,
                        to,
                        side,
                        tls,
                    },
                    counters,
                )
            }),
            events: flat.events,
            events_dropped: flat.events_dropped,
        }
    }
}

fn endpoint(mut row: Endpoint) -> (EndpointKey, EndpointRow) {
    let counters = row.counters();
    let key = EndpointKey {
        backend: row.backend,
        endpoint: row.endpoint,
        address: row.address,
    };
    let value = EndpointRow {
        state: row.state,
        states: row.states,
        estimate_us: row.estimate_us,
        failures_in_a_row: row.failures_in_a_row,
        zone: row.zone,
        identity: row.identity,
        connections: row.connections,
        counters,
    };
    (key, value)
}

fn table<F, K: Ord, R>(rows: Vec<F>, row: impl FnMut(F) -> (K, R)) -> Table<K, R> {
    Table(rows.into_iter().map(row).collect())
}
