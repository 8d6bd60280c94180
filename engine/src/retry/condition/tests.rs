use http::StatusCode;

use super::*;
use crate::classify::Assessment;
use crate::origin::Origin;
use crate::snapshot::route::{RetryOn, StatusRange};
use crate::time::Duration;

fn policy(change: impl FnOnce(&mut RetryPolicy)) -> RetryPolicy {
    let mut policy = RetryPolicy {
        attempts: 2,
        per_try_timeout: None,
        on: RetryOn {
            reset: true,
            per_try_timeout: true,
            statuses: vec![StatusRange { from: 502, to: 504 }],
            grpc: vec![14],
        },
        backoff_base: Duration::from_millis(25),
        backoff_max: Duration::from_millis(250),
        backoff_least: Duration::ZERO,
        rate_limited_backoff: true,
        host_selection_attempts: 1,
        retry_non_idempotent: false,
        budget: None,
        body_bytes_max: 65536,
        origin: Origin::default_of("retry"),
    };
    change(&mut policy);
    policy
}

#[track_caller]
fn check(outcome: Outcome, get: Result<(), Refusal>, post: Result<(), Refusal>) {
    let assessment = Assessment::of(outcome);
    for (method, expected) in [(Method::GET, get), (Method::POST, post)] {
        let seen = may_retry(&policy(|_| ()), &assessment, &method);
        assert_eq!(seen, expected, "{method} {outcome:?}");
    }
}

const NOT_LISTED: Result<(), Refusal> = Err(Refusal::NotListed);
const NOT_IDEMPOTENT: Result<(), Refusal> = Err(Refusal::NotIdempotent);

#[test]
fn what_was_certainly_not_executed_is_retried_for_every_method() {
    for broken in [
        Broken::Connect,
        Broken::ConnectTimeout,
        Broken::Tls,
        Broken::Refused,
    ] {
        check(Outcome::Broken(broken), Ok(()), Ok(()));
    }
}

#[test]
fn what_may_have_been_executed_is_retried_for_idempotent_methods_only() {
    for broken in [Broken::Reset, Broken::PerTryTimeout] {
        check(Outcome::Broken(broken), Ok(()), NOT_IDEMPOTENT);
        let asserted = policy(|p| p.retry_non_idempotent = true);
        let assessment = Assessment::of(Outcome::Broken(broken));
        assert_eq!(may_retry(&asserted, &assessment, &Method::POST), Ok(()));
        let unlisted = policy(|p| p.on = RetryOn::default());
        assert_eq!(may_retry(&unlisted, &assessment, &Method::GET), NOT_LISTED);
    }
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
        assert!(is_idempotent(&method.parse().unwrap()), "{method}");
    }
    for method in ["POST", "PATCH", "CONNECT", "PROPFIND"] {
        assert!(!is_idempotent(&method.parse().unwrap()), "{method}");
    }
}

#[test]
fn listed_statuses_hold_for_all_methods() {
    let http = |code| Outcome::Http(StatusCode::from_u16(code).unwrap());
    check(http(503), Ok(()), Ok(()));
    check(http(505), NOT_LISTED, NOT_LISTED);
    check(http(200), NOT_LISTED, NOT_LISTED);
    check(Outcome::Grpc(14), Ok(()), Ok(()));
    check(Outcome::Grpc(13), NOT_LISTED, NOT_LISTED);
}

#[test]
fn what_does_not_heal_is_not_retried() {
    for broken in [Broken::Protocol, Broken::Timeout] {
        check(Outcome::Broken(broken), NOT_LISTED, NOT_LISTED);
    }
    check(Outcome::Cancelled, NOT_LISTED, NOT_LISTED);
}

#[test]
fn a_pushback_is_obeyed() {
    let assessment = Assessment::of(Outcome::Grpc(14)).with_hint(Some(Hint::Never));
    let seen = may_retry(&policy(|_| ()), &assessment, &Method::POST);
    assert_eq!(seen, Err(Refusal::Pushback));
}
