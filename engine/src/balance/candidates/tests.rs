use proptest::prelude::*;

use super::*;
use crate::balance::tests::{check_share, weighted};

#[test]
fn the_second_draw_follows_the_weights_of_the_others() {
    let n = 40_000;
    // The last case is one in which drawing again does not help.
    for weights in [[5, 1, 3], [1_000_000, 1, 3]] {
        let candidates = weighted(&weights);
        let mut rng = Entropy::from_seed(5);
        let mut counts = [0; 3];
        for _ in 0..n {
            counts[candidates.draw_other(0, &mut rng)] += 1;
        }
        assert_eq!(counts[0], 0);
        check_share(counts[1], n, 0.25);
        check_share(counts[2], n, 0.75);
    }
}

proptest! {
    #[test]
    fn columns_hold_exactly_the_weights(weights in prop::collection::vec(0u32..1000, 1..40)) {
        let candidates = weighted(&weights);
        let (n, full) = (weights.len(), candidates.total());
        if !candidates.all_equal() {
            let mut poured = vec![0u64; n];
            for (index, column) in candidates.columns.iter().enumerate() {
                prop_assert!(column.own <= full);
                poured[index] += column.own;
                poured[column.above as usize] += full - column.own;
            }
            for (index, sum) in poured.iter().enumerate() {
                prop_assert_eq!(*sum, candidates.weight(index) * n as u64);
            }
        }
    }

    #[test]
    fn drawing_never_leaves_the_candidates(
        weights in prop::collection::vec(0u32..1000, 2..9),
        seed: u64,
    ) {
        let candidates = weighted(&weights);
        let mut rng = Entropy::from_seed(seed);
        for _ in 0..50 {
            let a = candidates.draw(&mut rng);
            let b = candidates.draw_other(a, &mut rng);
            prop_assert!(a < weights.len() && b < weights.len() && a != b);
        }
    }
}
