use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

struct Bench {
    policy: AdaptiveConcurrency,
    gradient: Gradient,
    rng: Entropy,
    now: Instant,
}

impl Bench {
    fn new(change: impl FnOnce(&mut AdaptiveConcurrency)) -> Self {
        let mut policy = AdaptiveConcurrency {
            min_rtt_jitter_percent: 0,
            ..AdaptiveConcurrency::default()
        };
        change(&mut policy);
        Self {
            gradient: Gradient::new(&policy, at(0)),
            policy,
            rng: Entropy::from_seed(1),
            now: at(0),
        }
    }

    fn until(&mut self, now: Instant) {
        self.now = self.now.max(now);
        while let Some(due) = self.gradient.wakes_at().filter(|due| *due <= self.now) {
            self.gradient.advance(&self.policy, due);
        }
    }

    /// `n` requests one after another that take `rtt` each.
    fn requests(&mut self, n: u32, rtt: Duration) {
        for _ in 0..n {
            let sent = self.now;
            assert!(self.gradient.admit());
            self.until(sent + rtt);
            self.gradient
                .end(&self.policy, sent, self.now, &mut self.rng);
        }
    }

    /// One sample, and the update that takes it.
    fn step(&mut self, rtt: Duration) {
        assert!(self.gradient.admit());
        let sent = self.now - rtt;
        self.gradient
            .end(&self.policy, sent, self.now, &mut self.rng);
        self.until(self.now + ms(100));
    }
}

#[test]
fn it_measures_first_with_the_least_concurrency() {
    let mut b = Bench::new(|_| ());
    assert!(b.gradient.is_measuring());
    assert_eq!(b.gradient.limit(), 3);
    for admitted in [true, true, true, false] {
        assert_eq!(b.gradient.admit(), admitted);
    }
    assert_eq!(b.gradient.blocked(), 1);
    (0..3).for_each(|_| b.gradient.forget());
    b.requests(49, ms(10));
    assert!(b.gradient.is_measuring());
    b.requests(1, ms(10));
    assert!(!b.gradient.is_measuring());
    // Microseconds have two significant digits.
    let rtt = b.gradient.min_rtt().unwrap();
    assert!(rtt >= ms(10) && rtt < ms(11), "{rtt:?}");
}

#[test]
fn the_limit_follows_the_gradient_and_keeps_room_to_grow() {
    let mut b = Bench::new(|_| ());
    b.requests(50, ms(10));
    // Gradient 1.25 (10 ms and a quarter over 10 ms): 3·1.25 + √3.75 = 5.69.
    b.step(ms(10));
    assert_eq!(b.gradient.limit(), 5);
    // 5·1.25 + √6.25 = 8.75.
    b.step(ms(10));
    assert_eq!(b.gradient.limit(), 8);
    // Ten times slower: the gradient is cut to a half: 8·0.5 + √4 = 6.
    b.step(ms(100));
    assert_eq!(b.gradient.limit(), 6);
}

#[test]
fn five_updates_at_the_minimum_measure_again() {
    let mut b = Bench::new(|p| p.max_concurrency = 3);
    b.requests(50, ms(10));
    for _ in 0..4 {
        b.step(ms(100));
        assert!(!b.gradient.is_measuring());
    }
    b.step(ms(100));
    assert!(b.gradient.is_measuring());
}

#[test]
fn each_measurement_restores_the_limit_and_ignores_what_was_sent_before() {
    let mut b = Bench::new(|_| ());
    b.requests(50, ms(10));
    (0..9).for_each(|_| b.step(ms(10)));
    let limit = b.gradient.limit();
    assert!(limit > 20, "{limit}");
    let sent = b.now;
    assert!(b.gradient.admit());
    b.until(at(500) + Duration::from_secs(60));
    assert!(b.gradient.is_measuring());
    assert_eq!(b.gradient.limit(), 3);
    b.gradient.end(&b.policy, sent, b.now, &mut b.rng);
    b.requests(49, ms(20));
    assert!(b.gradient.is_measuring(), "the late one was no sample");
    b.requests(1, ms(20));
    assert_eq!(b.gradient.limit(), limit);
}

proptest! {
    #[test]
    fn the_limit_stays_within_its_bounds_and_admits_no_more(
        steps in prop::collection::vec((0u64..200, 0u8..4), 1..400),
        least in 1u32..5, more in 0u32..20,
    ) {
        let mut b = Bench::new(|p| {
            p.min_concurrency = least;
            p.max_concurrency = least + more;
            p.min_rtt_request_count = 5;
            p.min_rtt_interval = Duration::from_secs(2);
        });
        let mut sent = Vec::new();
        for (wait, what) in steps {
            let now = b.now + ms(wait);
            b.until(now);
            let room = b.gradient.under_way() < b.gradient.limit();
            match (what, sent.pop()) {
                (0 | 1, last) => {
                    sent.extend(last);
                    prop_assert_eq!(b.gradient.admit(), room);
                    if room { sent.push(b.now); }
                }
                (2, Some(at)) => b.gradient.end(&b.policy, at, b.now, &mut b.rng),
                (_, Some(_)) => b.gradient.forget(),
                (_, None) => {}
            }
            prop_assert!((least..=least + more).contains(&b.gradient.limit()));
            prop_assert_eq!(b.gradient.under_way() as usize, sent.len());
        }
    }
}
