//! The gates before a backend as its requests live through them.

use super::*;
use crate::report::{EndpointStatus, EventKind};
use crate::snapshot::{AdaptiveConcurrency, AdmissionControl, Breaker, RollingWindow, Rule};

fn rule(change: impl FnOnce(&mut Rule)) -> Rule {
    let table =
        crate::snapshot::RouteTable::to_service(key(), crate::origin::Origin::default_of("r"));
    let mut rule = Rule::clone(&table.rules()[0]);
    change(&mut rule);
    rule
}

fn rolling(c: &mut crate::snapshot::Cluster) {
    c.breaker = Some(Breaker::RollingWindow(RollingWindow {
        request_volume_threshold: 4,
        ..RollingWindow::default()
    }));
}

/// One attempt from `enter` to its end: whether it was let in.
fn attempt(live: &Arc<LiveCluster>, rule: &Rule, code: u16, now: Instant) -> bool {
    let entry = live.enter(Some(rule), now);
    let Ok(entry) = entry else { return false };
    if let Some(entry) = entry {
        entry.end(&status(code), now + ms(5));
    }
    true
}

#[test]
fn a_backend_without_gates_gives_no_entry() {
    let (_, live) = clusters(1, |_| ());
    assert!(live.enter(Some(&rule(|_| ())), at(0)).unwrap().is_none());
    assert_eq!(live.guards(at(0)), None);
}

#[test]
fn each_route_has_a_breaker_of_its_own() {
    let (_, live) = clusters(1, rolling);
    let (bad, good) = (rule(|_| ()), rule(|r| r.name = "other".into()));
    for _ in 0..4 {
        assert!(attempt(&live, &bad, 500, at(0)));
    }
    assert!(!attempt(&live, &bad, 200, at(600)));
    assert!(attempt(&live, &good, 200, at(600)));
    let guards = live.guards(at(600)).unwrap();
    let state = &guards.breakers["default"];
    assert_eq!(state.status, EndpointStatus::Open);
    assert_eq!(
        (state.since, state.next_probe),
        (Some(at(500)), Some(at(5_500)))
    );
    assert_eq!(state.reason, "4 of 4 requests failed in the window");
    assert_eq!(guards.breakers["other"].status, EndpointStatus::Closed);
    assert_eq!(live.counts().short_circuited, 1);
    // The probe.
    assert!(attempt(&live, &bad, 200, at(5_500)));
    let seen: Vec<_> = live
        .drain_events(at(6_000))
        .into_iter()
        .map(|e| (e.at.as_nanos() / 1_000_000, e.kind, e.subject))
        .collect();
    let subject = || "shop/web:80 route:default".to_owned();
    let expected = [
        (500, EventKind::BreakerOpened, subject()),
        (5_500, EventKind::BreakerHalfOpened, subject()),
        (5_505, EventKind::BreakerClosed, subject()),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_probe_whose_session_is_dropped_opens_the_breaker_again() {
    let (_, live) = clusters(1, rolling);
    let rule = rule(|_| ());
    for _ in 0..4 {
        attempt(&live, &rule, 500, at(0));
    }
    let probe = live.enter(Some(&rule), at(5_500)).unwrap();
    assert!(probe.is_some());
    assert!(live.enter(Some(&rule), at(5_501)).is_err());
    drop(probe);
    let state = live.guards(at(5_501)).unwrap().breakers["default"].clone();
    assert_eq!(state.status, EndpointStatus::Open);
}

#[test]
fn requests_that_a_limit_refuses_are_errors_of_the_route() {
    let (_, live) = clusters(1, rolling);
    let rule = rule(|_| ());
    for _ in 0..4 {
        live.enter(Some(&rule), at(0))
            .unwrap()
            .unwrap()
            .rejected(at(1));
    }
    assert!(!attempt(&live, &rule, 200, at(600)));
}

#[test]
fn the_adaptive_limit_holds_and_a_new_policy_begins_anew() {
    let (proxy, live) = clusters(1, |c| c.adaptive = Some(AdaptiveConcurrency::default()));
    let rule = rule(|_| ());
    let mut inside: Vec<_> = (0..3)
        .map(|_| live.enter(Some(&rule), at(0)).unwrap())
        .collect();
    let full = live.enter(Some(&rule), at(0)).unwrap_err();
    assert_eq!(full, Turned::Full(Full::Concurrency));
    assert_eq!(live.counts().overflows(Full::Concurrency), 1);
    inside.pop();
    assert!(live.enter(Some(&rule), at(1)).is_ok());
    let wider = policy(|c| {
        c.adaptive = Some(AdaptiveConcurrency {
            min_concurrency: 5,
            ..AdaptiveConcurrency::default()
        });
    });
    proxy.apply(&outbound(wider, vec![endpoint(0)]), at(2));
    assert_eq!(live.adaptive_limit(at(2)), Some(5));
    // Those of the old controller end without being counted twice.
    let five: Vec<_> = (0..5).map(|_| live.enter(Some(&rule), at(3))).collect();
    drop(inside);
    assert!(five.iter().all(Result::is_ok));
    assert!(live.enter(Some(&rule), at(4)).is_err());
}

#[test]
fn admission_control_sheds_what_fails_and_says_so_once_a_second() {
    let (_, live) = clusters(1, |_| ());
    let origin = crate::origin::Origin::default_of("admission");
    let rule = rule(|r| r.admission = Some(AdmissionControl::with_defaults(origin)));
    let admitted = (0..1_000)
        .filter(|k| attempt(&live, &rule, 500, at(*k)))
        .count();
    assert!(
        (150..350).contains(&admitted),
        "a fifth at least: {admitted}"
    );
    assert_eq!(live.counts().shed, 1_000 - admitted as u64);
    let events = live.drain_events(at(1_000));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, EventKind::Overflow);
    assert!(events[0].detail.contains("(DO)"), "{}", events[0].detail);
}
