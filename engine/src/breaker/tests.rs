use proptest::prelude::*;

use super::*;
use crate::classify::{Broken, Class, Hint, Outcome, classify};
use crate::entropy::Entropy;
use crate::snapshot::UnifiedBreaker;
use crate::time::{Duration, Instant};

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn class(code: u16) -> Class {
    classify(Outcome::Http(http::StatusCode::from_u16(code).unwrap()))
}

fn ended(class: Class) -> Ended {
    Ended {
        class,
        hint: None,
        probe: None,
    }
}

const IGNORED: Class = Class {
    kind: crate::classify::Kind::Ignorable,
    gateway: false,
    rate_limited: false,
};

/// A breaker with its policy and entropy.
struct Bench {
    policy: UnifiedBreaker,
    breaker: Unified,
    rng: Entropy,
}

impl Bench {
    fn new(change: impl FnOnce(&mut UnifiedBreaker)) -> Self {
        let mut policy = UnifiedBreaker {
            jitter: 0.0,
            ..UnifiedBreaker::default()
        };
        change(&mut policy);
        Self {
            breaker: Unified::new(&policy, at(0)),
            policy,
            rng: Entropy::from_seed(1),
        }
    }

    fn record(&mut self, ended: Ended, now: Instant) -> Option<Change> {
        self.breaker.advance(now);
        let (policy, rng) = (&self.policy, &mut self.rng);
        self.breaker.record(policy, ended, true, now, rng)
    }

    fn answers(&mut self, codes: &[u16], now: Instant) -> Option<Change> {
        let mut last = None;
        for code in codes {
            last = self.record(ended(class(*code)), now);
        }
        last
    }

    /// Sends the probe at `now` and lets it end with `code`.
    fn probe(&mut self, code: u16, now: Instant) -> Option<Change> {
        self.breaker.advance(now);
        let probe = self.breaker.start();
        assert!(probe.is_some(), "no probe at {now:?}");
        let ended = Ended {
            probe,
            ..ended(class(code))
        };
        self.record(ended, now)
    }
}

#[test]
fn seven_failures_in_a_row_trip_it_and_a_429_ends_a_run() {
    let mut b = Bench::new(|p| p.success_rate_threshold = 0.0);
    assert_eq!(b.answers(&[500; 6], at(0)), None);
    assert_eq!(b.answers(&[429], at(0)), None);
    assert_eq!(b.answers(&[500; 6], at(0)), None);
    assert_eq!(b.breaker.position(), Position::Closed);
    let opened = Change::Opened {
        until: at(1_000),
        tripped: Tripped::ConsecutiveFailures(7),
    };
    assert_eq!(b.answers(&[503], at(0)), Some(opened));
    assert!(!b.breaker.position().admits());
}

#[test]
fn local_failures_count_like_answers() {
    let mut b = Bench::new(|p| p.max_failures = 2);
    let reset = classify(Outcome::Broken(Broken::Reset));
    assert_eq!(b.record(ended(reset), at(0)), None);
    assert!(matches!(
        b.record(ended(reset), at(0)),
        Some(Change::Opened { .. })
    ));
}

#[test]
fn a_success_rate_below_the_threshold_trips_it_once_there_is_volume() {
    let mut b = Bench::new(|p| p.max_failures = 0);
    // 3 of 4 would be 75 %, but five are asked for; 4 of 5 is not *below* 80 %.
    assert_eq!(b.answers(&[200, 200, 200, 500], at(0)), None);
    assert_eq!(b.answers(&[200], at(0)), None);
    let tripped = Tripped::SuccessRate { good: 4, total: 6 };
    assert!(matches!(
        b.answers(&[500], at(0)),
        Some(Change::Opened { tripped: t, .. }) if t == tripped
    ));
}

#[test]
fn rate_limit_signals_lower_the_success_rate() {
    let mut b = Bench::new(|_| ());
    assert_eq!(b.answers(&[200, 200, 200, 429], at(0)), None);
    assert!(matches!(
        b.answers(&[429], at(0)),
        Some(Change::Opened { .. })
    ));
}

#[test]
fn what_happened_before_the_window_is_forgotten() {
    let mut b = Bench::new(|p| p.max_failures = 0);
    assert_eq!(b.answers(&[500; 4], at(0)), None);
    assert_eq!(b.answers(&[200; 4], at(10_000)), None, "the four are gone");
    assert!(b.answers(&[500, 500], at(10_000)).is_some());
}

#[test]
fn back_off_doubles_with_each_failed_probe_and_restarts_at_each_trip() {
    let mut b = Bench::new(|p| {
        p.max_failures = 1;
        p.backoff_max = Duration::from_secs(6);
    });
    b.answers(&[500], at(0));
    let mut now = 1_000;
    for wait in [2_000, 4_000, 6_000, 6_000] {
        let until = at(now + wait);
        assert_eq!(b.probe(500, at(now)), Some(Change::Reopened { until }));
        now += wait;
    }
    assert_eq!(b.probe(200, at(now)), Some(Change::Closed));
    let again = b.answers(&[500], at(now));
    assert!(matches!(again, Some(Change::Opened { until, .. }) if until == at(now + 1_000)));
}

#[test]
fn jitter_adds_up_to_its_share_and_never_passes_the_maximum() {
    for seed in 0..200 {
        let mut b = Bench::new(|p| {
            p.max_failures = 1;
            p.jitter = 0.5;
            p.backoff_max = Duration::from_millis(1_400);
        });
        b.rng = Entropy::from_seed(seed);
        let Some(Change::Opened { until, .. }) = b.answers(&[500], at(0)) else {
            panic!("did not open");
        };
        assert!((at(1_000)..=at(1_400)).contains(&until), "{until:?}");
    }
}

