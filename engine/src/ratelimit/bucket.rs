//! One token bucket, refilled lazily: exact at any time, without timers.
//!
//! Held as GCRA (the generic cell rate algorithm of ATM Forum TM 4.0 §4.4.2; Linkerd's limiter uses
//! it as well), which is the same bucket in one number: the time at which it will be full again. A
//! token takes `interval` to come back, so a bucket that is full at `t` holds, at `now < t`,
//! `burst - ceil((t - now) / interval)` tokens.

use crate::snapshot::ratelimit::Limit;
use crate::time::{Instant, nanos};

/// A bucket. It starts full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// When it is full again, in units of a nanosecond divided by the limit's requests, so that
    /// `requests` tokens take exactly the limit's time, whatever the number.
    full_at: u128,
}

/// The answer of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether there was a token.
    pub admitted: bool,
    /// Tokens left.
    pub remaining: u32,
    /// When there is a token: now, unless all are gone.
    pub next: Instant,
}

// === impl Bucket ===

impl Bucket {
    /// Takes a token, if there is one.
    pub fn take(&mut self, limit: &Limit, now: Instant) -> Taken {
        let requests = u128::from(limit.requests);
        if requests == 0 {
            return Taken {
                admitted: false,
                remaining: 0,
                next: Instant::FAR_FUTURE,
            };
        }
        // One token, in these units, is the whole time of the limit.
        let token = u128::from(nanos(limit.per));
        let now_units = u128::from(now.as_nanos()) * requests;
        let burst = token * u128::from(limit.burst.max(1));
        let empty = now_units + burst;
        let full_at = self.full_at.max(now_units);
        let admitted = full_at + token <= empty;
        if admitted {
            self.full_at = full_at + token;
        }
        let room = empty.saturating_sub(self.full_at.max(now_units));
        let missing = (self.full_at + token).saturating_sub(burst);
        let next = u64::try_from(missing.div_ceil(requests)).unwrap_or(u64::MAX);
        Taken {
            admitted,
            remaining: u32::try_from(room.checked_div(token).unwrap_or(0)).unwrap_or(u32::MAX),
            next: Instant::from_nanos(next).max(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn limit(requests: u32, per: Duration, burst: u32) -> Limit {
        Limit {
            requests,
            per,
            burst,
        }
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_is_admitted_and_then_one_token_at_a_time() {
        let limit = limit(10, Duration::from_secs(1), 3);
        let mut bucket = Bucket::default();
        let seen: Vec<_> = [0, 0, 0, 0, 99, 100, 100, 1000, 1000, 1000, 1000]
            .into_iter()
            .map(|ms| {
                let taken = bucket.take(&limit, at(ms));
                (ms, taken.admitted, taken.remaining, taken.next)
            })
            .collect();
        let expected = [
            (0, true, 2, at(0)),
            (0, true, 1, at(0)),
            (0, true, 0, at(100)),
            (0, false, 0, at(100)),
            (99, false, 0, at(100)),
            (100, true, 0, at(200)),
            (100, false, 0, at(200)),
            (1000, true, 2, at(1000)),
            (1000, true, 1, at(1000)),
            (1000, true, 0, at(1100)),
            (1000, false, 0, at(1100)),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn no_requests_means_none() {
        let mut bucket = Bucket::default();
        let taken = bucket.take(&limit(0, Duration::from_secs(1), 1), at(0));
        assert!(!taken.admitted);
        assert_eq!(taken.next, Instant::FAR_FUTURE);
    }

    #[test]
    fn thirds_of_a_second_do_not_add_up_to_an_error() {
        // With room for a second token, what is lost to whole nanoseconds is not lost for good.
        let limit = limit(3, Duration::from_secs(1), 2);
        let mut bucket = Bucket::default();
        let mut now = Instant::ZERO;
        for _ in 0..3_001 {
            let taken = bucket.take(&limit, now);
            assert!(taken.admitted, "{now:?}");
            now = taken.next;
        }
        assert_eq!(now, Instant::ZERO + Duration::from_secs(1000));
    }

    proptest! {
        /// Never more than the burst and what came back since, on every interval.
        #[test]
        fn admits_at_most_burst_and_rate(
            requests in 1..50u32,
            burst in 1..20u32,
            gaps in proptest::collection::vec(0..400u64, 1..200),
        ) {
            let limit = limit(requests, Duration::from_secs(1), burst);
            let mut bucket = Bucket::default();
            let mut now = 0;
            let mut admitted: Vec<u64> = Vec::new();
            for gap in gaps {
                now += gap;
                if bucket.take(&limit, at(now)).admitted {
                    admitted.push(now);
                }
            }
            for (first, start) in admitted.iter().enumerate() {
                for (last, end) in admitted.iter().enumerate().skip(first) {
                    let count = (last - first + 1) as u64;
                    let most = u64::from(burst) * 1000 + (end - start) * u64::from(requests);
                    prop_assert!(count * 1000 <= most, "{count} from {start} to {end}");
                }
            }
        }

        /// Waiting until `next` is enough, and no time less is.
        #[test]
        fn next_is_the_first_moment_with_a_token(
            requests in 1..50u32,
            burst in 1..5u32,
            taken in 1..20u32,
        ) {
            let limit = limit(requests, Duration::from_secs(1), burst);
            let mut bucket = Bucket::default();
            let mut last = bucket.take(&limit, at(5));
            for _ in 0..taken {
                last = bucket.take(&limit, at(5));
            }
            if last.remaining == 0 {
                let mut early = bucket;
                let before = Instant::from_nanos(last.next.as_nanos() - 1);
                prop_assert!(!early.take(&limit, before).admitted);
                prop_assert!(bucket.take(&limit, last.next).admitted);
            }
        }
    }
}
