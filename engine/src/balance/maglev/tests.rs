use proptest::prelude::*;

use super::*;
use crate::balance::tests::keyed;

/// Envoy's default.
const SIZE: u32 = 65_537;

fn entries(table: &Table, hosts: usize) -> Vec<usize> {
    let mut counts = vec![0; hosts];
    for at in 0..table.size() {
        counts[table.pick(at as u64, 0).unwrap()] += 1;
    }
    counts
}

#[test]
fn entries_follow_the_weights() {
    let hosts = keyed(&[1, 2, 4]);
    let counts = entries(&Table::new(&hosts, 7001), 3);
    assert_eq!(counts.iter().sum::<usize>(), 7001);
    for (count, expected) in counts.into_iter().zip([1000, 2000, 4001]) {
        assert!(count.abs_diff(expected) <= 2, "{count} for {expected}");
    }
}

#[test]
fn nobody_one_and_more_hosts_than_entries() {
    assert_eq!(Table::new(&keyed(&[]), 11).pick(5, 0), None);
    assert_eq!(entries(&Table::new(&keyed(&[3]), 11), 1), [11]);
    let counts = entries(&Table::new(&keyed(&[1; 20]), 11), 20);
    assert_eq!(counts.iter().filter(|n| **n == 1).count(), 11);
}

#[test]
fn an_attempt_looks_at_another_entry() {
    let table = Table::new(&keyed(&[1; 10]), SIZE);
    let other = |hash: u64, attempt: u32| (hash ^ (u64::MAX - u64::from(attempt) + 1)) % 65_537;
    for hash in [0, 1, 77, u64::MAX] {
        for attempt in [1, 2, 9] {
            assert_eq!(
                table.pick(hash, attempt),
                table.pick(other(hash, attempt), 0)
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn equal_weights_have_nearly_equal_entries(n in 1usize..=100) {
        let counts = entries(&Table::new(&keyed(&vec![1; n]), SIZE), n);
        let (max, min) = (counts.iter().max().unwrap(), counts.iter().min().unwrap());
        prop_assert!(*max as f64 <= 1.02 * *min as f64, "{min}..{max}");
    }

    #[test]
    fn a_removed_host_moves_little_more_than_its_keys(n in 2usize..40, gone in 0usize..40) {
        let gone = gone % n;
        let all = keyed(&vec![1; n]);
        let rest: Vec<usize> = (0..n).filter(|i| *i != gone).collect();
        let fewer = Candidates::new(rest.iter().map(|i| (*i as u32, 1)))
            .with_keys(rest.iter().map(|i| all.key(*i).to_owned()));
        let (before, after) = (Table::new(&all, SIZE), Table::new(&fewer, SIZE));
        let moved = (0..u64::from(SIZE))
            .filter(|at| before.pick(*at, 0) != Some(rest[after.pick(*at, 0).unwrap()]))
            .count();
        let bound = (1.0 / n as f64 + 0.05) * f64::from(SIZE);
        prop_assert!(moved as f64 <= bound, "{moved} moved, n = {n}");
    }
}
