use super::*;

const TAU: Duration = Duration::from_secs(10);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + ms(millis)
}

#[track_caller]
fn check(average: &PeakEwma, now_ms: u64, expected_ms: f64) {
    let seen = average.at(at(now_ms), TAU) / 1e6;
    assert!(
        (seen - expected_ms).abs() < 1e-6 * expected_ms.max(1.0),
        "expected {expected_ms} ms, got {seen} ms"
    );
}

#[test]
fn a_peak_is_taken_over_at_once_and_decays_with_tau() {
    let mut a = PeakEwma::seeded(ms(30), Instant::ZERO);
    check(&a, 0, 30.0);
    a.observe(ms(100), at(0), TAU);
    check(&a, 0, 100.0);
    check(&a, 10_000, 100.0 / core::f64::consts::E);
}

#[test]
fn a_smaller_sample_pulls_down_by_the_time_that_passed() {
    let mut a = PeakEwma::seeded(ms(100), Instant::ZERO);
    a.observe(ms(0), at(0), TAU);
    check(&a, 0, 100.0);
    a.observe(ms(10), at(10_000), TAU);
    let w = 1.0 / core::f64::consts::E;
    check(&a, 10_000, 100.0 * w + 10.0 * (1.0 - w));
}

#[test]
fn a_clock_that_goes_back_is_held() {
    let mut a = PeakEwma::seeded(ms(100), at(10_000));
    a.observe(ms(10), at(0), TAU);
    check(&a, 0, 100.0);
    check(&a, 10_000, 100.0);
}

#[test]
fn a_decision_that_reads_decays_and_a_report_does_not() {
    let mut a = PeakEwma::seeded(ms(100), Instant::ZERO);
    let reported = a.at(at(10_000), TAU);
    assert_eq!(reported, a.at(at(10_000), TAU));
    assert_eq!(a.read(at(10_000), TAU), reported);
    // 50 ms lies above the decayed 36.8 ms: a new peak.
    a.observe(ms(50), at(10_000), TAU);
    check(&a, 10_000, 50.0);
}
