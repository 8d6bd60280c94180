//! Waiting for an endpoint or a connection: bounded in number and in time, woken by changes.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Wake;

use super::*;
use crate::live::Wait;
use crate::snapshot::{AdaptiveConcurrency, UnifiedBreaker};

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[track_caller]
fn waits(next: Next) -> Wait {
    match next {
        Next::Wait(wait) => wait,
        other => panic!("does not wait: {other:?}"),
    }
}

#[test]
fn a_request_waits_for_the_first_endpoint_and_is_woken() {
    let mut b = Bench::new(0, rule(|_| ()), |_| ());
    let mut session = b.session(request(Method::GET), at(0));
    let wait = waits(session.next_attempt(at(0), &mut b.trail));
    assert_eq!(wait.until, at(3_000));
    assert_eq!(b.live.in_use().pending, 1);
    let woken = Arc::new(Count::default());
    let waker = woken.clone().into();
    let mut changed = pin!(wait.changed);
    let mut cx = Context::from_waker(&waker);
    assert_eq!(changed.as_mut().poll(&mut cx), Poll::Pending);
    b.proxy
        .apply(&outbound(policy(|_| ()), vec![endpoint(0)]), at(10));
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(changed.as_mut().poll(&mut cx), Poll::Ready(()));
    b.attempt(&mut session, at(10));
}

#[test]
fn a_change_between_looking_and_waiting_is_not_missed() {
    let mut b = Bench::new(0, rule(|_| ()), |_| ());
    let mut session = b.session(request(Method::GET), at(0));
    let wait = waits(session.next_attempt(at(0), &mut b.trail));
    b.proxy
        .apply(&outbound(policy(|_| ()), vec![endpoint(0)]), at(10));
    let waker = Arc::new(Count::default()).into();
    let mut changed = pin!(wait.changed);
    assert_eq!(
        changed.as_mut().poll(&mut Context::from_waker(&waker)),
        Poll::Ready(())
    );
}

#[test]
fn the_queue_is_bounded_in_time() {
    let mut b = Bench::new(0, rule(|_| ()), |_| ());
    let mut session = b.session(request(Method::GET), at(0));
    drop(waits(session.next_attempt(at(0), &mut b.trail)));
    let failure = b.fails(&mut session, at(3_000));
    assert_eq!(
        (failure.flag, failure.status().as_u16()),
        (Flag::NoHealthyUpstream, 503)
    );
    assert!(failure.cause.contains("it has no endpoints"), "{failure}");
    b.check_nothing_under_way(at(3_000));
}

#[test]
fn the_queue_is_bounded_in_number() {
    let mut b = Bench::new(0, rule(|_| ()), |c| c.limits.pending_requests = 1);
    let mut first = b.session(request(Method::GET), at(0));
    let wait = waits(first.next_attempt(at(0), &mut b.trail));
    let mut second = b.session(request(Method::GET), at(0));
    let failure = b.fails(&mut second, at(0));
    assert_eq!(failure.flag, Flag::Overflow);
    assert!(failure.cause.contains("(1)"), "names the limit: {failure}");
    drop(wait);
    waits(second.next_attempt(at(0), &mut b.trail));
}

#[test]
fn who_is_over_the_adaptive_limit_gets_the_status_of_the_policy() {
    let mut b = Bench::new(1, rule(|_| ()), |c| {
        c.adaptive = Some(AdaptiveConcurrency {
            min_concurrency: 1,
            status: StatusCode::TOO_MANY_REQUESTS,
            ..AdaptiveConcurrency::default()
        });
    });
    let mut first = b.session(request(Method::GET), at(0));
    b.attempt(&mut first, at(0));
    let mut second = b.session(request(Method::GET), at(0));
    let failure = b.fails(&mut second, at(0));
    assert_eq!(
        (failure.flag, failure.status().as_u16()),
        (Flag::Overflow, 429)
    );
}

#[test]
fn a_request_waits_until_a_breaker_probes_and_only_one_goes() {
    let mut b = Bench::new(1, rule(|_| ()), |c| {
        c.breaker = Some(
            UnifiedBreaker {
                max_failures: 1,
                jitter: 0.0,
                ..UnifiedBreaker::default()
            }
            .into(),
        );
    });
    let mut failing = b.session(request(Method::GET), at(0));
    b.attempt(&mut failing, at(0));
    b.head(&mut failing, response(500), at(0));
    let mut probe = b.session(request(Method::GET), at(10));
    let wait = waits(probe.next_attempt(at(10), &mut b.trail));
    assert_eq!(wait.until, at(1_000), "when the back-off is over");
    drop(wait);
    b.attempt(&mut probe, at(1_000));
    let mut other = b.session(request(Method::GET), at(1_000));
    let wait = waits(other.next_attempt(at(1_000), &mut b.trail));
    let woken = Arc::new(Count::default());
    let waker = woken.clone().into();
    let mut changed = pin!(wait.changed);
    assert!(
        changed
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    b.head(&mut probe, response(200), at(1_005));
    assert_eq!(woken.0.load(Ordering::Relaxed), 1, "closed again");
    b.attempt(&mut other, at(1_005));
}

#[test]
fn a_full_limit_of_requests_fails_at_once() {
    let mut b = Bench::new(1, rule(|_| ()), |c| c.limits.requests = 1);
    let mut first = b.session(request(Method::GET), at(0));
    b.attempt(&mut first, at(0));
    let mut second = b.session(request(Method::GET), at(0));
    assert_eq!(b.fails(&mut second, at(0)).flag, Flag::Overflow);
}

#[test]
fn connections_are_limited_and_given_back() {
    let mut b = Bench::new(1, rule(|_| ()), |c| c.limits.connections = 1);
    let mut first = b.session(request(Method::GET), at(0));
    b.attempt(&mut first, at(0));
    let Connect::Open(permit) = first.connection(at(0), &mut b.trail) else {
        panic!("the first is always admitted");
    };
    let mut second = b.session(request(Method::GET), at(0));
    b.attempt(&mut second, at(0));
    let Connect::Wait(wait) = second.connection(at(0), &mut b.trail) else {
        panic!("the limit is 1");
    };
    assert_eq!(wait.until, at(3_000));
    let woken = Arc::new(Count::default());
    let waker = woken.clone().into();
    let mut changed = pin!(wait.changed);
    assert!(
        changed
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(permit);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert!(matches!(
        second.connection(at(5), &mut b.trail),
        Connect::Open(_)
    ));
    assert_eq!(
        b.live.counts().overflows(Full::Connections),
        1,
        "counted once"
    );
}

#[test]
fn waiting_for_a_connection_ends_with_the_queue_timeout() {
    let mut b = Bench::new(1, rule(|_| ()), |c| c.limits.connections = 1);
    let mut first = b.session(request(Method::GET), at(0));
    b.attempt(&mut first, at(0));
    let permit = first.connection(at(0), &mut b.trail);
    let mut second = b.session(request(Method::GET), at(0));
    b.attempt(&mut second, at(0));
    assert!(matches!(
        second.connection(at(0), &mut b.trail),
        Connect::Wait(_)
    ));
    assert!(matches!(
        second.connection(at(2_999), &mut b.trail),
        Connect::Wait(_)
    ));
    let Connect::Fail(failure) = second.connection(at(3_000), &mut b.trail) else {
        panic!("still waits");
    };
    assert_eq!(failure.flag, Flag::Overflow);
    drop((first, permit));
    b.check_nothing_under_way(at(3_000));
}
