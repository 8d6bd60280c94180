//! What a new configuration keeps.

use super::*;
use crate::report::EndpointStatus;
use crate::snapshot::{Cluster, Endpoint, Outlier, UnifiedBreaker};

/// Two endpoints; the first one is open, ejected, and slow.
fn sick(now: Instant) -> (Clusters, Arc<LiveCluster>) {
    let (proxy, live) = clusters(2, both);
    for _ in 0..200 {
        let mut started = live.start(&[], 0, None, now).unwrap();
        if index(&started) == 0 {
            started.ticket.head(Some(&status(500)), now + ms(400));
            started.ticket.end(&status(500), now + ms(400));
            return (proxy, live);
        }
    }
    panic!("never picked");
}

fn both(c: &mut Cluster) {
    c.breaker = Some(
        UnifiedBreaker {
            max_failures: 1,
            ..UnifiedBreaker::default()
        }
        .into(),
    );
    let mut outlier = Outlier::default();
    outlier.consecutive_5xx.threshold = 1;
    c.outlier = Some(outlier);
}

/// Status and whether the slow answer is still known, of the first endpoint.
fn first(live: &LiveCluster, now: Instant) -> (EndpointStatus, bool) {
    let status = live.endpoint_states(now)[0].1.status;
    (status, live.endpoint_loads(now)[0].cost > ms(200))
}

#[track_caller]
fn check(change: impl FnOnce(&mut Cluster, &mut Vec<Endpoint>), expected: (EndpointStatus, bool)) {
    let (proxy, live) = sick(at(0));
    assert_eq!(first(&live, at(400)), (EndpointStatus::Ejected, true));
    let mut endpoints = vec![endpoint(0), endpoint(1)];
    let mut cluster = policy(both);
    change(&mut cluster, &mut endpoints);
    proxy.apply(&outbound(cluster, endpoints), at(500));
    assert_eq!(first(&live, at(500)), expected);
}

#[test]
fn state_is_kept_while_policy_and_endpoint_are_the_same() {
    check(|_, _| (), (EndpointStatus::Ejected, true));
    check(|_, e| e.push(endpoint(2)), (EndpointStatus::Ejected, true));
    check(|_, e| e[0].weight = 7, (EndpointStatus::Ejected, true));
    check(
        |c, _| c.limits.requests = 9,
        (EndpointStatus::Ejected, true),
    );
}

#[test]
fn only_the_part_whose_policy_changed_begins_anew() {
    check(|c, _| c.outlier = None, (EndpointStatus::Open, true));
    check(|c, _| c.breaker = None, (EndpointStatus::Ejected, true));
    let neither = |c: &mut Cluster, _: &mut Vec<Endpoint>| {
        c.outlier = None;
        c.breaker = None;
    };
    check(neither, (EndpointStatus::Closed, true));
}

#[test]
fn another_pod_at_the_same_address_is_another_endpoint() {
    let renamed = |_: &mut Cluster, e: &mut Vec<Endpoint>| {
        e[0].name = crate::snapshot::ObjectName::new("shop", "web-new");
    };
    check(renamed, (EndpointStatus::Closed, false));
}

#[test]
fn an_endpoint_that_left_and_came_back_begins_anew() {
    let (proxy, live) = sick(at(0));
    proxy.apply(&outbound(policy(both), vec![endpoint(1)]), at(500));
    let again = vec![endpoint(0), endpoint(1)];
    proxy.apply(&outbound(policy(both), again), at(600));
    assert_eq!(first(&live, at(600)), (EndpointStatus::Closed, false));
}

#[test]
fn a_change_of_the_algorithm_holds_from_the_next_request() {
    let (proxy, live) = clusters(2, |_| ());
    let under_way = live.start(&[], 0, None, at(0)).unwrap();
    let changed = policy(|c| c.balancer = crate::snapshot::Balancer::RoundRobin);
    proxy.apply(&outbound(changed, vec![endpoint(0), endpoint(1)]), at(1));
    let picks: Vec<_> = (0..4)
        .map(|_| index(&live.start(&[], 0, None, at(1)).unwrap()))
        .collect();
    assert_eq!((picks[0], picks[1]), (picks[2], picks[3]));
    assert_ne!(picks[0], picks[1]);
    under_way.ticket.end(&status(200), at(2));
    assert_eq!(live.in_use(), InUse::default());
}
