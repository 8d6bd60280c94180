//! Resource limits: what is refused when they are full.

use std::time::Duration;

use engine::limit::Full;
use engine::session::Connect;
use serde_json::json;

use super::ours::{Ours, backend_policy, service};
use super::peer::{Envoy, cluster, endpoints};
use super::upstream::Upstreams;
use super::wait_until;

const LIMIT: usize = 5;
const AT_ONCE: usize = 12;

#[test]
#[ignore = "needs envoy"]
fn requests_over_the_limit_are_refused_at_once() {
    let upstreams = Upstreams::start(2);
    for i in 0..2 {
        upstreams.set(i, 200, Duration::from_millis(700));
    }

    let more = json!({"circuit_breakers": {"thresholds": [{"max_requests": LIMIT}]}});
    let web = cluster("web", endpoints(upstreams.addresses()), more);
    let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "web"}});
    let envoy = Envoy::start("overflow", &[web], &[route]);
    let clients: Vec<_> = (0..AT_ONCE)
        .map(|i| {
            let mut client = envoy.client();
            let asked = std::thread::spawn(move || client.get("/", &[]).status);
            // One after the other, all while the first is in hand.
            let reached = || upstreams.requests() > i || asked.is_finished();
            wait_until("a request is under way or refused", reached);
            asked
        })
        .collect();
    let theirs: Vec<u16> = clients.into_iter().map(|c| c.join().unwrap()).collect();
    assert_eq!(
        envoy.stat("cluster.web.upstream_rq_active_overflow"),
        (AT_ONCE - LIMIT) as u64
    );

    let policy = backend_policy(&format!("  limits: {{maxParallelRequests: {LIMIT}}}\n"));
    let manifests = service("web", upstreams.addresses()) + &policy;
    let mut engine = Ours::new(&manifests, 1);
    let mut in_hand = Vec::new();
    let ours: Vec<u16> = (0..AT_ONCE)
        .map(|_| match engine.start("/", &[]) {
            Ok(hand) => {
                in_hand.push(hand);
                200
            }
            Err(status) => status,
        })
        .collect();
    assert_eq!(ours, theirs);

    // What ends makes room, for as many as ended.
    for hand in in_hand.drain(..2) {
        assert!(engine.answer(hand, 200).is_ok());
    }
    let after: Vec<_> = (0..3).map(|_| engine.start("/", &[])).collect();
    let accepted: Vec<bool> = after.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, false]);
}

/// Two connections, three who wait for one, and everybody else is refused.
#[test]
#[ignore = "needs envoy"]
fn connections_over_the_limit_are_waited_for() {
    const CONNECTIONS: usize = 2;
    const PENDING: usize = 3;
    let upstreams = Upstreams::start(1);
    upstreams.set(0, 200, Duration::from_millis(1500));

    let thresholds = json!([{"max_connections": CONNECTIONS, "max_pending_requests": PENDING}]);
    let more = json!({"circuit_breakers": {"thresholds": thresholds}});
    let web = cluster("web", endpoints(upstreams.addresses()), more);
    let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "web"}});
    let envoy = Envoy::start("connections", &[web], &[route]);
    let stat = |name: &str| envoy.stat(&format!("cluster.web.{name}")) as usize;
    let mut clients = Vec::new();
    for i in 0..AT_ONCE {
        let mut client = envoy.client();
        clients.push(std::thread::spawn(move || client.get("/", &[]).status));
        // One after the other, all while the first are in hand.
        wait_until("a request is under way, waits or is refused", || {
            stat("upstream_rq_active")
                + stat("upstream_rq_pending_active")
                + stat("upstream_rq_pending_overflow")
                > i
        });
    }
    let overflows = [
        stat("upstream_rq_pending_overflow"),
        stat("upstream_cx_overflow"),
    ];
    let theirs: Vec<u16> = clients.into_iter().map(|c| c.join().unwrap()).collect();

    let limits = format!("{{maxConnections: {CONNECTIONS}, maxPendingRequests: {PENDING}}}");
    let policy = backend_policy(&format!("  limits: {limits}\n"));
    let manifests = service("web", upstreams.addresses()) + &policy;
    let mut engine = Ours::new(&manifests, 1);
    let mut kept = Vec::new();
    let ours: Vec<u16> = (0..AT_ONCE)
        .map(|_| {
            let Ok(mut hand) = engine.start("/", &[]) else {
                panic!("requests have no limit here");
            };
            match engine.connect(&mut hand) {
                Connect::Fail(failure) => failure.status().as_u16(),
                allowed => {
                    kept.push((hand, allowed));
                    200
                }
            }
        })
        .collect();
    assert_eq!(ours, theirs);
    let counts = engine.cluster().counts();
    let ours = [Full::Pending, Full::Connections].map(|full| counts.overflows(full) as usize);
    assert_eq!(ours[0], overflows[0]);
    assert_eq!(ours[0], AT_ONCE - CONNECTIONS - PENDING);
    // Ours says how often the limit was met; Envoy's counts those alone who could wait.
    assert_eq!(ours[1] - ours[0], overflows[1]);
}
