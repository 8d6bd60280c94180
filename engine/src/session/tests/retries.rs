//! Who is tried again, where, and who pays.

use super::*;

fn bench(n: u8, change: impl FnOnce(&mut RetryPolicy)) -> Bench {
    let mut policy = retry();
    change(&mut policy);
    Bench::new(n, rule(|r| r.retry = Some(policy)), |_| ())
}

#[test]
fn a_retry_goes_to_another_endpoint_and_the_last_response_is_passed_on() {
    let mut b = bench(3, |p| p.host_selection_attempts = 50);
    let mut session = b.session(request(Method::POST), at(0));
    let mut seen = Vec::new();
    for number in 1..=3 {
        let attempt = b.attempt(&mut session, at(0));
        assert_eq!(attempt.number, number);
        assert!(!seen.contains(&attempt.endpoint.address), "tried before");
        seen.push(attempt.endpoint.address);
        match (number, b.head(&mut session, response(503), at(0))) {
            (1 | 2, OnHead::Retry { at: again, ended }) => {
                assert_eq!(again, at(0));
                assert_eq!(ended.class.kind, Kind::Failure);
            }
            (3, OnHead::Pass) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(session.flag(), Some(Flag::RetriesExhausted));
    assert_eq!(session.retries(), 2);
    session.on_end(End::Complete(None), at(1));
    b.check_nothing_under_way(at(1));
}

#[test]
fn what_is_not_listed_is_passed_on_unmarked() {
    let mut b = bench(2, |_| ());
    for code in [200, 429, 500, 502] {
        let mut session = b.session(request(Method::GET), at(0));
        b.attempt(&mut session, at(0));
        assert!(matches!(
            b.head(&mut session, response(code), at(0)),
            OnHead::Pass
        ));
        assert_eq!(session.flag(), None);
    }
}

/// Whether a request that broke is retried, and the flag of its failure if not.
#[track_caller]
fn check_broken(method: Method, how: Broken, expected: Option<Flag>) {
    let mut b = bench(2, |_| ());
    let mut session = b.session(request(method.clone()), at(0));
    b.attempt(&mut session, at(0));
    let seen = match b.broke(&mut session, how, at(1)) {
        OnFailure::Retry { .. } => None,
        OnFailure::Fail(failure) => Some(failure.flag),
    };
    assert_eq!(seen, expected, "{method} {how:?}");
    drop(session);
    b.check_nothing_under_way(at(1));
}

#[test]
fn no_post_is_executed_twice() {
    for how in [
        Broken::Connect,
        Broken::ConnectTimeout,
        Broken::Tls,
        Broken::Refused,
    ] {
        check_broken(Method::POST, how, None);
    }
    check_broken(Method::POST, Broken::Reset, Some(Flag::UpstreamReset));
    check_broken(Method::POST, Broken::PerTryTimeout, Some(Flag::Timeout));
    check_broken(Method::GET, Broken::Reset, None);
    check_broken(Method::GET, Broken::PerTryTimeout, None);
    check_broken(Method::GET, Broken::Timeout, Some(Flag::Timeout));
}

#[test]
fn a_body_that_is_gone_is_not_sent_again() {
    let mut b = bench(2, |_| ());
    let mut session = b.session(request(Method::PUT), at(0));
    assert_eq!(session.replay_limit(), 65536);
    b.attempt(&mut session, at(0));
    let end = session.on_failure(Broken::Connect, false, at(1), &mut b.trail);
    let OnFailure::Fail(failure) = end else {
        panic!("retried");
    };
    assert!(failure.cause.contains("no longer complete"), "{failure}");
}

#[test]
fn without_a_policy_nothing_is_kept_and_nothing_retried() {
    let mut b = Bench::new(2, rule(|_| ()), |_| ());
    let mut session = b.session(request(Method::GET), at(0));
    assert_eq!(session.replay_limit(), 0);
    b.attempt(&mut session, at(0));
    let end = b.broke(&mut session, Broken::Connect, at(0));
    assert!(matches!(end, OnFailure::Fail(f) if f.flag == Flag::ConnectFailure));
}

#[test]
fn grpc_is_retried_by_a_trailers_only_status_and_not_by_trailers() {
    let mut b = bench(2, |_| ());
    let mut session = b.session(grpc_request(), at(0));
    b.attempt(&mut session, at(0));
    let only = with(response(200), "grpc-status", "14");
    assert!(matches!(
        b.head(&mut session, only, at(0)),
        OnHead::Retry { .. }
    ));
    b.attempt(&mut session, at(0));
    let pushed_back = with(
        with(response(200), "grpc-status", "14"),
        "grpc-retry-pushback-ms",
        "-1",
    );
    assert!(matches!(
        b.head(&mut session, pushed_back, at(0)),
        OnHead::Pass
    ));
}

#[test]
fn the_wait_is_the_upstreams_when_the_policy_says_so() {
    let mut b = bench(2, |p| p.rate_limited_backoff = true);
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(0));
    let busy = with(response(503), "retry-after", "7");
    let OnHead::Retry { at: again, .. } = b.head(&mut session, busy, at(10)) else {
        panic!("passed on");
    };
    assert_eq!(again, at(7_010));
}

/// 1000 requests that always fail: how many attempts were made.
fn attempts_of_a_storm(budget: Option<RetryBudget>) -> u64 {
    let mut b = bench(4, |p| {
        p.attempts = 3;
        p.budget = budget;
    });
    b.trail = Trail::off();
    for i in 0..1000 {
        let now = at(i);
        let mut session = b.session(request(Method::GET), now);
        loop {
            b.attempt(&mut session, now);
            match b.head(&mut session, response(503), now) {
                OnHead::Pass => break,
                OnHead::Retry { .. } => {}
            }
        }
        session.on_end(End::Complete(None), now);
    }
    b.check_nothing_under_way(at(1000));
    b.live.counts().attempts
}

#[test]
fn a_budget_bounds_a_storm_of_retries() {
    assert_eq!(
        attempts_of_a_storm(None),
        4000,
        "the limit is one of concurrency"
    );
    let budget = RetryBudget::Rate {
        percent: 20,
        interval: Duration::from_secs(10),
        min_per_second: 10,
    };
    assert_eq!(attempts_of_a_storm(Some(budget)), 1000 + 200 + 100);
}

#[test]
fn a_response_whose_retry_the_budget_denied_is_marked() {
    let never = RetryBudget::Rate {
        percent: 0,
        interval: Duration::from_secs(10),
        min_per_second: 0,
    };
    let mut b = bench(2, |p| p.budget = Some(never));
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(0));
    assert!(matches!(
        b.head(&mut session, response(503), at(0)),
        OnHead::Pass
    ));
    assert_eq!(session.flag(), Some(Flag::Overflow));
    assert_eq!(session.retries_denied(), 1);
}

#[test]
fn without_a_budget_the_retries_under_way_are_limited() {
    let mut b = bench(2, |p| p.backoff_base = ms(1000));
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut session = b.session(request(Method::GET), at(0));
        b.attempt(&mut session, at(0));
        assert!(matches!(
            b.head(&mut session, response(503), at(0)),
            OnHead::Retry { .. }
        ));
        waiting.push(session);
    }
    let mut fourth = b.session(request(Method::GET), at(0));
    b.attempt(&mut fourth, at(0));
    assert!(matches!(
        b.head(&mut fourth, response(503), at(0)),
        OnHead::Pass
    ));
    drop(waiting);
    let mut fifth = b.session(request(Method::GET), at(0));
    b.attempt(&mut fifth, at(0));
    assert!(matches!(
        b.head(&mut fifth, response(503), at(0)),
        OnHead::Retry { .. }
    ));
}
