//! Ejection, breakers and panic as a cluster lives through them.

use super::*;
use crate::report::{EndpointStatus, EventKind};
use crate::snapshot::{Balancer, EndpointHealth, Outlier, UnifiedBreaker};

/// Requests that `code_of` answers, one every ten milliseconds from `from`: how often each endpoint
/// was picked.
fn traffic(live: &Arc<LiveCluster>, from: u64, n: u64, code_of: impl Fn(usize) -> u16) -> [u32; 8] {
    let mut picks = [0; 8];
    for k in 0..n {
        let now = at(from + 10 * k);
        let Ok(mut started) = live.start(&[], 0, None, now) else {
            continue;
        };
        let i = index(&started);
        picks[i] += 1;
        let answer = status(code_of(i));
        let then = now + ms(5);
        started
            .ticket
            .head(answer.class.is_failure().then_some(&answer), then);
        started.ticket.end(&answer, then);
    }
    picks
}

fn bad(i: usize) -> u16 {
    if i == 0 { 500 } else { 200 }
}

/// (milliseconds, kind, endpoint) of what happened.
fn events(live: &LiveCluster, now: Instant) -> Vec<(u64, EventKind, String)> {
    let events = live.drain_events(now).into_iter();
    events
        .map(|e| (e.at.as_nanos() / 1_000_000, e.kind, e.subject))
        .collect()
}

fn status_of(live: &LiveCluster, i: usize, now: Instant) -> EndpointStatus {
    live.endpoint_states(now)[i].1.status
}

#[test]
fn an_ejected_endpoint_gets_nothing_until_its_sweep_and_is_back_with_the_right_time() {
    let (proxy, live) = clusters(4, |c| {
        c.outlier = Some(Outlier::default());
        c.balancer = Balancer::RoundRobin;
    });
    traffic(&live, 1_000, 40, bad);
    let ejected = &events(&live, at(2_000))[0];
    assert_eq!(ejected.1, EventKind::Ejected);
    assert_eq!(ejected.2, "shop/web:80 shop/web-0");
    let state = &live.endpoint_states(at(2_000))[0].1;
    assert_eq!(state.status, EndpointStatus::Ejected);
    assert_eq!(
        (state.until, state.reason.as_str()),
        (Some(at(40_000)), "consecutive 5xx")
    );
    assert_eq!(traffic(&live, 30_000, 40, bad)[0], 0);
    // Nobody looks for an hour: the event still carries the time of the sweep.
    let all = proxy.drain_events("me", at(3_600_000));
    let times: Vec<_> = all
        .iter()
        .map(|e| (e.kind, e.at, e.source.as_str()))
        .collect();
    assert_eq!(times, [(EventKind::Unejected, at(40_000), "me")]);
    assert!(traffic(&live, 3_600_000, 40, |_| 200)[0] > 0);
}

#[test]
fn with_few_endpoints_a_small_share_ejects_nobody() {
    let (_, live) = clusters(3, |c| {
        c.outlier = Some(Outlier {
            max_ejection_percent: 10,
            ..Outlier::default()
        });
    });
    traffic(&live, 0, 100, |_| 500);
    assert_eq!(live.counts().ejections, 0);
    assert!(live.counts().ejections_overflown > 0);
    let kinds: Vec<_> = events(&live, at(1_000)).into_iter().map(|e| e.1).collect();
    assert!(kinds.iter().all(|k| *k == EventKind::EjectionWithheld));
}

#[test]
fn panic_brings_back_the_ejected() {
    let (_, live) = clusters(4, |c| {
        c.outlier = Some(Outlier {
            max_ejection_percent: 100,
            ..Outlier::default()
        });
        c.balancer = Balancer::RoundRobin;
    });
    traffic(&live, 0, 200, |i| if i < 3 { 500 } else { 200 });
    assert_eq!(live.counts().ejections, 3);
    assert!(live.in_panic(at(2_000)), "one of four is healthy");
    assert!(
        traffic(&live, 2_000, 40, |_| 200)
            .iter()
            .take(4)
            .all(|n| *n == 10)
    );
    let kinds: Vec<_> = events(&live, at(3_000)).into_iter().map(|e| e.1).collect();
    assert_eq!(
        kinds
            .iter()
            .filter(|k| **k == EventKind::PanicEntered)
            .count(),
        1
    );
}

fn one_failure() -> Option<UnifiedBreaker> {
    Some(UnifiedBreaker {
        max_failures: 1,
        jitter: 0.0,
        ..UnifiedBreaker::default()
    })
}

