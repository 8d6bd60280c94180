use proptest::prelude::*;

use super::*;
use crate::snapshot::ratelimit::Limit;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn of(user: &str, requests: u32) -> Descriptor {
    Descriptor {
        entries: vec![("user".to_owned(), user.to_owned())],
        limit: Limit {
            requests,
            per: Duration::from_secs(1),
            burst: requests.max(1),
        },
    }
}

#[test]
fn a_window_has_its_limit_and_the_next_one_too() {
    let mut windows = Windows::default();
    let asked = [
        // user, when → over, remaining, milliseconds until it ends
        (("ann", 0), (false, 1, 1_000)),
        (("ann", 500), (false, 0, 500)),
        (("ann", 999), (true, 0, 1)),
        (("bob", 999), (false, 1, 1)),
        (("ann", 1_000), (false, 1, 1_000)),
    ];
    for ((user, ms), expected) in asked {
        let answer = windows.count("shop", &[of(user, 2)], at(ms));
        let status = answer.statuses[0];
        assert_eq!(answer.over, status.over);
        let reset = status.reset.unwrap().as_millis();
        assert_eq!((status.over, status.remaining, reset), expected, "{user}");
    }
}

#[test]
fn a_request_counts_under_all_of_its_descriptors_and_by_domain() {
    let mut windows = Windows::default();
    let mut over = |domain: &str, both: [Descriptor; 2]| {
        let answer = windows.count(domain, &both, at(0));
        (answer.over, [0, 1].map(|i: usize| answer.statuses[i].over))
    };
    let both = || [of("ann", 1), of("all", 3)];
    assert_eq!(over("shop", both()), (false, [false, false]));
    assert_eq!(over("shop", both()), (true, [true, false]));
    assert_eq!(over("shop", both()), (true, [true, false]));
    assert_eq!(over("shop", both()), (true, [true, true]), "all counted");
    assert_eq!(over("bank", both()), (false, [false, false]));
}

#[test]
fn windows_that_are_over_make_room_for_others() {
    let mut windows = Windows::default();
    for i in 0..WINDOWS_MAX {
        windows.count("shop", &[of(&format!("user-{i:06}"), 1)], at(0));
    }
    assert!(windows.count("shop", &[of("user-000000", 1)], at(1)).over);
    windows.count("shop", &[of("another", 1)], at(1));
    assert_eq!(windows.0.len(), WINDOWS_MAX);
    windows.count("shop", &[of("yet another", 1)], at(1_000));
    assert_eq!(windows.0.len(), 1);
}

proptest! {
    #[test]
    fn each_window_admits_no_more_than_its_limit(
        limit in 0u32..5,
        waits in prop::collection::vec(0u64..400, 1..200),
    ) {
        let mut windows = Windows::default();
        let (mut now, mut admitted) = (0, BTreeMap::<u64, u32>::new());
        for wait in waits {
            now += wait;
            let over = windows.count("shop", &[of("ann", limit)], at(now)).over;
            let within = admitted.entry(now / 1_000).or_default();
            prop_assert_eq!(over, *within >= limit, "at {}", now);
            *within += u32::from(!over);
        }
    }
}
