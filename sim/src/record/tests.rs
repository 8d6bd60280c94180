use super::*;

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

#[test]
fn a_window_is_the_slices_between_its_bounds() {
    let run = sample::run();
    assert_eq!(run.slices(secs(0), secs(10)), 0..10);
    assert_eq!(run.slices(secs(4), secs(6)), 4..6);
    assert_eq!(run.length(&run.slices(secs(4), secs(6))), secs(2));
}

#[test]
fn a_bound_that_is_no_instant_moves_inside() {
    let run = sample::run();
    let (from, to) = (Duration::from_millis(3_500), Duration::from_millis(6_500));
    assert_eq!(run.slices(from, to), 4..6);
    assert!(run.slices(from, Duration::from_millis(3_900)).is_empty());
}

#[test]
fn a_window_beyond_a_run_that_ended_early_is_cut() {
    let run = sample::run();
    assert_eq!(run.slices(secs(8), secs(60)), 8..10);
    assert!(run.slices(secs(20), secs(60)).is_empty());
    assert!(Observations::default().slices(secs(0), secs(1)).is_empty());
}

#[test]
fn totals_are_the_sum_of_all_loads_over_all_slices() {
    let totals = sample::run().totals();
    assert_eq!(
        (totals.requests, totals.success, totals.failure),
        (100, 92, 8)
    );
}
