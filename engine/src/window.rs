//! Sums over the last while, in equal slots on a grid of times.
//!
//! An average weighted by inter-arrival time gives a fast burst almost no weight; exact counts do
//! not (linkerd2-proxy `breaker/success_rate.rs`). Breakers, budgets and admission control all
//! count with this one, so that they forget in the same way.

use core::ops::AddAssign;

use crate::time::{Duration, Instant, nanos};

/// A shorter window is not told from this one.
const WINDOW_MIN: Duration = Duration::from_millis(10);

/// What was added within the last `window`, with a resolution of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window<T> {
    slots: Box<[T]>,
    head: usize,
    last_roll: Instant,
    width: u64,
}

// === impl Window ===

impl<T: Copy + Default + PartialEq + AddAssign> Window<T> {
    /// Empty. `slots` of zero count as one.
    pub fn new(window: Duration, slots: usize, now: Instant) -> Self {
        let slots = slots.max(1);
        Self {
            slots: vec![T::default(); slots].into(),
            head: 0,
            last_roll: now,
            width: (nanos(window.max(WINDOW_MIN)) / slots as u64).max(1),
        }
    }

    pub fn add(&mut self, value: T, now: Instant) {
        self.roll(now);
        self.slots[self.head] += value;
    }

    /// The sum over the window that ends at `now`.
    pub fn sum(&mut self, now: Instant) -> T {
        self.roll(now);
        let mut sum = T::default();
        for slot in &self.slots {
            sum += *slot;
        }
        sum
    }

    /// Whether nothing is left in it at `now`, in no slot.
    pub fn is_empty(&mut self, now: Instant) -> bool {
        self.roll(now);
        self.slots.iter().all(|slot| *slot == T::default())
    }

    /// Forgets everything; the grid begins at `now`.
    pub fn clear(&mut self, now: Instant) {
        self.slots.fill(T::default());
        self.head = 0;
        self.last_roll = now;
    }

    fn roll(&mut self, now: Instant) {
        let n = self.slots.len();
        let steps = nanos(now.since(self.last_roll)) / self.width;
        for _ in 0..steps.min(n as u64) {
            self.head = (self.head + 1) % n;
            self.slots[self.head] = T::default();
        }
        // By whole widths, so that the grid does not drift with the times of the calls.
        self.last_roll = self.last_roll + Duration::from_nanos(steps.saturating_mul(self.width));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn it_rolls_in_steps_without_drift() {
        let mut w = Window::new(Duration::from_secs(10), 10, at(0));
        w.add(1, at(950));
        w.add(1, at(1_050));
        assert_eq!(w.sum(at(9_999)), 2);
        assert_eq!(w.sum(at(10_000)), 1);
        assert_eq!(w.sum(at(10_999)), 1);
        assert_eq!(w.sum(at(11_000)), 0);
        // Called at odd times, the grid stays on whole seconds.
        w.add(1, at(12_345));
        assert_eq!(w.sum(at(21_999)), 1);
        assert_eq!(w.sum(at(22_000)), 0);
        assert!(w.is_empty(at(22_000)));
    }

    #[test]
    fn a_night_without_calls_costs_one_turn() {
        let mut w = Window::new(Duration::from_secs(10), 10, at(0));
        w.add(7, at(0));
        assert_eq!(w.sum(Instant::FAR_FUTURE), 0);
        w.add(7, at(5));
        assert_eq!(w.sum(at(0)), 7, "time does not go back");
    }
}
