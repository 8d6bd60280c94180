use super::*;
use crate::balance::tests::{Fixed, keyed};

fn loads(active: &[u32]) -> Fixed {
    Fixed {
        active: active.to_vec(),
        cost: vec![1.0; active.len()],
    }
}

#[track_caller]
fn check(factor: u32, weights: &[u32], active: &[u32], expected: impl Fn(usize) -> bool) {
    let hosts = keyed(weights);
    for hash in 0..50 {
        let seen = Bounded::new(factor).choose(0, hash, &hosts, &loads(active));
        assert!(expected(seen), "{factor} {weights:?} {active:?}: {seen}");
    }
}

#[test]
fn slots_are_rounded_up() {
    assert_eq!(slots_total(0, 150), 2);
    assert_eq!(slots_total(1, 150), 3);
    assert_eq!(slots_total(9, 100), 10);
    assert_eq!(slots_total(9, 125), 13);
}

#[test]
fn a_host_keeps_its_keys_up_to_its_share_of_the_load() {
    // Eleven requests at 125 %: ceil(15/4) = 4 slots each; four are not yet too many.
    check(125, &[1; 4], &[4, 3, 2, 1], |seen| seen == 0);
    check(125, &[1; 4], &[5, 3, 2, 1], |seen| seen != 0);
    // Twice the weight, twice the slots: ceil(18·0.4) = 8.
    check(150, &[2, 1, 1, 1], &[8, 1, 1, 1], |seen| seen == 0);
    check(150, &[1, 2, 1, 1], &[8, 1, 1, 1], |seen| seen != 0);
}

#[test]
fn whoever_is_full_is_passed_over() {
    // Ten requests at 100 %: ceil(11/3) = 4 slots each; only host 2 has room.
    check(100, &[1; 3], &[5, 5, 0], |seen| seen == 2);
    // Weights 1:1:8 of 32 slots: 4, 4 and 26.
    check(100, &[1, 1, 8], &[5, 5, 21], |seen| seen == 2);
}

#[test]
fn the_same_hash_finds_the_same_other_host_and_others_spread() {
    let hosts = keyed(&[1; 10]);
    let mut active = [0; 10];
    active[0] = 50;
    let of = |hash: u64| Bounded::new(120).choose(0, hash, &hosts, &loads(&active));
    let mut seen = std::collections::BTreeSet::new();
    for hash in 0..100 {
        assert_eq!(of(hash), of(hash));
        seen.insert(of(hash));
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
}
