use proptest::prelude::*;

use super::*;

fn of(values: &[u64]) -> Histogram {
    let mut h = Histogram::new();
    for v in values {
        h.record_micros(*v);
    }
    h
}

/// The value at `q` by nearest rank, with no buckets.
fn exact(values: &[u64], q: f64) -> u64 {
    let mut sorted: Vec<u64> = values
        .iter()
        .map(|v| (*v).clamp(1, VALUE_MAX_MICROS))
        .collect();
    sorted.sort_unstable();
    let rank = (q * sorted.len() as f64 - RANK_SLACK).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[test]
fn buckets_cover_the_range_without_gaps_or_overlaps() {
    let mut next = 0;
    for index in 0..=index_of(VALUE_MAX_MICROS) {
        let (low, high) = Histogram::bounds(index);
        assert_eq!(low, next, "bucket {index}");
        assert!(high >= low);
        for value in [low.max(1), high.max(1)] {
            assert_eq!(index_of(value), index.max(1));
        }
        next = high + 1;
    }
    assert_eq!(next, VALUE_MAX_MICROS + 1);
    assert!(index_of(VALUE_MAX_MICROS) < BUCKETS);
}

#[test]
fn quantiles_go_by_nearest_rank() {
    let h = of(&(1..=100).collect::<Vec<_>>());
    for (q, value) in [
        (0.0, 1),
        (0.001, 1),
        (0.01, 1),
        (0.07, 7),
        (0.5, 50),
        (0.951, 96),
        (0.99, 99),
        (1.0, 100),
        (7.0, 100),
        (f64::NAN, 1),
    ] {
        assert_eq!(h.quantile(q), Some(value), "q = {q}");
    }
    assert_eq!(Histogram::new().quantile(0.5), None);
    assert_eq!(Histogram::new().mean_micros(), None);
}

#[test]
fn values_outside_of_the_range_count_as_its_ends() {
    let mut h = Histogram::new();
    h.record(Duration::ZERO);
    h.record(Duration::from_nanos(1999));
    h.record(Duration::MAX);
    assert_eq!(h.count(), 3);
    assert_eq!(h.quantile(0.5), Some(1));
    assert_eq!(h.quantile(1.0), Some(VALUE_MAX_MICROS));
}

#[test]
fn a_histogram_takes_memory_only_where_it_counted() {
    let mut h = of(&[40_000, 41_000, 50_000, 60_000]);
    assert!(matches!(&h.buckets, Buckets::Few(few) if few.len() == 4));
    assert_eq!(h.count_up_to(41_000), 1);
    assert_eq!(h.count_up_to(50_200), 3);
    assert!(Histogram::from_buckets([(BUCKETS, 1)], 0).is_none());
    (1..=FEW_MAX as u64).for_each(|v| h.record_micros(v));
    let Buckets::Many(chunks) = &h.buckets else {
        panic!("a long list")
    };
    assert_eq!(chunks.0.iter().flatten().count(), 4);
    assert_eq!(h.count_up_to(41_000), 1 + FEW_MAX as u64);
    assert_eq!(h.count_up_to(50_200), 3 + FEW_MAX as u64);
}

fn values() -> impl Strategy<Value = Vec<u64>> {
    // Spread over the magnitudes, not over the numbers.
    let value = (0u32..33, any::<u32>()).prop_map(|(bits, x)| u64::from(x) >> (32 - bits.min(32)));
    proptest::collection::vec(value, 1..200)
}

proptest! {
    #[test]
    fn a_quantile_is_never_too_small_and_too_large_by_less_than_one_part_in_128(
        values in values(),
        q in 0.0..=1.0f64,
    ) {
        let seen = of(&values).quantile(q).unwrap();
        let truth = exact(&values, q);
        prop_assert!(seen >= truth, "{seen} < {truth}");
        prop_assert!((seen - truth) * 128 < truth.max(1), "{seen} against {truth}");
    }

    #[test]
    fn merging_is_the_same_as_recording_all_in_one(a in values(), b in values()) {
        let (mut ab, mut ba) = (of(&a), of(&b));
        ab.merge(&of(&b));
        ba.merge(&of(&a));
        prop_assert_eq!(&ab, &ba);
        prop_assert_eq!(&ab, &of(&[a.clone(), b].concat()));
        let mut same = of(&a);
        same.merge(&Histogram::new());
        prop_assert_eq!(same, of(&a));
    }

    #[test]
    fn subtracting_an_older_state_leaves_what_came_after(a in values(), b in values()) {
        let both = of(&[a.clone(), b.clone()].concat());
        prop_assert_eq!(both.since(&of(&a)), of(&b));
        prop_assert_eq!(both.since(&both), Histogram::new());
    }

    #[test]
    fn the_serialised_parts_give_the_histogram_back(a in values()) {
        let h = of(&a);
        let back = Histogram::from_buckets(h.buckets(), h.sum_micros());
        prop_assert_eq!(back, Some(h));
    }
}
