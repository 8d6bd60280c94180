use super::fixture::*;
use super::*;
use crate::classify::{Assessment, Broken, Outcome};
use crate::limit::{Full, InUse};

#[test]
fn an_attempt_is_counted_while_it_lasts_and_once() {
    let (_, live) = clusters(2, |_| ());
    let mut a = live.start(&[], 0, None, at(0)).unwrap();
    let b = live.start(&[], 0, None, at(0)).unwrap();
    assert_eq!(live.in_use().requests, 2);
    a.ticket.head(Some(&status(200)), at(10));
    assert_eq!(live.in_use().requests, 2, "until the end of the stream");
    a.ticket.end(&status(200), at(20));
    drop(b);
    assert_eq!(live.in_use(), InUse::default());
    assert!(live.endpoint_loads(at(20)).iter().all(|l| l.active == 0));
}

#[test]
fn what_is_known_of_an_endpoint_goes_into_its_row() {
    let (proxy, live) = clusters(1, |c| c.outlier = Some(Default::default()));
    let mut placed = endpoint(0);
    placed.locality.zone = "eu-1".into();
    placed.identity = "spiffe://cluster.local/ns/shop/sa/web".parse().ok();
    let mut policy = policy(|c| c.outlier = Some(Default::default()));
    policy.balancer = crate::snapshot::Balancer::PeakEwma {
        decay: ms(10_000),
        default_rtt: ms(30),
        failure_penalty: ms(0),
    };
    proxy.apply(&outbound(policy, vec![placed]), at(0));
    for _ in 0..3 {
        let started = live.start(&[], 0, None, at(1)).unwrap();
        started.ticket.end(&status(500), at(2));
    }
    let (_, facts) = proxy.endpoint_facts(at(2)).remove(0);
    let mut row = crate::report::EndpointRow::default();
    row.set_facts(facts);
    assert_eq!(row.failures_in_a_row, 3);
    assert_eq!(
        (&*row.zone, row.identity.ends_with("/sa/web")),
        ("eu-1", true)
    );
    assert!(row.estimate_us.is_some());
    let mut other = crate::report::EndpointRow::default();
    crate::report::Row::merge(&mut other, &row);
    assert_eq!((other.failures_in_a_row, &other.zone), (3, &row.zone));
}

#[test]
fn a_full_limit_of_requests_refuses_at_once() {
    let (_, live) = clusters(2, |c| c.limits.requests = 1);
    let first = live.start(&[], 0, None, at(0)).unwrap();
    let refused = live.start(&[], 0, None, at(0)).unwrap_err();
    assert_eq!(refused, Unavailable::Full(Full::Requests));
    assert_eq!(live.counts().overflows(Full::Requests), 1);
    first.ticket.end(&status(200), at(1));
    assert!(live.start(&[], 0, None, at(1)).is_ok());
}

#[test]
fn a_retry_avoids_the_host_it_tried_unless_it_draws_it_again() {
    let (_, live) = clusters(2, |_| ());
    let tried = [address(0)];
    let picks = |redraws: u32| -> usize {
        let started = |_| live.start(&tried, redraws, None, at(0)).unwrap();
        (0..400).map(started).filter(|s| index(s) == 0).count()
    };
    let (none, one) = (picks(0), picks(1));
    assert!((120..280).contains(&none), "about half: {none}");
    assert!((30..170).contains(&one), "about a quarter: {one}");
    assert_eq!(picks(50), 0);
}

#[test]
fn a_removed_endpoint_finishes_what_is_under_way_and_gets_nothing_new() {
    let (proxy, live) = clusters(2, |_| ());
    let both: Vec<_> = (0..8)
        .map(|_| live.start(&[], 0, None, at(0)).unwrap())
        .collect();
    proxy.apply(&outbound(policy(|_| ()), vec![endpoint(1)]), at(1));
    for _ in 0..20 {
        assert_eq!(index(&live.start(&[], 0, None, at(1)).unwrap()), 1);
    }
    for started in both {
        started.ticket.end(&broken(Broken::Reset), at(2));
    }
    assert_eq!(live.in_use(), InUse::default());
    assert_eq!(live.endpoint_states(at(2)).len(), 1);
}

#[test]
fn requests_on_a_cluster_that_is_gone_finish_and_find_nothing_more() {
    let (proxy, live) = clusters(2, |_| ());
    let started = live.start(&[], 0, None, at(0)).unwrap();
    proxy.apply(&Arc::new(Outbound::default()), at(1));
    assert!(proxy.get(&key(), at(1)).is_none());
    started.ticket.end(&status(200), at(2));
    let refused = live.start(&[], 0, None, at(2)).unwrap_err();
    assert!(matches!(
        refused,
        Unavailable::NoEndpoint { until, reason: NoEndpoint::Gone, .. } if until == at(2)
    ));
}

#[test]
fn without_an_endpoint_requests_wait_for_the_queue_timeout_and_then_fail_at_once() {
    let (proxy, live) = clusters(0, |_| ());
    let until = |now| match live.start(&[], 0, None, now).unwrap_err() {
        Unavailable::NoEndpoint { until, reason, .. } => {
            assert_eq!(reason, NoEndpoint::Empty);
            until
        }
        full @ Unavailable::Full(_) => panic!("{full:?}"),
    };
    assert_eq!(until(at(1_000)), at(4_000));
    assert_eq!(until(at(2_000)), at(4_000), "the first one's clock runs");
    assert_eq!(until(at(9_000)), at(4_000), "long over");
    proxy.apply(&outbound(policy(|_| ()), vec![endpoint(0)]), at(10_000));
    assert!(live.start(&[], 0, None, at(10_000)).is_ok());
    let kinds: Vec<_> = live
        .drain_events(at(10_000))
        .iter()
        .map(|e| e.kind)
        .collect();
    use crate::report::EventKind::{FailFastEntered, FailFastLeft};
    assert_eq!(kinds, [FailFastEntered, FailFastLeft]);
}

#[test]
fn a_dropped_ticket_counts_as_cancelled() {
    let (_, live) = clusters(1, |c| {
        c.breaker = Some(
            crate::snapshot::UnifiedBreaker {
                max_failures: 1,
                ..Default::default()
            }
            .into(),
        );
    });
    drop(live.start(&[], 0, None, at(0)).unwrap());
    let cancelled = Assessment::of(Outcome::Cancelled);
    live.start(&[], 0, None, at(0))
        .unwrap()
        .ticket
        .end(&cancelled, at(1));
    assert_eq!(live.counts().breaker_openings, 0);
    assert_eq!(live.in_use(), InUse::default());
}

mod choice;
mod errand;
mod gate;
mod health;
mod reconcile;
