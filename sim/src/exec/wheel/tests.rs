use engine::entropy::Entropy;
use engine::time::Instant;
use proptest::prelude::*;

use super::{TimerKey, Wheel};

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

#[test]
fn timers_fire_in_the_order_of_time_then_insertion() {
    let mut wheel = Wheel::new();
    for (i, t) in [5_000_000, 70, 70, 3, 5_000_000, u64::MAX - 1, 64]
        .into_iter()
        .enumerate()
    {
        wheel.insert(at(t), i);
    }
    let mut order = Vec::new();
    while let Some((_, i)) = wheel.pop(Instant::FAR_FUTURE) {
        order.push(i);
    }
    assert_eq!(order, [3, 6, 1, 2, 0, 4, 5]);
}

#[test]
fn a_timer_in_the_past_fires_now_and_never_before_the_limit() {
    let mut wheel = Wheel::new();
    assert_eq!(wheel.pop(at(1_000)), None::<(Instant, u8)>);
    wheel.insert(at(10), 1);
    wheel.insert(at(2_001), 2);
    assert_eq!(wheel.pop(at(2_000)), Some((at(1_000), 1)));
    assert_eq!(wheel.pop(at(2_000)), None);
    assert_eq!(wheel.pop(at(2_001)), Some((at(2_001), 2)));
}

#[test]
fn a_key_of_a_timer_that_fired_names_nothing() {
    let mut wheel = Wheel::new();
    let first = wheel.insert(at(1), 1);
    wheel.pop(at(1));
    wheel.insert(at(2), 2);
    assert_eq!(wheel.cancel(first), None);
    assert_eq!(wheel.len(), 1);
}

proptest! {
    /// Against the obvious model: a sorted list of (time, sequence number).
    #[test]
    fn the_wheel_agrees_with_a_sorted_list(seed: u64) {
        let mut rng = Entropy::from_seed(seed);
        let mut wheel = Wheel::new();
        let mut model: Vec<(u64, u64, TimerKey)> = Vec::new();
        let mut now = 0u64;
        for seq in 0..400u64 {
            match rng.below(4) {
                0 | 1 => {
                    let bits = rng.below(45);
                    let t = now.saturating_add(rng.below(1 << bits));
                    let key = wheel.insert(at(t), seq);
                    model.push((t, seq, key));
                }
                2 if !model.is_empty() => {
                    let (_, seq, key) = model.swap_remove(rng.index(model.len()));
                    prop_assert_eq!(wheel.cancel(key), Some(seq));
                }
                _ => {
                    let bits = rng.below(40);
                    let limit = now + rng.below(1 << bits);
                    model.sort_unstable_by_key(|e| (e.0, e.1));
                    let due = model.first().copied().filter(|e| e.0 <= limit);
                    if due.is_some() {
                        model.remove(0);
                    }
                    now = due.map_or(limit, |e| e.0);
                    prop_assert_eq!(wheel.pop(at(limit)), due.map(|e| (at(e.0), e.1)));
                }
            }
            prop_assert_eq!(wheel.len(), model.len());
        }
    }
}
