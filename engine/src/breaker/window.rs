//! Exact counts over the last while, in ten buckets.
//!
//! An average weighted by inter-arrival time gives a fast burst almost no weight; exact counts do
//! not (linkerd2-proxy `breaker/success_rate.rs`).

use crate::time::{Duration, Instant, nanos};

/// Buckets of a window: the resolution with which old responses are forgotten.
const BUCKETS: usize = 10;

/// A shorter window is not told from this one.
const WINDOW_MIN: Duration = Duration::from_millis(10);

/// Good and all responses of the last `window`.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    buckets: [Counts; BUCKETS],
    head: usize,
    last_roll: Instant,
    width: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub good: u64,
    pub total: u64,
}

// === impl Window ===

impl Window {
    pub fn new(window: Duration, now: Instant) -> Self {
        Self {
            buckets: [Counts::default(); BUCKETS],
            head: 0,
            last_roll: now,
            width: nanos(window.max(WINDOW_MIN)) / BUCKETS as u64,
        }
    }

    pub fn record(&mut self, good: bool, now: Instant) {
        self.roll(now);
        let bucket = &mut self.buckets[self.head];
        bucket.good += u64::from(good);
        bucket.total += 1;
    }

    /// The counts of the window that ends at `now`.
    pub fn counts(&mut self, now: Instant) -> Counts {
        self.roll(now);
        let mut sum = Counts::default();
        for bucket in &self.buckets {
            sum.good += bucket.good;
            sum.total += bucket.total;
        }
        sum
    }

    fn roll(&mut self, now: Instant) {
        let steps = nanos(now.since(self.last_roll)) / self.width;
        for _ in 0..steps.min(BUCKETS as u64) {
            self.head = (self.head + 1) % BUCKETS;
            self.buckets[self.head] = Counts::default();
        }
        // By whole widths, so that the grid does not drift with the times of the calls.
        self.last_roll = self.last_roll + Duration::from_nanos(steps.saturating_mul(self.width));
    }
}
