//! A hand-built run, for the tests of those who judge and show runs.
//!
//! Ten seconds, one load of 10 requests/s, two services; from 4 s to 6 s one of the endpoints fails
//! and is ejected.

use core::time::Duration;
use std::sync::Arc;

use engine::failure::Flag;
use engine::report::{
    BackendKey, BackendRow, EdgeKey, Ended, EndpointKey, EndpointRow, EndpointState,
    EndpointStatus, Event, EventKind, RouteKey, RouteRow, Security, ServiceKey, Side,
};
use engine::snapshot::{ClusterKey, ObjectName};
use engine::time::Instant;

use super::*;

/// Ten requests of one slice; `failed` of them end badly, the others after `ms`.
fn ten(ms: u64, failed: u64) -> Counters {
    let mut counters = Counters::default();
    for i in 0..10 {
        counters.start();
        if i < failed {
            counters.end(Ended::Failure, Duration::from_millis(1));
            counters.status[4] += 1;
            counters.flags.add(Flag::UpstreamReset);
        } else {
            counters.end(Ended::Success, Duration::from_millis(ms));
            counters.status[1] += 1;
        }
    }
    counters
}

fn cluster(name: &str) -> ClusterKey {
    ClusterKey {
        service: ObjectName::new("shop", name),
        port: 80,
    }
}

/// The frame of slice `i`.
fn frame(i: u64, failed: u64, pod: &str) -> Frame {
    let mut frame = Frame::empty("mesh");
    frame.at = Instant::ZERO + Duration::from_secs(i + 1);
    frame.window = Some(Duration::from_secs(1));
    frame.proxies = 3;
    let service = cluster("web");
    let counters = ten(20, failed);
    frame.services.0.insert(
        ServiceKey {
            service: service.clone(),
        },
        counters.clone(),
    );
    let route: Arc<str> = "web[0]".into();
    let row = RouteRow {
        origin: "HTTPRoute shop/web rules[0] (shop.yaml:12)".into(),
        counters: Counters {
            retries: failed,
            ..counters.clone()
        },
    };
    let key = RouteKey {
        service: service.clone(),
        route: route.clone(),
    };
    frame.routes.0.insert(key, row);
    for (name, weight) in [("web-v1", 9), ("web-v2", 1)] {
        let mut counters = Counters::default();
        for _ in 0..weight {
            counters.start();
            counters.end(Ended::Success, Duration::from_millis(20));
        }
        let key = BackendKey {
            service: service.clone(),
            route: route.clone(),
            backend: cluster(name),
        };
        let row = BackendRow {
            weight,
            counters,
            ..BackendRow::default()
        };
        frame.backends.0.insert(key, row);
    }
    for (n, name) in [pod, "web-v1-1"].into_iter().enumerate() {
        let mut row = EndpointRow::default();
        let bad = failed > 0 && n == 0;
        let state = if bad {
            let state = EndpointState::new(EndpointStatus::Ejected, "5 consecutive 5xx");
            state.since(Instant::ZERO + Duration::from_millis(4_200))
        } else {
            EndpointState::default()
        };
        row.set_state(state);
        row.connections.open = 2;
        row.counters = ten(20, 0);
        let key = EndpointKey {
            backend: cluster("web-v1"),
            endpoint: ObjectName::new("shop", name),
            address: ([10, 0, 0, n as u8 + 1], 8080).into(),
        };
        frame.endpoints.0.insert(key, row);
    }
    let edge = EdgeKey {
        from: "shop/Deployment/front".into(),
        to: "shop/web:80".into(),
        side: Side::Client,
        tls: Security::Mutual,
    };
    frame.edges.0.insert(edge, counters);
    frame.events = events(i, pod);
    frame
}

fn events(i: u64, pod: &str) -> Vec<Event> {
    let (at, kind) = match i {
        4 => (4_200, EventKind::Ejected),
        6 => (6_200, EventKind::Unejected),
        _ => return Vec::new(),
    };
    let subject = format!("shop/web-v1:80 shop/{pod}");
    let at = Instant::ZERO + Duration::from_millis(at);
    vec![Event::new(at, "shop/front-0", kind, subject).because("5 consecutive 5xx")]
}

/// The run, with names that a test may choose.
pub(crate) fn run_named(load: &str, pod: &str) -> Observations {
    let seconds = Duration::from_secs;
    let failed = |i| if (4..6).contains(&i) { 4 } else { 0 };
    Observations {
        seed: 1,
        ended_at: seconds(10),
        instants: (0..=10).map(seconds).collect(),
        frames: (0..10).map(|i| frame(i, failed(i), pod)).collect(),
        loads: vec![LoadSeries {
            name: load.into(),
            slices: (0..10).map(|i| ten(20 + i, failed(i))).collect(),
        }],
        happenings: vec![Happening {
            at_ns: 4_000_000_000,
            until_ns: Some(6_000_000_000),
            kind: HappeningKind::Fault,
            title: format!("error shop/Deployment/{pod}"),
            event: 0,
        }],
        workloads: vec![WorkloadSeen {
            workload: "shop/Deployment/web-v1".into(),
            pods: vec![format!("shop/{pod}"), "shop/web-v1-1".into()],
            meshed: 2,
        }],
        inputs: vec![
            Input {
                subject: "app shop/Deployment/web-v1".into(),
                field: "serviceTime".into(),
                value: "5ms".into(),
                source: Source::Assumed,
                why: "no measurement; a usual value".into(),
            },
            Input {
                subject: format!("load {load}"),
                field: "rate".into(),
                value: "10/s".into(),
                source: Source::Given,
                why: "scenario.yaml:9".into(),
            },
        ],
        not_modelled: vec![NotModelled {
            what: "CPU contention".into(),
            means: "latencies under overload are too good".into(),
        }],
        trace_hash: 0x1234_5678_9abc_def0,
        ..Observations::default()
    }
}

pub(crate) fn run() -> Observations {
    run_named("browse", "web-v1-0")
}
