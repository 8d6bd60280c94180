//! One of everything that can be exported, for documents and for the tests of what renders frames:
//! a metric that is missing here is missing in the documented table.

use core::net::SocketAddr;
use std::sync::Arc;

use engine::failure::Flag;
use engine::head::Protocol;
use engine::report::row::Table;
use engine::report::{
    BackendKey, BackendRow, Connections, Counters, EdgeKey, Ended, EndpointKey, EndpointRow,
    EndpointState, EndpointStatus, EventKind, Frame, RouteKey, RouteRow, Security, ServiceKey,
    Side,
};
use engine::snapshot::{ClusterKey, ObjectName};
use engine::time::{Duration, Instant, Wall};
use http::StatusCode;

use super::collect::View;
use super::context::Context;
use super::export::Observed;
use super::metric::{Desc, Value, Visit};
use super::process::{Certificate, Process, Usage};
use super::totals::{Handshakes, Listener, Totals};
use crate::observe::{AttemptRecord, RequestRecord, Role};

/// The parts of a [`View`].
#[derive(Clone, Debug)]
pub struct Specimen {
    pub frame: Frame,
    pub totals: Totals,
    pub process: Process,
}

// === impl Specimen ===

impl Specimen {
    pub fn new() -> Self {
        let service = cluster("web");
        let route: Arc<str> = "HTTPRoute/shop/web#0".into();
        let backend = cluster("web-canary");
        let endpoint = EndpointKey {
            backend: backend.clone(),
            endpoint: name("web-canary-0"),
            address: SocketAddr::from(([10, 0, 0, 7], 8080)),
        };
        let edge = EdgeKey {
            from: "shop/Deployment/front".into(),
            to: "shop/web:80".into(),
            side: Side::Client,
            tls: Security::Mutual,
        };
        let frame = Frame {
            at: Instant::from_nanos(60_000_000_000),
            source: "shop/front-0".to_owned(),
            proxies: 1,
            services: table(service_key(&service), counters()),
            routes: table(route_key(&service, &route), route_row()),
            backends: table(
                BackendKey {
                    service,
                    route,
                    backend,
                },
                backend_row(),
            ),
            endpoints: table(endpoint, endpoint_row()),
            edges: table(edge, counters()),
            ..Frame::default()
        };
        Self {
            frame,
            totals: totals(),
            process: process(),
        }
    }

    pub fn view(&self) -> View<'_> {
        View {
            frame: &self.frame,
            totals: &self.totals,
            process: &self.process,
        }
    }
}

impl From<&Specimen> for Observed {
    fn from(of: &Specimen) -> Self {
        Self {
            frame: of.frame.clone(),
            totals: of.totals.clone(),
            process: of.process.clone(),
        }
    }
}

impl Default for Specimen {
    fn default() -> Self {
        Self::new()
    }
}

/// Every metric, in the order of the page.
pub fn catalogue() -> Vec<Desc> {
    struct Collect(Vec<Desc>);
    impl Visit for Collect {
        fn sample(&mut self, desc: &Desc, _: &[&str], _: Value<'_>) {
            if self.0.last() != Some(desc) {
                self.0.push(desc.clone());
            }
        }
    }
    let mut found = Collect(Vec::new());
    Specimen::new().view().visit(&mut found);
    found.0
}

/// A request that failed at its second attempt.
pub fn record() -> RequestRecord {
    let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
    let attempt = |last: u8, from, to, outcome: &str| AttemptRecord {
        endpoint: SocketAddr::from(([10, 0, 0, last], 8080)),
        name: name(&format!("web-canary-{last}")),
        identity: None,
        started: at(from),
        ended: at(to),
        outcome: outcome.to_owned(),
    };
    RequestRecord {
        id: "7f3a".to_owned(),
        role: Role::Outbound,
        workload: name("front-0"),
        method: "GET".to_owned(),
        authority: "web.shop".to_owned(),
        path: "/cart?id=7".to_owned(),
        protocol: Some(Protocol::Http1),
        client: Some([10, 0, 0, 1].into()),
        forwarded_for: Some("192.0.2.1".to_owned()),
        user_agent: Some("curl/8.5".to_owned()),
        peer: None,
        service: Some(name("web")),
        rule: Some("HTTPRoute/shop/web#0".into()),
        backend: Some(cluster("web-canary")),
        upstream: Some(SocketAddr::from(([10, 0, 0, 7], 8080))),
        server: None,
        trail: Vec::new(),
        attempts: vec![
            attempt(6, 1_000, 1_010, "reset"),
            attempt(7, 1_020, 1_031, "a limit is full"),
        ],
        status: Some(503),
        grpc: None,
        how: Ended::LocalFailure,
        flag: Some(Flag::Overflow),
        cause: Some("UO: a limit of the backend is reached".to_owned()),
        started: at(1_000),
        ended: Instant::from_nanos(1_031_500_000),
        wall: Wall(1_767_225_600_250_000_000),
        bytes_received: 12,
        bytes_sent: 19,
        span: Some(Context::specimen()),
        trace_state: Some("vendor=1".to_owned()),
    }
}

