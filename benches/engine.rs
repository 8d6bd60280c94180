//! Nanoseconds and allocations per decision of the engine: `cargo bench --profile dist --bench
//! engine`.
//!
//! Each row is the median of several runs of a loop; the loop's own cost (choosing a request, a few
//! nanoseconds) is in it. Allocations are those of one run, counted by the allocator. The last
//! figures stand in `docs/performance.md`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(unsafe_code, reason = "an allocator that counts has to be one")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant as Stopwatch;

use engine::adaptive::Gradient;
use engine::admission::Admission;
use engine::balance::{Candidates, Loads, Picker, Query, Slot};
use engine::breaker::{Ended, EndpointBreaker, Rolling, Told};
use engine::classify::{Assessment, Outcome};
use engine::entropy::Entropy;
use engine::ewma::PeakEwma;
use engine::head::{RequestHead, ResponseHead};
use engine::identity::Identity;
use engine::limit::InUse;
use engine::live::{Clusters, LiveCluster};
use engine::origin::Origin;
use engine::outlier::HostRecord;
use engine::ratelimit::{Asking, Limiter};
use engine::report::Histogram;
use engine::retry::Budget;
use engine::route;
use engine::session::{End, Next, Opened, Session};
use engine::snapshot::ratelimit::{self, Limit, Per};
use engine::snapshot::route::{Match, PathMatch};
use engine::snapshot::{
    AdaptiveConcurrency, AdmissionControl, BackendRef, BackendTarget, Balancer, Breaker, Cluster,
    ClusterKey, ClusterProtocol, ConsistentHash, Endpoint, EndpointHealth, EndpointSet,
    FailureAccrual, Frontend, Locality, ObjectName, Outbound, Outlier, PortProtocol, RetryBudget,
    RollingWindow, RouteKind, RouteTable, Rule, Timeouts, UnifiedBreaker,
};
use engine::time::{Duration, Instant};
use engine::trace::Trail;
use http::{Method, StatusCode};

/// Runs per row; the median is printed.
const RUNS: usize = 7;

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as of the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as of the caller.
        unsafe { System.dealloc(at, layout) }
    }
}

fn main() {
    println!("{:<62} {:>8} {:>12}", "decision", "ns", "allocations");
    for rules in [1, 100, 1000] {
        route_match(rules);
    }
    route_match_hosts(1000, 10);
    for (name, balancer) in balancers() {
        for endpoints in [3, 100, 10_000] {
            draw(name, endpoints, &balancer);
        }
    }
    rebuild(1000);
    for endpoints in [3, 100, 10_000] {
        pick("P2C peak EWMA", endpoints, |_| {});
    }
    pick("round robin", 100, |c| c.balancer = Balancer::RoundRobin);
    pick("P2C with breaker and outlier detection", 100, all);
    session();
    updates();
    overload();
    limiter();
    histogram();
    memory();
}

