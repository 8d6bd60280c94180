//! What the tests of several modules need.

/// Two numbers that differ by no more than rounding.
#[track_caller]
pub(crate) fn assert_close(seen: f64, expected: f64) {
    assert!(
        (seen - expected).abs() < 1e-9,
        "expected {expected}, got {seen}"
    );
}