fn name(name: &str) -> ObjectName {
    ObjectName {
        namespace: "shop".into(),
        name: name.into(),
    }
}

fn cluster(service: &str) -> ClusterKey {
    ClusterKey {
        service: name(service),
        port: 80,
    }
}

fn service_key(service: &ClusterKey) -> ServiceKey {
    ServiceKey {
        service: service.clone(),
    }
}

fn route_key(service: &ClusterKey, route: &Arc<str>) -> RouteKey {
    RouteKey {
        service: service.clone(),
        route: route.clone(),
    }
}

fn table<K: Ord, R>(key: K, row: R) -> Table<K, R> {
    Table([(key, row)].into())
}

fn counters() -> Counters {
    let mut counters = Counters::default();
    (0..4).for_each(|_| counters.start());
    counters.end(Ended::Success, Duration::from_micros(800));
    counters.end(Ended::Failure, Duration::from_millis(20));
    counters.end(Ended::LocalFailure, Duration::from_secs(90));
    counters.count_status(StatusCode::OK);
    counters.count_status(StatusCode::SERVICE_UNAVAILABLE);
    counters.count_grpc(0);
    counters.flags.add(Flag::Overflow);
    counters.pending = 1;
    Counters {
        retries: 2,
        retries_denied: 1,
        timeouts: 1,
        audited: 1,
        shadow_limited: 1,
        mirrored: 1,
        bytes_in: 1024,
        bytes_out: 4096,
        ..counters
    }
}

fn route_row() -> RouteRow {
    RouteRow {
        counters: counters(),
        ..RouteRow::default()
    }
}

fn backend_row() -> BackendRow {
    BackendRow {
        weight: 10,
        breaker: EndpointState::new(EndpointStatus::Open, "20 of 40 failed"),
        concurrency_limit: Some(40),
        counters: counters(),
        ..BackendRow::default()
    }
}

fn endpoint_row() -> EndpointRow {
    let mut row = EndpointRow {
        estimate_us: Some(1500),
        connections: Connections {
            opened: 3,
            failed: 1,
            open: 2,
        },
        counters: counters(),
        ..EndpointRow::default()
    };
    row.set_state(EndpointState::new(
        EndpointStatus::Ejected,
        "5 consecutive 5xx",
    ));
    row
}

fn totals() -> Totals {
    let listener = Listener {
        accepted: 9,
        open: 4,
    };
    Totals {
        listeners: [("inbound", listener), ("outbound", listener)].into(),
        handshakes: Handshakes {
            accepted: 5,
            accept_failed: 1,
            connected: 3,
            connect_failed: 0,
        },
        events: [
            ((EventKind::ProxyStarted, String::new()), 1),
            ((EventKind::Ejected, "shop/web-canary:80".to_owned()), 2),
        ]
        .into(),
        dropped: [("spans", 1)].into(),
        exported: [("spans", 7)].into(),
    }
}

fn process() -> Process {
    Process {
        version: "0.1.0".to_owned(),
        role: "sidecar".to_owned(),
        started: Wall(1_767_225_600_000_000_000),
        certificates: vec![Certificate {
            identity: "spiffe://cluster.local/ns/shop/sa/front".to_owned(),
            expires: Wall(1_767_312_000_000_000_000),
        }],
        usage: Some(Usage {
            cpu: Duration::from_millis(1250),
            resident_bytes: 9 << 20,
            virtual_bytes: 64 << 20,
            open_files: 17,
            open_files_max: Some(1024),
        }),
    }
}
