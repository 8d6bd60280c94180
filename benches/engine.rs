//! Nanoseconds per decision of the engine: `cargo bench --profile dist --bench engine`.
//!
//! Each row is the median of several runs of a loop; the loop's own cost (choosing a request, a few
//! nanoseconds) is in it. The last figures stand in `docs/performance.md`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use engine::classify::{Assessment, Outcome};
use engine::entropy::Entropy;
use engine::head::{RequestHead, ResponseHead};
use engine::live::{Clusters, LiveCluster};
use engine::origin::Origin;
use engine::report::Histogram;
use engine::route;
use engine::session::{End, Next, Opened, Session};
use engine::snapshot::route::{Match, PathMatch};
use engine::snapshot::{
    BackendRef, BackendTarget, Balancer, Cluster, ClusterKey, ClusterProtocol, Endpoint,
    EndpointHealth, EndpointSet, Frontend, Locality, ObjectName, Outbound, Outlier, PortProtocol,
    RouteKind, RouteTable, Rule, Timeouts, UnifiedBreaker,
};
use engine::time::{Duration, Instant};
use engine::trace::Trail;
use http::{Method, StatusCode};

/// Runs per row; the median is printed.
const RUNS: usize = 7;

fn main() {
    println!("{:<58} {:>10}", "decision", "ns");
    for rules in [1, 100, 1000] {
        route_match(rules);
    }
    for endpoints in [3, 100, 10_000] {
        pick("P2C peak EWMA", endpoints, |_| {});
    }
    pick("least request", 100, |c| {
        c.balancer = Balancer::LeastRequest {
            choice_count: 2,
            active_request_bias: 1.0,
            full_scan: false,
        };
    });
    pick("round robin", 100, |c| c.balancer = Balancer::RoundRobin);
    pick("P2C with breaker and outlier detection", 100, |c| {
        c.breaker = Some(UnifiedBreaker::default().into());
        c.outlier = Some(Outlier::default());
    });
    session();
    histogram();
}

/// Prints the median time of one of `n` iterations of `f`.
fn row(name: &str, n: u32, mut f: impl FnMut(u32)) {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let started = Stopwatch::now();
            (0..n).for_each(&mut f);
            started.elapsed().as_nanos() as f64 / f64::from(n)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<58} {:>10.1}", times[RUNS / 2]);
}

fn key() -> ClusterKey {
    ClusterKey {
        service: ObjectName::new("shop", "web"),
        port: 80,
    }
}

/// One proxy that uses one cluster of `n` endpoints.
fn clusters(n: u32, change: impl FnOnce(&mut Cluster)) -> (Clusters, Arc<LiveCluster>) {
    let origin = Origin::default_of("bench");
    let mut cluster = Cluster::with_defaults(key(), ClusterProtocol::Same, origin);
    change(&mut cluster);
    let endpoint = |i: u32| {
        Arc::new(Endpoint {
            address: SocketAddr::from(([10, (i >> 16) as u8, (i >> 8) as u8, i as u8], 8080)),
            name: ObjectName::new("shop", format!("web-{i}").as_str()),
            weight: 1,
            health: EndpointHealth::Healthy,
            locality: Locality::default(),
            identity: None,
        })
    };
    let set = EndpointSet {
        key: key(),
        version: 0,
        endpoints: (0..n).map(endpoint).collect(),
    };
    let outbound = Outbound {
        clusters: Arc::new(BTreeMap::from([(key(), Arc::new(cluster))])),
        endpoints: Arc::new(BTreeMap::from([(key(), Arc::new(set))])),
        ..Outbound::default()
    };
    let clusters = Clusters::new(7);
    clusters.apply(&Arc::new(outbound), Instant::ZERO);
    let live = clusters.get(&key(), Instant::ZERO).unwrap();
    (clusters, live)
}

fn rule(i: usize, path: PathMatch) -> Rule {
    Rule {
        name: format!("rule-{i}").into(),
        matches: vec![Match {
            path: Some(path),
            ..Match::default()
        }],
        filters: Vec::new(),
        backends: vec![BackendRef {
            weight: 1,
            target: BackendTarget::Cluster(key()),
            filters: Vec::new(),
            origin: Origin::default_of("bench"),
        }],
        timeouts: Timeouts::default(),
        retry: None,
        fault: None,
        admission: None,
        failures: Default::default(),
        origin: Origin::default_of("bench"),
    }
}

fn head(path: &str) -> RequestHead {
    RequestHead::new(
        Method::GET,
        Some("web.shop".parse().unwrap()),
        path.parse().unwrap(),
    )
}

fn route_match(rules: usize) {
    let exact = (0..rules).map(|i| rule(i, PathMatch::Exact(format!("/api/v1/item/{i}").into())));
    let mut all: Vec<Rule> = exact.collect();
    all.push(rule(rules, PathMatch::Prefix("/".into())));
    let table = RouteTable::new(RouteKind::Http, all);
    let heads: Vec<RequestHead> = (0..64)
        .map(|i| head(&format!("/api/v1/item/{}", (i * 37) % (rules * 2))))
        .collect();
    row(
        &format!("route match, {rules} exact paths and one prefix"),
        200_000,
        |i| {
            let head = &heads[i as usize % heads.len()];
            black_box(route::find(&table, head, &mut Trail::off()));
        },
    );
}

fn pick(name: &str, endpoints: u32, change: impl FnOnce(&mut Cluster)) {
    let (_clusters, live) = clusters(endpoints, change);
    let ok = Assessment::of(Outcome::Http(StatusCode::OK));
    row(
        &format!("pick and account, {name}, {endpoints} endpoints"),
        200_000,
        |i| {
            let now = Instant::ZERO + Duration::from_micros(u64::from(i) * 10);
            let started = live.start(&[], 1, None, now).unwrap();
            started.ticket.end(&ok, now + Duration::from_micros(500));
        },
    );
}

fn session() {
    let (clusters, _live) = clusters(100, |c| c.breaker = Some(UnifiedBreaker::default().into()));
    let rules = vec![rule(0, PathMatch::Prefix("/".into()))];
    let frontend = Frontend {
        service: ObjectName::new("shop", "web"),
        port: 80,
        protocol: PortProtocol::Http1,
        routes: Arc::new(RouteTable::new(RouteKind::Http, rules)),
        origin: Origin::default_of("bench"),
    };
    let mut rng = Entropy::from_seed(1);
    let mut request = head("/api");
    let mut response = ResponseHead::new(StatusCode::OK);
    row("a whole request: open, attempt, head, end", 100_000, |i| {
        let now = Instant::ZERO + Duration::from_micros(u64::from(i) * 10);
        let mut off = Trail::off();
        let opened = Session::open(&frontend, &mut request, &clusters, now, &mut rng, &mut off);
        let Opened::Forward(mut session) = opened else {
            panic!("not forwarded")
        };
        let Next::Attempt(attempt) = session.next_attempt(now, &mut off) else {
            panic!("no attempt")
        };
        black_box(attempt);
        black_box(session.on_head(&mut response, false, now, &mut off));
        black_box(session.on_end(End::Complete(None), now));
    });
}

fn histogram() {
    let mut h = Histogram::default();
    row("histogram record", 1_000_000, |i| {
        h.record(Duration::from_micros(u64::from(i % 50_000)));
    });
    row("histogram p99", 10_000, |_| {
        black_box(h.quantile(0.99));
    });
}
