use http::HeaderValue;

use super::*;

#[track_caller]
fn check(outcome: Outcome, kind: Kind, gateway: bool, rate_limited: bool) {
    let expected = Class {
        kind,
        gateway,
        rate_limited,
    };
    assert_eq!(classify(outcome), expected, "{outcome:?}");
}

fn http(code: u16) -> Outcome {
    Outcome::Http(StatusCode::from_u16(code).unwrap())
}

#[test]
fn http_statuses() {
    for code in [100, 101, 200, 204, 301, 400, 404, 408, 499] {
        check(http(code), Kind::Success, false, false);
    }
    check(http(429), Kind::Success, false, true);
    for code in [500, 501, 505, 599] {
        check(http(code), Kind::Failure, false, false);
    }
    for code in [502, 503, 504] {
        check(http(code), Kind::Failure, true, false);
    }
}

#[test]
fn grpc_statuses() {
    // OK, CANCELLED, INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
    // FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED
    for code in [0, 1, 3, 5, 6, 7, 9, 10, 11, 12, 16] {
        check(Outcome::Grpc(code), Kind::Success, false, false);
    }
    check(Outcome::Grpc(8), Kind::Success, false, true);
    for code in [2, 13, 15] {
        check(Outcome::Grpc(code), Kind::Failure, false, false);
    }
    for code in [4, 14] {
        check(Outcome::Grpc(code), Kind::Failure, true, false);
    }
}

#[test]
fn what_breaks_on_this_side_is_local_and_a_cancel_is_nothing() {
    for broken in [
        Broken::Connect,
        Broken::ConnectTimeout,
        Broken::Tls,
        Broken::Refused,
        Broken::Reset,
        Broken::PerTryTimeout,
        Broken::Timeout,
        Broken::Protocol,
    ] {
        check(Outcome::Broken(broken), Kind::LocalFailure, true, false);
    }
    check(Outcome::Cancelled, Kind::Ignorable, false, false);
}

#[track_caller]
fn check_hint(name: &'static str, value: &'static str, expected: Option<Hint>) {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_static(value));
    assert_eq!(hint(&headers), expected, "{name}: {value}");
}

#[test]
fn hints_are_read_and_capped() {
    let after = |s| Some(Hint::After(Duration::from_secs(s)));
    check_hint("retry-after", "7", after(7));
    check_hint("retry-after", " 7 ", after(7));
    check_hint("retry-after", "100000", after(300));
    check_hint("retry-after", "99999999999999999999999", None);
    check_hint("retry-after", "-1", None);
    check_hint("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None);
    check_hint("grpc-retry-pushback-ms", "2000", after(2));
    check_hint("grpc-retry-pushback-ms", "-1", Some(Hint::Never));
    check_hint("x-ratelimit-reset", "3", after(3));
    check_hint("x-other", "3", None);
}

#[test]
fn a_grpc_status_that_is_no_number_is_unknown() {
    let mut headers = HeaderMap::new();
    assert_eq!(grpc_status(&headers), None);
    headers.insert("grpc-status", HeaderValue::from_static("x"));
    assert_eq!(grpc_status(&headers), Some(grpc::UNKNOWN));
    headers.insert("grpc-status", HeaderValue::from_static("14"));
    assert_eq!(grpc_status(&headers), Some(grpc::UNAVAILABLE));
}
