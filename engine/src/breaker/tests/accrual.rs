use super::*;
use crate::snapshot::FailureAccrual;
use crate::snapshot::breaker::RateWindow;

struct Bench {
    policy: FailureAccrual,
    breaker: Accrual,
    rng: Entropy,
}

impl Bench {
    fn new(change: impl FnOnce(&mut FailureAccrual)) -> Self {
        let mut policy = FailureAccrual::default();
        change(&mut policy);
        Self {
            breaker: Accrual::new(&policy, at(0)),
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
        let all = codes.iter();
        all.map(|code| self.record(ended(class(*code)), now))
            .last()
            .flatten()
    }

    fn probe(&mut self, class: Class, now: Instant) -> Option<Change> {
        self.breaker.advance(now);
        let probe = self.breaker.start();
        assert!(probe.is_some(), "no probe at {now:?}");
        let ended = Ended {
            probe,
            ..ended(class)
        };
        self.record(ended, now)
    }
}

#[test]
fn five_failures_in_a_row_and_no_fewer() {
    let mut b = Bench::new(|_| ());
    assert_eq!(b.answers(&[500; 4], at(0)), None);
    assert_eq!(b.answers(&[200], at(0)), None, "a success ends the run");
    assert_eq!(b.answers(&[500; 4], at(0)), None);
    let opened = Change::Opened {
        until: at(5_000),
        tripped: Tripped::ConsecutiveFailures(5),
    };
    assert_eq!(b.answers(&[503], at(0)), Some(opened));
}

#[test]
fn the_time_dead_doubles_with_jitter_and_restarts_only_after_a_revival() {
    let mut b = Bench::new(|_| ());
    b.answers(&[500; 5], at(0));
    let mut now = 5_000;
    // 5 s; then half + random(half) with half 5, 10, 20 … s; 300 s once half reaches it.
    for half in [5_000u64, 10_000, 20_000, 40_000, 80_000, 160_000] {
        let Some(Change::Reopened { until }) = b.probe(class(500), at(now)) else {
            panic!("the probe failed at {now}");
        };
        let dead = until.since(at(now)).as_millis() as u64;
        let most = (2 * half).min(300_000);
        assert!((half..=most).contains(&dead), "{dead} of half {half}");
        now += dead;
        now += 1;
    }
    for _ in 0..3 {
        let until = at(now + 300_000);
        assert_eq!(
            b.probe(class(500), at(now)),
            Some(Change::Reopened { until })
        );
        now += 300_000;
    }
    assert_eq!(b.probe(class(200), at(now)), Some(Change::Closed));
    let again = b.answers(&[500; 5], at(now));
    assert!(matches!(again, Some(Change::Opened { until, .. }) if until == at(now + 5_000)));
}

#[test]
fn the_average_is_believed_after_a_window_and_with_volume() {
    let rate_only = |p: &mut FailureAccrual| p.consecutive_failures = 0;
    let mut b = Bench::new(rate_only);
    // All fail, but a window of 30 s has not passed.
    for second in 0..30 {
        assert_eq!(b.answers(&[500], at(1_000 * second)), None);
    }
    let dead = b.answers(&[500], at(30_000));
    let tripped = Tripped::AverageSuccess(0);
    assert!(matches!(dead, Some(Change::Opened { tripped: t, .. }) if t == tripped));
    // Four requests in the window are too few.
    let mut b = Bench::new(rate_only);
    for second in [0, 40, 41, 42, 43] {
        assert_eq!(b.answers(&[500], at(1_000 * second)), None);
    }
    assert!(b.answers(&[500], at(44_000)).is_some());
}

#[test]
fn the_average_weighs_by_the_time_between_requests() {
    let mut b = Bench::new(|p| {
        p.consecutive_failures = 0;
        p.success_rate.min_requests = 1;
    });
    assert_eq!(b.answers(&[200], at(0)), None);
    // e^(-6/30) = 0.819: still above 0.8, but the first window is not over either.
    assert_eq!(b.answers(&[200], at(30_000)), None);
    assert_eq!(
        b.answers(&[500], at(36_000)),
        None,
        "0.819 is not below 0.8"
    );
    // 0.819 · e^(-1/30) = 0.792
    assert!(matches!(
        b.answers(&[500], at(37_000)),
        Some(Change::Opened {
            tripped: Tripped::AverageSuccess(792),
            ..
        })
    ));
}

#[test]
fn an_average_over_requests_needs_as_many() {
    let mut b = Bench::new(|p| {
        p.consecutive_failures = 0;
        p.success_rate.window = RateWindow::Requests(10);
    });
    assert_eq!(b.answers(&[500; 9], at(0)), None);
    assert!(b.answers(&[500], at(0)).is_some());
}

#[test]
fn when_both_policies_say_dead_the_longer_time_holds() {
    let mut b = Bench::new(|p| p.success_rate.window = RateWindow::Requests(5));
    // Both fire at the fifth failure, for 5 s each; the average alone has died before.
    b.answers(&[500; 5], at(0));
    assert_eq!(b.probe(class(200), at(5_000)), Some(Change::Closed));
    b.answers(&[500; 5], at(5_000));
    let Some(Change::Reopened { until }) = b.probe(class(500), at(10_000)) else {
        panic!("both fire");
    };
    let dead = until.since(at(10_000));
    assert!(dead >= Duration::from_secs(5) && dead <= Duration::from_secs(10));
}

#[test]
fn while_dead_failures_do_not_count_and_successes_do() {
    let mut b = Bench::new(|_| ());
    b.answers(&[500; 5], at(0));
    assert_eq!(b.answers(&[500; 9], at(10)), None);
    assert_eq!(b.answers(&[200], at(20)), None);
    assert!(matches!(b.breaker.position(), Position::Open { .. }));
    // The run began anew: one failed probe alone is no reason to be dead.
    let probe = b.probe(class(500), at(5_000));
    assert_eq!(probe, Some(Change::ProbeReturned));
    assert!(matches!(
        b.breaker.position(),
        Position::HalfOpen { probing: false, .. }
    ));
}

#[test]
fn only_one_probe_at_a_time_and_only_it_decides() {
    let mut b = Bench::new(|_| ());
    b.answers(&[500; 5], at(0));
    b.breaker.advance(at(5_000));
    let probe = b.breaker.start();
    assert!(probe.is_some());
    assert_eq!(b.breaker.start(), None);
    assert_eq!(b.answers(&[200], at(5_001)), None, "a late answer");
    assert!(matches!(
        b.breaker.position(),
        Position::HalfOpen { probing: true, .. }
    ));
    let gone = Ended {
        probe,
        ..ended(IGNORED)
    };
    assert_eq!(b.record(gone, at(5_002)), Some(Change::ProbeReturned));
    assert_eq!(b.probe(class(200), at(5_003)), Some(Change::Closed));
}

proptest! {
    /// Never two probes at once, dead for at least the first time, no change by what says nothing.
    #[test]
    fn one_probe_at_a_time_and_the_whole_time_dead(
        steps in prop::collection::vec((0u64..4_000, 0u8..6), 1..300),
        seed: u64,
    ) {
        let mut b = Bench::new(|p| p.consecutive_failures = 2);
        b.rng = Entropy::from_seed(seed);
        let mut now = 0;
        let mut out: Option<Probe> = None;
        for (wait, what) in steps {
            now += wait;
            b.breaker.advance(at(now));
            let before = b.breaker.position();
            match what {
                0 | 1 => if let Some(probe) = b.breaker.start() {
                    prop_assert!(out.is_none(), "two probes");
                    out = Some(probe);
                },
                2 => {
                    b.record(ended(IGNORED), at(now));
                    prop_assert_eq!(before, b.breaker.position());
                }
                3 => {
                    b.answers(&[500], at(now));
                }
                code => if let Some(probe) = out.take() {
                    let class = class(if code == 4 { 500 } else { 200 });
                    b.record(Ended { probe: Some(probe), ..ended(class) }, at(now));
                },
            }
            if let Position::Open { since, until } = b.breaker.position() {
                prop_assert!(until.since(since) >= b.policy.backoff_min);
            }
        }
    }
}
