use super::*;
use crate::origin::Origin;
use crate::snapshot::route::RetryOn;

fn policy(rate_limited: bool) -> RetryPolicy {
    RetryPolicy {
        attempts: 2,
        per_try_timeout: None,
        on: RetryOn::default(),
        backoff_base: Duration::from_millis(25),
        backoff_max: Duration::from_millis(250),
        backoff_least: Duration::ZERO,
        rate_limited_backoff: rate_limited,
        host_selection_attempts: 1,
        retry_non_idempotent: false,
        budget: None,
        body_bytes_max: 65536,
        origin: Origin::default_of("retry"),
    }
}

#[test]
fn windows_double_up_to_the_maximum() {
    let (base, max) = (Duration::from_millis(25), Duration::from_millis(250));
    let windows: Vec<_> = (1..=6).map(|k| window(base, max, k).as_millis()).collect();
    assert_eq!(windows, [25, 75, 175, 250, 250, 250]);
    assert_eq!(window(base, max, u32::MAX), max);
}

#[test]
fn waits_fill_the_window_and_do_not_leave_it() {
    let mut rng = Entropy::from_seed(1);
    for k in 1..6 {
        let end = window(Duration::from_millis(25), Duration::from_millis(250), k);
        let waits: Vec<_> = (0..2000)
            .map(|_| wait(&policy(false), k, None, &mut rng))
            .collect();
        assert!(waits.iter().all(|w| *w < end));
        let upper = waits.iter().filter(|w| **w >= end / 2).count();
        assert!((900..1100).contains(&upper), "uniform: {upper} of 2000");
        let last = waits.iter().filter(|w| **w >= end * 99 / 100).count();
        assert!(
            last < 60,
            "no heap at the end of the window: {last} of 2000"
        );
    }
}

#[test]
fn a_hint_counts_only_when_the_policy_says_so() {
    let mut rng = Entropy::from_seed(1);
    let asked = Some(Duration::from_secs(7));
    assert_eq!(
        wait(&policy(true), 1, asked, &mut rng),
        Duration::from_secs(7)
    );
    assert!(wait(&policy(false), 1, asked, &mut rng) < Duration::from_millis(25));
    let ages = Some(Duration::from_secs(9999));
    assert_eq!(wait(&policy(true), 1, ages, &mut rng), HINT_MAX);
    assert!(wait(&policy(true), 1, None, &mut rng) < Duration::from_millis(25));
}

#[test]
fn no_wait_is_shorter_than_the_least() {
    let least = Duration::from_millis(25);
    let policy = RetryPolicy {
        backoff_least: least,
        ..policy(true)
    };
    let mut rng = Entropy::from_seed(1);
    for k in 1..5 {
        let end = least + window(policy.backoff_base, policy.backoff_max, k);
        let waits = (0..500).map(|_| wait(&policy, k, None, &mut rng));
        assert!(waits.into_iter().all(|w| w >= least && w < end), "{k}");
    }
    let asked = Some(Duration::from_millis(7));
    assert_eq!(wait(&policy, 1, asked, &mut rng), Duration::from_millis(7));
}
