use super::*;

#[test]
fn each_limit_admits_exactly_as_many_as_it_says() {
    let limits = Limits {
        requests: 2,
        pending_requests: 1,
        retries: 0,
        ..Limits::default()
    };
    let mut used = InUse::default();
    assert_eq!(used.admit_request(&limits), Ok(()));
    assert_eq!(used.admit_request(&limits), Ok(()));
    assert_eq!(used.admit_request(&limits), Err(Full::Requests));
    assert_eq!(used.admit_pending(&limits), Ok(()));
    assert_eq!(used.admit_pending(&limits), Err(Full::Pending));
    assert_eq!(used.admit_retry(&limits), Err(Full::Retries));
    used.requests -= 1;
    assert_eq!(used.admit_request(&limits), Ok(()));
}

#[track_caller]
fn check_connection(in_use: u32, to_endpoint: u32, per_endpoint: Option<u32>, admitted: bool) {
    let limits = Limits {
        connections: 3,
        connections_per_endpoint: per_endpoint,
        ..Limits::default()
    };
    let mut used = InUse {
        connections: in_use,
        ..InUse::default()
    };
    assert_eq!(
        used.admit_connection(to_endpoint, &limits).is_ok(),
        admitted,
        "{in_use} in use, {to_endpoint} to the endpoint, limit 3, per endpoint {per_endpoint:?}"
    );
    assert_eq!(used.connections, in_use + u32::from(admitted));
}

#[test]
fn the_first_connection_to_an_endpoint_is_always_admitted() {
    check_connection(2, 1, None, true);
    check_connection(3, 1, None, false);
    check_connection(3, 0, None, true);
    check_connection(1, 1, Some(1), false);
    check_connection(1, 0, Some(1), true);
    check_connection(1, 0, Some(0), true);
}
