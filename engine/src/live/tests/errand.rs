//! Active checks and reconnects as a proxy runs them.

use super::*;
use crate::check::Probed;
use crate::report::{EndpointStatus, EventKind};
use crate::snapshot::{ConnectFailFast, HealthCheck, Outlier};

fn checked(c: &mut crate::snapshot::Cluster) {
    c.health_check = Some(HealthCheck {
        unhealthy_threshold: 1,
        ..HealthCheck::default()
    });
}

/// Runs what is due until `until`; checks of endpoint 0 end as `first` says, others pass.
fn run(proxy: &Clusters, until: Instant, first: Probed) -> usize {
    let mut done = 0;
    while let Some(due) = proxy.next_errand().filter(|due| *due <= until) {
        for errand in proxy.errands(due) {
            let bad = errand.endpoint.address == address(0);
            errand.end(if bad { first } else { Probed::Passed }, due);
            done += 1;
        }
    }
    done
}

fn state(live: &LiveCluster, i: usize, now: Instant) -> EndpointStatus {
    live.endpoint_states(now)[i].1.status
}

fn kinds(live: &LiveCluster, now: Instant) -> Vec<EventKind> {
    live.drain_events(now).iter().map(|e| e.kind).collect()
}

#[test]
fn without_checks_there_are_no_errands() {
    let (proxy, _live) = clusters(3, |_| ());
    assert_eq!(proxy.next_errand(), None);
    assert!(proxy.errands(at(100_000)).is_empty());
}

#[test]
fn an_endpoint_that_fails_its_check_gets_nothing_until_it_passes() {
    let (proxy, live) = clusters(3, checked);
    run(&proxy, at(1_000), Probed::Failed);
    assert_eq!(state(&live, 0, at(1_000)), EndpointStatus::Unhealthy);
    for _ in 0..50 {
        assert_ne!(index(&live.start(&[], 0, None, at(1_000)).unwrap()), 0);
    }
    run(&proxy, at(12_000), Probed::Passed);
    assert_eq!(state(&live, 0, at(12_000)), EndpointStatus::Closed);
    let expected = [EventKind::HealthCheckFailed, EventKind::HealthCheckPassed];
    assert_eq!(kinds(&live, at(12_000)), expected);
}

#[test]
fn checks_that_pass_are_no_news_and_slow_down_without_traffic() {
    let (proxy, live) = clusters(3, checked);
    // Every ten seconds, and once a minute when nobody asked for a minute.
    let busy = run(&proxy, at(60_000), Probed::Passed);
    assert!((18..=21).contains(&busy), "{busy}");
    let idle = run(&proxy, at(600_000), Probed::Passed);
    assert!((27..=33).contains(&idle), "{idle}");
    assert_eq!(kinds(&live, at(600_000)), []);
}

#[test]
fn an_errand_that_is_dropped_is_due_again() {
    let (proxy, _live) = clusters(1, checked);
    let due = proxy.next_errand().unwrap();
    let errands = proxy.errands(due);
    assert_eq!(errands.len(), 1);
    assert_eq!(proxy.next_errand(), None, "it is under way");
    drop(errands);
    assert_eq!(proxy.next_errand(), Some(due + ms(10_000)));
}

#[test]
fn a_passed_check_ends_an_ejection_if_the_policy_says_so() {
    for (wanted, expected) in [
        (true, EndpointStatus::Closed),
        (false, EndpointStatus::Ejected),
    ] {
        let (proxy, live) = clusters(4, |c| {
            checked(c);
            let mut outlier = Outlier {
                uneject_on_check: wanted,
                ..Outlier::default()
            };
            outlier.consecutive_5xx.threshold = 1;
            c.outlier = Some(outlier);
        });
        while state(&live, 0, at(0)) != EndpointStatus::Ejected {
            let started = live.start(&[], 0, None, at(0)).unwrap();
            let code = if index(&started) == 0 { 500 } else { 200 };
            started.ticket.end(&status(code), at(0));
        }
        run(&proxy, at(1_000), Probed::Passed);
        assert_eq!(state(&live, 0, at(1_000)), expected);
    }
}

#[test]
fn an_endpoint_that_left_is_kept_while_it_passes_if_the_policy_wants_it() {
    for (ignore, kept) in [(true, false), (false, true)] {
        let change = |c: &mut crate::snapshot::Cluster| {
            checked(c);
            c.health_check.as_mut().unwrap().ignore_on_removal = ignore;
        };
        let (proxy, live) = clusters(2, change);
        run(&proxy, at(1_000), Probed::Passed);
        proxy.apply(&outbound(policy(change), vec![endpoint(1)]), at(1_000));
        assert_eq!(
            live.endpoint_states(at(1_000)).len(),
            if kept { 2 } else { 1 }
        );
        run(&proxy, at(30_000), Probed::Failed);
        assert_eq!(live.endpoint_states(at(30_000)).len(), 1);
    }
}

#[test]
fn a_connect_that_fails_takes_the_endpoint_out_until_a_reconnect_succeeds() {
    let (proxy, live) = clusters(2, |c| c.fail_fast = Some(ConnectFailFast::default()));
    assert_eq!(proxy.next_errand(), None);
    let fail = |now| loop {
        let started = live.start(&[], 0, None, now).unwrap();
        if index(&started) == 0 {
            break started.ticket.end(&broken(Broken::ConnectTimeout), now);
        }
    };
    fail(at(0));
    assert_eq!(state(&live, 0, at(0)), EndpointStatus::ConnectDead);
    for _ in 0..20 {
        assert_eq!(index(&live.start(&[], 0, None, at(10)).unwrap()), 1);
    }
    assert_eq!(proxy.next_errand(), Some(at(1_000)));
    run(&proxy, at(1_000), Probed::Failed);
    let next = proxy.next_errand().unwrap();
    assert!(next > at(1_000) && next <= at(3_000), "{next:?}");
    run(&proxy, next, Probed::Passed);
    assert_eq!(state(&live, 0, next), EndpointStatus::Closed);
    let expected = [EventKind::ConnectDead, EventKind::ConnectRestored];
    assert_eq!(kinds(&live, next), expected);
}

#[test]
fn requests_fail_at_once_when_nothing_can_be_connected_to_even_in_panic() {
    let (_proxy, live) = clusters(1, |c| c.fail_fast = Some(ConnectFailFast::default()));
    let started = live.start(&[], 0, None, at(0)).unwrap();
    started.ticket.end(&broken(Broken::Connect), at(0));
    assert!(live.in_panic(at(1)));
    assert!(matches!(
        live.start(&[], 0, None, at(1)).unwrap_err(),
        Unavailable::NoEndpoint { until, reason: NoEndpoint::ConnectDead, .. } if until == at(1)
    ));
}

#[test]
fn the_bell_rings_when_an_earlier_errand_comes_up() {
    let (proxy, live) = clusters(1, |c| c.fail_fast = Some(ConnectFailFast::default()));
    let mut changed = core::pin::pin!(proxy.errands_changed());
    let mut cx = core::task::Context::from_waker(core::task::Waker::noop());
    assert!(changed.as_mut().poll(&mut cx).is_pending());
    let started = live.start(&[], 0, None, at(0)).unwrap();
    started.ticket.end(&broken(Broken::Connect), at(0));
    assert!(changed.as_mut().poll(&mut cx).is_ready());
}