#[track_caller]
fn check_hint(honor: bool, hint: Hint, expected_ms: u64) {
    let mut b = Bench::new(|p| {
        p.max_failures = 1;
        p.honor_retry_after = honor;
    });
    let ended = Ended {
        hint: Some(hint),
        ..ended(class(503))
    };
    let Some(Change::Opened { until, .. }) = b.record(ended, at(0)) else {
        panic!("did not open");
    };
    assert_eq!(until, at(expected_ms), "{hint:?}");
}

#[test]
fn a_hint_replaces_the_back_off_within_its_bounds() {
    let after = |s| Hint::After(Duration::from_secs(s));
    check_hint(true, after(7), 7_000);
    check_hint(true, after(0), 1_000);
    check_hint(true, after(200), 60_000);
    check_hint(true, Hint::Never, 1_000);
    check_hint(false, after(7), 1_000);
}

#[test]
fn a_probe_fails_on_a_rate_limit_and_says_nothing_when_cancelled() {
    let mut b = Bench::new(|p| p.max_failures = 1);
    b.answers(&[500], at(0));
    b.breaker.advance(at(1_000));
    let cancelled = Ended {
        probe: b.breaker.start(),
        ..ended(IGNORED)
    };
    assert!(!b.breaker.position().admits(), "its slot is taken");
    assert_eq!(b.record(cancelled, at(1_001)), Some(Change::ProbeReturned));
    assert!(b.breaker.position().admits(), "its slot is free");
    assert!(matches!(
        b.probe(429, at(1_002)),
        Some(Change::Reopened { .. })
    ));
}

#[test]
fn late_answers_do_not_decide() {
    let mut b = Bench::new(|p| p.max_failures = 1);
    b.answers(&[500], at(0));
    assert_eq!(b.answers(&[200, 500], at(500)), None, "while open");
    b.breaker.advance(at(1_000));
    let old = b.breaker.start();
    assert_eq!(
        b.answers(&[200, 500], at(1_001)),
        None,
        "half-open, not the probe"
    );
    let failed = Ended {
        probe: old,
        ..ended(class(500))
    };
    assert!(b.record(failed, at(1_002)).is_some());
    b.breaker.advance(at(9_000));
    assert_eq!(
        b.record(failed, at(9_000)),
        None,
        "the probe of an earlier phase"
    );
    assert!(b.breaker.position().admits());
}

#[test]
fn a_capped_breaker_stays_closed() {
    let mut b = Bench::new(|p| p.max_failures = 1);
    let (policy, rng) = (&b.policy, &mut b.rng);
    let change = b
        .breaker
        .record(policy, ended(class(500)), false, at(0), rng);
    assert_eq!(
        change,
        Some(Change::Capped(Tripped::ConsecutiveFailures(1)))
    );
    assert!(b.breaker.position().admits());
}

#[test]
fn it_becomes_half_open_at_its_time_whenever_that_is_noticed() {
    let mut b = Bench::new(|p| p.max_failures = 1);
    b.answers(&[500], at(0));
    assert_eq!(b.breaker.position().wakes_at(), Some(at(1_000)));
    assert!(!b.breaker.advance(at(999)));
    assert!(b.breaker.advance(at(5_000)));
    let expected = Position::HalfOpen {
        since: at(1_000),
        probing: false,
    };
    assert_eq!(b.breaker.position(), expected);
}

proptest! {
    #[test]
    fn one_probe_at_a_time_and_no_early_reopening(
        steps in prop::collection::vec((0u64..900, 0u8..5, any::<prop::sample::Index>()), 1..200),
        seed: u64,
    ) {
        let mut b = Bench::new(|p| {
            p.max_failures = 2;
            p.jitter = 0.5;
        });
        b.rng = Entropy::from_seed(seed);
        let mut now = 0;
        let mut under_way: Vec<Option<Probe>> = Vec::new();
        let mut opened_at = None;
        for (wait, what, which) in steps {
            now += wait;
            b.breaker.advance(at(now));
            if what < 2 {
                if b.breaker.position().admits() {
                    under_way.push(b.breaker.start());
                }
                let probing = matches!(
                    b.breaker.position(),
                    Position::HalfOpen { probing: true, .. }
                );
                let probes = under_way.iter().flatten().count();
                prop_assert!(probes <= 1, "{probes} probes at {now}");
                prop_assert_eq!(probing, probes == 1);
                continue;
            }
            if under_way.is_empty() {
                continue;
            }
            let probe = under_way.swap_remove(which.index(under_way.len()));
            let before = b.breaker.position();
            let class = [IGNORED, class(200), class(500)][usize::from(what - 2)];
            let change = b.record(Ended { class, hint: None, probe }, at(now));
            if class == IGNORED {
                prop_assert!(matches!(change, None | Some(Change::ProbeReturned)));
                prop_assert_eq!(
                    core::mem::discriminant(&before),
                    core::mem::discriminant(&b.breaker.position())
                );
            }
            match b.breaker.position() {
                Position::Open { since, until } => {
                    prop_assert!(until.since(since) >= b.policy.backoff_min);
                    prop_assert!(until.since(since) <= b.policy.backoff_max);
                    opened_at = Some(since);
                }
                Position::HalfOpen { since, .. } => {
                    let open_for = since.since(opened_at.unwrap());
                    prop_assert!(open_for >= b.policy.backoff_min);
                }
                Position::Closed => {}
            }
        }
    }
}

mod accrual;
mod rolling;
