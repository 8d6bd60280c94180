use proptest::prelude::*;

use super::*;

fn rate(percent: u32, interval_s: u64, min_per_second: u32) -> RetryBudget {
    RetryBudget::Rate {
        percent,
        interval: Duration::from_secs(interval_s),
        min_per_second,
    }
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// How many retries a budget allows at once after `requests`.
fn allowed(policy: RetryBudget, requests: u32) -> u32 {
    let mut budget = Budget::new(policy, at(0));
    for _ in 0..requests {
        budget.deposit(at(0));
    }
    let mut n = 0;
    while budget.withdraw(InUse::default(), at(0)) {
        n += 1;
    }
    n
}

#[test]
fn a_share_of_the_requests_plus_a_reserve() {
    assert_eq!(allowed(rate(20, 10, 10), 100), 120, "20 + 100 in reserve");
    assert_eq!(allowed(rate(20, 10, 0), 100), 20);
    assert_eq!(allowed(rate(20, 10, 0), 4), 0);
    assert_eq!(allowed(rate(100, 10, 0), 7), 7);
    assert_eq!(allowed(rate(0, 10, 2), 100), 20, "the reserve alone");
    assert_eq!(allowed(rate(0, 10, 0), 100), 0, "never");
}

#[test]
fn what_is_left_is_what_it_goes_on_to_pay_for() {
    for (policy, requests) in [
        (rate(20, 10, 10), 100),
        (rate(30, 10, 0), 7),
        (rate(0, 10, 0), 5),
        (rate(u32::MAX, 10, 0), 1),
    ] {
        let mut budget = Budget::new(policy, at(0));
        (0..requests).for_each(|_| budget.deposit(at(0)));
        let mut left = budget.left(InUse::default(), at(0));
        while left > 0 && left < 1000 {
            assert!(budget.withdraw(InUse::default(), at(0)));
            assert_eq!(budget.left(InUse::default(), at(0)), left - 1);
            left -= 1;
        }
    }
}

#[test]
fn percentages_that_do_not_divide_a_hundred_keep_their_meaning() {
    for percent in 1..=100 {
        let n = allowed(rate(percent, 10, 0), 1000);
        let exact = percent * 10;
        // The price is cut to whole thousandths: at most 1/10 % of the retries more.
        assert!(
            (exact..=exact + exact / 500 + 1).contains(&n),
            "{percent} %: {n}"
        );
    }
}

#[test]
fn deposits_expire_and_so_do_withdrawals() {
    let mut budget = Budget::new(rate(50, 10, 1), at(0));
    for _ in 0..10 {
        budget.deposit(at(0));
    }
    let mut take = |now| {
        let mut n = 0;
        while budget.withdraw(InUse::default(), now) {
            n += 1;
        }
        n
    };
    assert_eq!(take(at(0)), 15, "5 of the deposits, 10 in reserve");
    assert_eq!(take(at(9_999)), 0);
    assert_eq!(
        take(at(10_000)),
        10,
        "the reserve is back, the deposits are gone"
    );
}

#[track_caller]
fn check_concurrency(requests: u32, pending: u32, retries: u32, allowed: bool) {
    let policy = RetryBudget::Concurrency {
        percent: 20.0,
        min_concurrent: 3,
    };
    let in_use = InUse {
        requests,
        pending,
        retries,
        connections: 0,
    };
    let mut budget = Budget::new(policy, at(0));
    assert_eq!(budget.withdraw(in_use, at(0)), allowed, "{in_use:?}");
}

#[test]
fn concurrent_retries_are_a_share_of_what_is_under_way() {
    check_concurrency(0, 0, 2, true);
    check_concurrency(0, 0, 3, false);
    check_concurrency(24, 0, 3, true);
    check_concurrency(19, 0, 3, false);
    check_concurrency(20, 4, 4, false);
    check_concurrency(20, 5, 4, true);
}

#[test]
fn an_unused_budget_is_fresh_and_a_used_one_becomes_so() {
    let mut budget = Budget::new(rate(20, 10, 10), at(0));
    assert!(budget.is_fresh(at(0)));
    budget.deposit(at(0));
    assert!(!budget.is_fresh(at(5_000)));
    assert!(budget.is_fresh(at(10_000)));
}

proptest! {
    /// Retries within any interval are paid for by requests of that interval and the one before it,
    /// and by the reserve.
    #[test]
    fn retries_never_exceed_the_budget(
        steps in prop::collection::vec((0u64..400, any::<bool>()), 1..400),
        percent in 0u32..=100,
        min in 0u32..5,
    ) {
        let ttl = 2;
        let mut budget = Budget::new(rate(percent, ttl, min), at(0));
        let (mut now, mut requests, mut retries) = (0, Vec::new(), Vec::new());
        for (wait, is_request) in steps {
            now += wait;
            if is_request {
                budget.deposit(at(now));
                requests.push(now);
            } else if budget.withdraw(InUse::default(), at(now)) {
                retries.push(now);
            }
        }
        let ttl = ttl * 1000;
        for end in &retries {
            let within = |t: &&u64, span: u64| **t <= *end && **t + span > *end;
            let retried = retries.iter().filter(|t| within(t, ttl * 9 / 10)).count() as f64;
            let paid = requests.iter().filter(|t| within(t, 2 * ttl)).count() as f64;
            let reserve = f64::from(min) * ttl as f64 / 1000.0;
            let bound = paid * f64::from(percent) / 100.0 * 1.002 + reserve;
            prop_assert!(retried <= bound + 1e-9, "{retried} > {bound}");
        }
    }
}
