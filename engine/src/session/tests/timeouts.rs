//! The request's deadline covers everything, and each try has its own.

use super::*;

fn bench(timeouts: Timeouts, policy: Option<RetryPolicy>) -> Bench {
    let rule = rule(|r| {
        r.timeouts = timeouts;
        r.retry = policy;
    });
    Bench::new(2, rule, |_| ())
}

#[track_caller]
fn check_deadline(
    request_ms: Option<u64>,
    backend_ms: Option<u64>,
    per_try_ms: Option<u64>,
    expected: (Instant, Broken),
) {
    let timeouts = Timeouts {
        request: request_ms.map(ms),
        backend_request: backend_ms.map(ms),
    };
    let policy = RetryPolicy {
        per_try_timeout: per_try_ms.map(ms),
        ..retry()
    };
    let mut b = bench(timeouts, Some(policy));
    let mut session = b.session(request(Method::GET), at(100));
    let attempt = b.attempt(&mut session, at(200));
    assert_eq!((attempt.deadline, attempt.on_deadline), expected);
}

#[test]
fn a_try_ends_with_the_earliest_of_its_timeouts() {
    let never = (Instant::FAR_FUTURE, Broken::Timeout);
    check_deadline(None, None, None, never);
    check_deadline(Some(500), None, None, (at(600), Broken::Timeout));
    check_deadline(Some(500), Some(100), None, (at(300), Broken::PerTryTimeout));
    check_deadline(
        Some(500),
        Some(100),
        Some(50),
        (at(250), Broken::PerTryTimeout),
    );
    check_deadline(
        Some(500),
        Some(100),
        Some(300),
        (at(300), Broken::PerTryTimeout),
    );
    check_deadline(Some(500), Some(900), Some(900), (at(600), Broken::Timeout));
    check_deadline(None, None, Some(50), (at(250), Broken::PerTryTimeout));
}

#[test]
fn a_retry_that_could_not_begin_in_time_is_not_made_and_costs_nothing() {
    let timeouts = Timeouts {
        request: Some(ms(100)),
        backend_request: None,
    };
    let policy = RetryPolicy {
        rate_limited_backoff: true,
        ..retry()
    };
    let mut b = bench(timeouts, Some(policy));
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(0));
    let busy = with(response(503), "retry-after", "1");
    assert!(matches!(b.head(&mut session, busy, at(10)), OnHead::Pass));
    assert_eq!(b.live.counts().retries, 0);
}

#[test]
fn a_request_whose_time_is_over_fails_with_the_last_cause() {
    let timeouts = Timeouts {
        request: Some(ms(100)),
        backend_request: None,
    };
    let mut b = bench(timeouts, Some(retry()));
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(0));
    let again = b.broke(&mut session, Broken::Connect, at(10));
    assert!(matches!(again, OnFailure::Retry { .. }));
    let failure = b.fails(&mut session, at(100));
    assert_eq!(
        (failure.flag, failure.status().as_u16()),
        (Flag::Timeout, 504)
    );
    assert!(failure.cause.contains("web-"), "{failure}");
    b.check_nothing_under_way(at(100));
}

#[test]
fn after_the_head_the_backends_time_and_the_requests_go_on() {
    let timeouts = Timeouts {
        request: Some(ms(500)),
        backend_request: Some(ms(100)),
    };
    let mut b = bench(timeouts, None);
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(20));
    b.head(&mut session, response(200), at(30));
    assert_eq!(session.stream_deadline(), at(120));
    let assessment = session.on_end(End::Broken(Broken::Timeout), at(120));
    assert_eq!(assessment.class.kind, Kind::LocalFailure);
}

#[test]
fn an_open_tunnel_has_no_deadline_and_a_refused_one_has() {
    let timeouts = Timeouts {
        request: Some(ms(500)),
        backend_request: None,
    };
    for (status, expected) in [(101, Instant::FAR_FUTURE), (426, at(500))] {
        let mut b = bench(timeouts, None);
        let mut head = request(Method::GET);
        head.upgrade = Some("websocket".into());
        let mut session = b.session(head, at(0));
        b.attempt(&mut session, at(0));
        b.head(&mut session, response(status), at(1));
        assert_eq!(session.stream_deadline(), expected, "{status}");
    }
}