#[test]
fn panic_never_brings_back_what_a_breaker_holds_open() {
    let (_, live) = clusters(4, |c| {
        c.breaker = one_failure().map(Into::into);
        c.balancer = Balancer::RoundRobin;
    });
    traffic(&live, 0, 12, |i| if i < 3 { 500 } else { 200 });
    assert!(live.in_panic(at(200)));
    assert_eq!(traffic(&live, 200, 40, |_| 200)[..4], [0, 0, 0, 40]);
}

#[test]
fn a_breaker_opens_probes_once_and_closes() {
    let (_, live) = clusters(2, |c| {
        c.breaker = one_failure().map(Into::into);
        c.balancer = Balancer::RoundRobin;
    });
    while status_of(&live, 0, at(0)) == EndpointStatus::Closed {
        traffic(&live, 0, 1, bad);
    }
    let state = &live.endpoint_states(at(500))[0].1;
    assert_eq!(state.status, EndpointStatus::Open);
    assert_eq!((state.since, state.until), (Some(at(5)), Some(at(1_005))));
    assert_eq!(state.next_probe, Some(at(1_005)));
    assert_eq!(state.reason, "1 consecutive failures");
    let free = EndpointStatus::HalfOpen { taken: 0, slots: 1 };
    assert_eq!(status_of(&live, 0, at(1_005)), free);
    // Requests that do not end: only one of them is the probe.
    let all: Vec<_> = (0..100)
        .map(|_| live.start(&[], 0, None, at(1_010)).unwrap())
        .collect();
    assert_eq!(all.iter().filter(|s| index(s) == 0).count(), 1);
    let taken = EndpointStatus::HalfOpen { taken: 1, slots: 1 };
    assert_eq!(status_of(&live, 0, at(1_010)), taken);
    for started in all {
        started.ticket.end(&status(200), at(1_020));
    }
    assert_eq!(status_of(&live, 0, at(1_020)), EndpointStatus::Closed);
    let seen: Vec<_> = events(&live, at(1_020))
        .into_iter()
        .map(|e| (e.0, e.1))
        .collect();
    let expected = [
        (5, EventKind::BreakerOpened),
        (1_005, EventKind::BreakerHalfOpened),
        (1_020, EventKind::BreakerClosed),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_cap_keeps_breakers_closed_but_not_that_of_a_single_endpoint() {
    for (n, expected) in [(1, 1), (4, 2)] {
        let (_, live) = clusters(n, |c| {
            let capped = one_failure().map(|b| UnifiedBreaker {
                cap_percent: 50,
                ..b
            });
            c.breaker = capped.map(Into::into);
        });
        traffic(&live, 0, 60, |_| 500);
        let states = live.endpoint_states(at(600));
        let open = states
            .iter()
            .filter(|(_, s)| s.status == EndpointStatus::Open);
        assert_eq!(open.count(), expected, "of {n}");
    }
}

#[test]
fn an_endpoint_that_fails_fast_attracts_traffic_unless_failures_cost() {
    let share = |penalty: u64| {
        let (_, live) = clusters(4, |c| {
            c.balancer = Balancer::PeakEwma {
                decay: ms(10_000),
                default_rtt: ms(30),
                failure_penalty: ms(penalty),
            };
        });
        let mut bad_picks = 0;
        for k in 0..4_000 {
            let now = at(10 * k);
            let started = live.start(&[], 0, None, now).unwrap();
            let i = index(&started);
            bad_picks += u32::from(i == 0);
            // Good answers take 20 ms, and overlap; bad ones take one.
            let took = if i == 0 { ms(1) } else { ms(20) };
            started.ticket.end(&status(bad(i)), now + took);
        }
        bad_picks
    };
    let (with, without) = (share(5_000), share(0));
    assert!(without > 1_400, "more than its share of 1000: {without}");
    assert!(with < 100, "hardly any: {with}");
}

#[test]
fn degraded_unready_and_draining_endpoints() {
    let mut endpoints: Vec<_> = (0..4).map(endpoint).collect();
    endpoints[1].health = EndpointHealth::Degraded;
    endpoints[2].health = EndpointHealth::Unhealthy;
    endpoints[3].health = EndpointHealth::Draining;
    let proxy = Clusters::new(1);
    proxy.apply(&outbound(policy(|_| ()), endpoints), at(0));
    let live = proxy.get(&key(), at(0)).unwrap();
    let picks = traffic(&live, 0, 2_000, |_| 200);
    // 1 of 2 is healthy: 70 % of the capacity, 30 % spill over.
    assert!((518..=682).contains(&picks[1]), "4σ around 600: {picks:?}");
    assert_eq!((picks[2], picks[3]), (0, 0));
    assert_eq!(status_of(&live, 2, at(0)), EndpointStatus::Unhealthy);
    assert_eq!(status_of(&live, 3, at(0)), EndpointStatus::Draining);
}
