use proptest::prelude::*;

use super::*;

fn level(healthy: u32, degraded: u32, total: u32) -> Level {
    Level {
        healthy,
        degraded,
        total,
    }
}

/// Loads as (healthy, degraded) per level, and which levels are in panic.
#[track_caller]
fn check(levels: &[Level], threshold: u32, loads: &[(u32, u32)], panic: &[bool]) {
    let shares = shares(levels, threshold);
    let seen: Vec<_> = shares.iter().map(|s| (s.healthy, s.degraded)).collect();
    assert_eq!(seen, loads, "loads of {levels:?}");
    let seen: Vec<_> = shares.iter().map(|s| s.panic).collect();
    assert_eq!(seen, panic, "panic of {levels:?}");
}

#[test]
fn one_level() {
    check(&[level(10, 0, 10)], 50, &[(100, 0)], &[false]);
    check(&[level(7, 0, 10)], 50, &[(100, 0)], &[false]);
    check(&[level(5, 0, 10)], 50, &[(100, 0)], &[false]);
    check(&[level(4, 0, 10)], 50, &[(100, 0)], &[true]);
    check(&[level(0, 0, 10)], 50, &[(100, 0)], &[true]);
    check(&[level(0, 0, 10)], 0, &[(100, 0)], &[false]);
    check(&[level(0, 0, 0)], 50, &[(100, 0)], &[false]);
}

#[test]
fn degraded_hosts_take_what_the_healthy_cannot() {
    check(&[level(10, 10, 20)], 50, &[(70, 30)], &[false]);
    check(&[level(18, 2, 20)], 50, &[(100, 0)], &[false]);
    check(&[level(0, 10, 10)], 50, &[(0, 100)], &[false]);
    // 14 + 14 of 28: each half.
    check(&[level(1, 1, 10)], 0, &[(50, 50)], &[false]);
}

#[test]
fn traffic_spills_over_to_the_next_level() {
    let full = level(10, 0, 10);
    check(
        &[level(7, 0, 10), full],
        50,
        &[(98, 0), (2, 0)],
        &[false; 2],
    );
    check(
        &[level(5, 0, 10), full],
        50,
        &[(70, 0), (30, 0)],
        &[false; 2],
    );
    check(
        &[level(0, 0, 10), full],
        50,
        &[(0, 0), (100, 0)],
        &[false; 2],
    );
}

#[test]
fn when_all_levels_panic_hosts_count() {
    let levels = [level(1, 0, 30), level(1, 0, 10)];
    check(&levels, 50, &[(75, 0), (25, 0)], &[true; 2]);
}

#[test]
fn a_level_without_hosts_does_not_keep_the_others_from_counting() {
    let levels = [level(0, 0, 0), level(1, 0, 30), level(1, 0, 10)];
    let panic = [false, true, true];
    check(&levels, 50, &[(0, 0), (75, 0), (25, 0)], &panic);
}

#[test]
fn points_are_divided_by_the_shares() {
    let shares = shares(&[level(10, 10, 20), level(10, 0, 10)], 50);
    let at = |point| choose(&shares, point);
    assert_eq!(at(0), Some((0, false)));
    assert_eq!(at(34), Some((0, false)));
    // 70 and 100 of 240, and 70 for the degraded.
    let of = |wanted| (0..100).filter(|point| at(*point) == Some(wanted)).count();
    let seen = [of((0, false)), of((1, false)), of((0, true))];
    assert_eq!(seen, [70, 30, 0]);
    assert_eq!(at(100), None);
}

proptest! {
    #[test]
    fn shares_add_up_and_panic_needs_a_shortage(
        raw in prop::collection::vec((0u32..40, 0u32..40, 0u32..40), 1..6),
        threshold in 0u32..=100,
    ) {
        let levels: Vec<_> = raw.iter().map(|(h, d, u)| level(*h, *d, h + d + u)).collect();
        let shares = shares(&levels, threshold);
        let sum: u32 = shares.iter().map(|s| s.healthy + s.degraded).sum();
        prop_assert_eq!(sum, 100);
        let health = |n: u32, total: u32| (140 * n).checked_div(total).unwrap_or(0).min(100);
        let norm: u32 = levels
            .iter()
            .map(|l| health(l.healthy, l.total) + health(l.degraded, l.total))
            .sum();
        for share in &shares {
            prop_assert!(!share.panic || (norm < 100 && threshold > 0));
        }
        for point in 0..100 {
            let (index, degraded) = choose(&shares, point).unwrap();
            let load = if degraded { shares[index].degraded } else { shares[index].healthy };
            prop_assert!(load > 0);
        }
    }
}
