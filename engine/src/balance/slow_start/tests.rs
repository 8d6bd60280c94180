use super::*;
use crate::testing::assert_close;

#[track_caller]
fn check(aggression: f64, min_weight_percent: u32, age_ms: u64, expected: f64) {
    let policy = SlowStart {
        window: Duration::from_secs(100),
        aggression,
        min_weight_percent,
    };
    let since = Instant::ZERO + Duration::from_secs(7);
    let seen = factor(&policy, since, since + Duration::from_millis(age_ms));
    assert_close(seen, expected);
}

#[test]
fn a_straight_line_from_the_least_weight_to_the_end_of_the_window() {
    check(1.0, 10, 0, 0.1);
    check(1.0, 10, 9_000, 0.1);
    check(1.0, 10, 25_000, 0.25);
    check(1.0, 10, 100_000, 1.0);
    check(1.0, 10, 999_000, 1.0);
}

#[test]
fn aggression_bends_the_line() {
    // (t/window)^(1/aggression)
    check(2.0, 10, 25_000, 0.5);
    check(0.5, 1, 50_000, 0.25);
    check(f64::NAN, 10, 25_000, 0.25);
    check(-1.0, 10, 25_000, 0.25);
}

#[test]
fn the_youngest_host_has_something() {
    check(1.0, 0, 0, 1e-5);
}
