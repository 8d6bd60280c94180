use proptest::prelude::*;

use super::*;
use crate::origin::Origin;
use crate::testing::assert_close;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn policy(change: impl FnOnce(&mut AdmissionControl)) -> AdmissionControl {
    let mut policy = AdmissionControl::with_defaults(Origin::default_of("test"));
    change(&mut policy);
    policy
}

#[track_caller]
fn check(good: u32, bad: u32, change: impl FnOnce(&mut AdmissionControl), expected: f64) {
    let policy = policy(change);
    let mut admission = Admission::new(&policy, at(0));
    (0..good).for_each(|_| admission.record(true, at(0)));
    (0..bad).for_each(|_| admission.record(false, at(0)));
    let seen = admission.rejection(&policy, at(1_000));
    assert_close(seen, expected);
}

#[test]
fn the_probability_is_that_of_the_formula() {
    check(0, 0, |_| (), 0.0);
    check(95, 5, |_| (), 0.0);
    // (100 - 50/0.95) / 101
    check(50, 50, |_| (), (100.0 - 50.0 / 0.95) / 101.0);
    check(0, 99, |_| (), 0.8);
    check(0, 99, |p| p.max_rejection_probability = 1.0, 0.99);
    let share: f64 = (100.0 - 50.0 / 0.95) / 101.0;
    check(50, 50, |p| p.aggression = 2.0, share.sqrt());
    check(0, 99, |p| p.rps_threshold = 100, 0.0);
    check(0, 100, |p| p.rps_threshold = 100, 0.8);
}

#[test]
fn what_left_the_window_is_forgotten() {
    let policy = policy(|_| ());
    let mut admission = Admission::new(&policy, at(0));
    (0..100).for_each(|_| admission.record(false, at(0)));
    assert!(admission.rejection(&policy, at(29_999)) > 0.7);
    assert!(admission.rejection(&policy, at(30_000)) <= 0.0);
    assert!(admission.is_fresh(at(30_000)));
}

proptest! {
    #[test]
    fn it_never_sheds_more_than_allowed_and_nothing_of_a_healthy_backend(
        good in 0u32..200, bad in 0u32..200, seed: u64,
    ) {
        let policy = policy(|_| ());
        let mut admission = Admission::new(&policy, at(0));
        (0..good).for_each(|_| admission.record(true, at(0)));
        (0..bad).for_each(|_| admission.record(false, at(0)));
        let mut rng = Entropy::from_seed(seed);
        let before = rng.clone().u64();
        let shed = (0..500).filter(|_| !admission.admit(&policy, at(0), &mut rng)).count();
        // Four standard deviations above 80 %.
        prop_assert!(shed <= 436, "{shed}");
        if f64::from(good) >= 0.95 * f64::from(good + bad) {
            prop_assert_eq!(shed, 0);
            prop_assert_eq!(rng.u64(), before, "nothing was drawn");
        }
    }
}