fn balancers() -> [(&'static str, Balancer); 6] {
    let hash = ConsistentHash {
        on: Vec::new(),
        balance_factor: None,
        by_name: false,
    };
    [
        ("P2C peak EWMA", Balancer::default_for(false)),
        (
            "least request",
            Balancer::LeastRequest {
                choice_count: 2,
                active_request_bias: 1.0,
                full_scan: false,
            },
        ),
        ("round robin", Balancer::RoundRobin),
        ("random", Balancer::Random),
        (
            "ring hash",
            Balancer::RingHash {
                minimum_size: 1024,
                maximum_size: 8_388_608,
                hash: hash.clone(),
            },
        ),
        (
            "Maglev",
            Balancer::Maglev {
                table_size: 65_537,
                hash,
            },
        ),
    ]
}

fn all(c: &mut Cluster) {
    c.breaker = Some(UnifiedBreaker::default().into());
    c.outlier = Some(Outlier::default());
}

/// Prints the median time of one of `n` iterations of `f`, and its allocations.
fn row(name: &str, n: u32, mut f: impl FnMut(u32)) {
    let mut allocations = 0;
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            let started = Stopwatch::now();
            (0..n).for_each(&mut f);
            let took = started.elapsed().as_nanos() as f64 / f64::from(n);
            allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
            took
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let allocations = allocations as f64 / f64::from(n);
    println!("{name:<62} {:>8.1} {allocations:>12.2}", times[RUNS / 2]);
}

fn key() -> ClusterKey {
    ClusterKey {
        service: ObjectName::new("shop", "web"),
        port: 80,
    }
}

/// One proxy that uses one cluster of `n` endpoints.
fn clusters(n: u32, change: impl FnOnce(&mut Cluster)) -> (Clusters, Arc<LiveCluster>) {
    let clusters = idle(n, change);
    let live = clusters.get(&key(), Instant::ZERO).unwrap();
    (clusters, live)
}

/// One proxy that knows a cluster and does not use it yet.
fn idle(n: u32, change: impl FnOnce(&mut Cluster)) -> Clusters {
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
    clusters
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
        limits: Vec::new(),
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

/// Many hosts, each with some paths, in one table.
fn route_match_hosts(hosts: usize, rules: usize) {
    let mut all = Vec::new();
    for host in 0..hosts {
        for i in 0..rules {
            let mut rule = rule(
                host * rules + i,
                PathMatch::Prefix(format!("/api/{i}").into()),
            );
            rule.matches[0].hosts = vec![format!("shop-{host}.example").into()];
            all.push(rule);
        }
    }
    let table = RouteTable::new(RouteKind::Http, all);
    let heads: Vec<RequestHead> = (0..64)
        .map(|i| {
            let host = format!("shop-{}.example", (i * 37) % hosts);
            let path = format!("/api/{}/x", (i * 7) % rules);
            RequestHead::new(
                Method::GET,
                Some(host.parse().unwrap()),
                path.parse().unwrap(),
            )
        })
        .collect();
    row(
        &format!("route match, {hosts} hosts of {rules} rules"),
        200_000,
        |i| {
            let head = &heads[i as usize % heads.len()];
            black_box(route::find(&table, head, &mut Trail::off()));
        },
    );
}

/// Loads as an algorithm asks for them, and nothing else.
struct Plain {
    hosts: Vec<(PeakEwma, u32)>,
    now: Instant,
}

impl Loads for Plain {
    fn active(&self, slot: Slot) -> u32 {
        self.hosts[slot as usize].1
    }

    fn total_active(&self) -> u64 {
        1
    }

    fn cost(&mut self, slot: Slot) -> f64 {
        let (cost, _) = &mut self.hosts[slot as usize];
        cost.read(self.now, Duration::from_secs(10))
    }
}

fn candidates(n: u32) -> Candidates {
    let key = |i: u32| format!("10.{}.{}.{}:8080", i >> 16, (i >> 8) & 255, i & 255);
    Candidates::new((0..n).map(|i| (i, 1))).with_keys((0..n).map(key))
}

/// The algorithm alone.
fn draw(name: &str, endpoints: u32, balancer: &Balancer) {
    let candidates = candidates(endpoints);
    let cost = PeakEwma::seeded(Duration::from_millis(30), Instant::ZERO);
    let mut loads = Plain {
        hosts: vec![(cost, 1); endpoints as usize],
        now: Instant::ZERO,
    };
    let mut picker = Picker::new(balancer);
    let mut rng = Entropy::from_seed(1);
    let mut keys = Entropy::from_seed(2);
    // Rings and tables are made at the first pick.
    picker.pick(&candidates, &mut loads, Query::default(), &mut rng);
    row(
        &format!("pick, {name}, {endpoints} endpoints"),
        200_000,
        |i| {
            loads.now = Instant::ZERO + Duration::from_micros(u64::from(i) * 10);
            let query = Query {
                hash: Some(keys.u64()),
                attempt: 0,
            };
            black_box(picker.pick(&candidates, &mut loads, query, &mut rng));
        },
    );
}

/// A ring and a table made anew, as at the first request after an endpoint came or went.
fn rebuild(endpoints: u32) {
    for (name, balancer) in &balancers()[4..] {
        let candidates = candidates(endpoints);
        let mut loads = Plain {
            hosts: Vec::new(),
            now: Instant::ZERO,
        };
        let mut rng = Entropy::from_seed(1);
        row(
            &format!("rebuild, {name}, {endpoints} endpoints"),
            20,
            |_| {
                let mut picker = Picker::new(balancer);
                black_box(picker.pick(&candidates, &mut loads, Query::default(), &mut rng));
            },
        );
    }
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

/// What live state takes, above the configuration that it refers to.
fn memory() {
    let took = |endpoints: u32, change: fn(&mut Cluster)| {
        let clusters = idle(endpoints, change);
        let before = BYTES.load(Ordering::Relaxed);
        let live = clusters.get(&key(), Instant::ZERO);
        let took = BYTES.load(Ordering::Relaxed) - before;
        drop(live);
        took as f64
    };
    let row = |name: &str, change: fn(&mut Cluster)| {
        let (one, many) = (took(0, change), took(1024, change));
        let each = (many - one) / 1024.0;
        println!("live state, {name}: {one:.0} bytes, and {each:.0} per endpoint");
    };
    row("P2C", |_| {});
    row("breaker and outlier detection", all);
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

/// One response taken in by each part alone.
fn updates() {
    let at = |i: u32| Instant::ZERO + Duration::from_micros(u64::from(i) * 10);
    let mut rng = Entropy::from_seed(1);
    let ended = |status| Ended {
        class: Assessment::of(Outcome::Http(status)).class,
        hint: None,
        probe: None,
    };
    let good = ended(StatusCode::OK);
    for (name, policy) in [
        ("unified", Breaker::from(UnifiedBreaker::default())),
        (
            "failure accrual",
            Breaker::FailureAccrual(FailureAccrual::default()),
        ),
    ] {
        let mut breaker = EndpointBreaker::new(&policy, Instant::ZERO).unwrap();
        row(&format!("breaker update, {name}"), 1_000_000, |i| {
            black_box(breaker.record(&policy, good, true, at(i), &mut rng));
        });
    }
    let policy = RollingWindow::default();
    let mut rolling = Rolling::new(&policy, Instant::ZERO);
    row("breaker update, rolling window", 1_000_000, |i| {
        black_box(rolling.enter(&policy, at(i)));
        black_box(rolling.record(&policy, Told::Success, None, at(i)));
    });
    let policy = Outlier::default();
    let mut record = HostRecord::default();
    row("outlier detection update", 1_000_000, |_| {
        black_box(record.count(&policy, good.class));
    });
    let policy = RetryBudget::Rate {
        percent: 20,
        interval: Duration::from_secs(10),
        min_per_second: 10,
    };
    let mut budget = Budget::new(policy, Instant::ZERO);
    row("retry budget: a deposit and a withdrawal", 1_000_000, |i| {
        budget.deposit(at(i));
        black_box(budget.withdraw(InUse::default(), at(i)));
    });
}

/// One request through each guard against overload.
fn overload() {
    let at = |i: u32| Instant::ZERO + Duration::from_micros(u64::from(i) * 10);
    let mut rng = Entropy::from_seed(1);
    let policy = AdaptiveConcurrency::default();
    let mut gradient = Gradient::new(&policy, Instant::ZERO);
    row("adaptive concurrency: in and out", 1_000_000, |i| {
        let sent = at(i);
        gradient.advance(&policy, sent);
        black_box(gradient.admit());
        gradient.end(&policy, sent, sent + Duration::from_micros(5), &mut rng);
    });
    let policy = AdmissionControl::with_defaults(Origin::default_of("bench"));
    let mut admission = Admission::new(&policy, Instant::ZERO);
    row("admission control: in and out", 1_000_000, |i| {
        black_box(admission.admit(&policy, at(i), &mut rng));
        admission.record(true, at(i));
    });
}

/// A local limit for each caller.
fn limiter() {
    let limit = Limit {
        requests: 1_000_000,
        per: Duration::from_secs(1),
        burst: 1_000_000,
    };
    let rule = ratelimit::Rule {
        matches: Vec::new(),
        limit,
        per: Per::Identity,
        overrides: Vec::new(),
        origin: Origin::default_of("bench"),
    };
    let policies = [Arc::new(ratelimit::Policy {
        name: ObjectName::new("shop", "web"),
        version: 1,
        rules: vec![rule],
        global: None,
        shadow: false,
        headers: false,
    })];
    let peers: Vec<Identity> = (0..100)
        .map(|i| {
            format!("spiffe://cluster.local/ns/shop/sa/caller-{i}")
                .parse()
                .unwrap()
        })
        .collect();
    let head = head("/api");
    let mut limiter = Limiter::default();
    row("rate limit, 100 callers with one each", 200_000, |i| {
        let asking = Asking {
            peer: Some(&peers[i as usize % peers.len()]),
            head: Some(&head),
        };
        let now = Instant::ZERO + Duration::from_micros(u64::from(i) * 10);
        black_box(limiter.check(policies.iter(), asking, now, &mut Trail::off()));
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
