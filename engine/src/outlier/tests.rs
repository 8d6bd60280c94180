use proptest::prelude::*;

use super::*;
use crate::classify::{Broken, Outcome, classify};
use crate::snapshot::backend::Consecutive;

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn http(code: u16) -> Class {
    classify(Outcome::Http(http::StatusCode::from_u16(code).unwrap()))
}

/// A detector with its hosts.
struct Bench {
    detector: Detector,
    hosts: Vec<HostRecord>,
    rng: Entropy,
}

impl Bench {
    fn new(hosts: usize, change: impl FnOnce(&mut Outlier)) -> Self {
        let mut policy = Outlier::default();
        change(&mut policy);
        Self {
            detector: Detector::new(policy, at(0)),
            hosts: vec![HostRecord::default(); hosts],
            rng: Entropy::from_seed(1),
        }
    }

    /// One answer of a host, and what it led to.
    fn answer(&mut self, host: usize, class: Class, now: Instant) -> Vec<ChangeKind> {
        let reasons = self.hosts[host].count(self.detector.policy(), class);
        let mut changes = Vec::new();
        for reason in reasons.into_iter().flatten() {
            let mut hosts: Vec<_> = self.hosts.iter_mut().collect();
            let (detector, rng) = (&self.detector, &mut self.rng);
            let change = detector.propose(&mut hosts, host, reason, now, rng);
            changes.extend(change.map(|c| c.kind));
        }
        changes
    }

    fn answers(&mut self, host: usize, code: u16, n: usize, now: Instant) -> Vec<ChangeKind> {
        let mut changes = Vec::new();
        for _ in 0..n {
            changes.extend(self.answer(host, http(code), now));
        }
        changes
    }

    fn sweep(&mut self) -> Vec<(usize, ChangeKind)> {
        let mut hosts: Vec<_> = self.hosts.iter_mut().collect();
        let changes = self.detector.sweep(&mut hosts, &mut self.rng);
        changes.into_iter().map(|c| (c.host, c.kind)).collect()
    }

    fn ejected(&self) -> Vec<usize> {
        let all = self.hosts.iter().enumerate();
        all.filter(|(_, h)| h.is_ejected())
            .map(|(i, _)| i)
            .collect()
    }
}

const EJECTED_5XX: ChangeKind = ChangeKind::Ejected(Reason::Consecutive5xx);

#[test]
fn the_threshold_of_the_success_rate() {
    let threshold = success_rate_threshold(&[50.0, 100.0, 100.0, 100.0, 100.0], 1.9);
    assert!(
        (threshold - 52.0).abs() < 1e-9,
        "mean 90, stdev 20: {threshold}"
    );
}

#[test]
fn the_sweep_ejects_the_host_below_the_crowd() {
    let mut b = Bench::new(5, |_| ());
    for host in 0..5 {
        for i in 0..100 {
            let bad = host == 0 && i % 2 == 0;
            b.answer(host, http(if bad { 500 } else { 200 }), at(1));
        }
    }
    let ejected = ChangeKind::Ejected(Reason::SuccessRate);
    assert_eq!(b.sweep(), [(0, ejected)]);
}

#[test]
fn the_success_rate_needs_volume_and_hosts() {
    for (hosts, requests) in [(4, 100), (5, 99)] {
        let mut b = Bench::new(hosts, |_| ());
        for host in 0..hosts {
            for i in 0..requests {
                let bad = host == 0 && i % 2 == 0;
                b.answer(host, http(if bad { 500 } else { 200 }), at(1));
            }
        }
        assert_eq!(b.sweep(), [], "{hosts} hosts, {requests} requests each");
    }
}

#[test]
fn the_failure_percentage_has_a_fixed_threshold() {
    let mut b = Bench::new(5, |p| {
        p.consecutive_5xx.threshold = 0;
        p.success_rate.enforcing = 0;
        p.failure_percentage.enforcing = 100;
    });
    for host in 0..5 {
        let failures = [85, 84, 100, 0, 0][host];
        b.answers(host, 500, failures, at(1));
        b.answers(host, 200, 100 - failures, at(1));
    }
    let ejected = ChangeKind::Ejected(Reason::FailurePercentage);
    assert_eq!(b.sweep(), [(0, ejected), (2, ejected)]);
}

#[test]
fn five_failures_in_a_row_eject() {
    let mut b = Bench::new(4, |_| ());
    assert_eq!(b.answers(0, 500, 4, at(1)), []);
    assert_eq!(b.answers(0, 404, 1, at(1)), [], "a success ends the run");
    assert_eq!(b.answers(0, 500, 4, at(1)), []);
    assert_eq!(b.answers(0, 500, 1, at(1)), [EJECTED_5XX]);
    assert_eq!(b.answers(0, 500, 20, at(1)), [], "ejected already");
}

#[test]
fn a_run_starts_anew_whether_or_not_the_ejection_took_place() {
    let mut b = Bench::new(4, |p| p.max_ejection_percent = 0);
    let overflow = ChangeKind::Overflow(Reason::Consecutive5xx);
    let changes = b.answers(0, 500, 14, at(1));
    assert_eq!(changes, [overflow; 2], "after the fifth and the tenth");
}

#[test]
fn gateway_failures_have_their_own_counter() {
    let both = |p: &mut Outlier| {
        p.consecutive_5xx.threshold = 100;
        p.consecutive_gateway_failure = Consecutive {
            threshold: 3,
            enforcing: 100,
        };
    };
    let mut b = Bench::new(4, both);
    assert_eq!(b.answers(0, 503, 2, at(1)), []);
    assert_eq!(
        b.answers(0, 500, 1, at(1)),
        [],
        "no gateway failure: resets"
    );
    assert_eq!(b.answers(0, 504, 2, at(1)), []);
    let ejected = ChangeKind::Ejected(Reason::ConsecutiveGatewayFailure);
    assert_eq!(b.answers(0, 502, 1, at(1)), [ejected]);
}

#[test]
fn a_detector_that_is_not_enforced_hides_no_other() {
    // Defaults: both thresholds are 5, the gateway detector has enforcing 0.
    let mut b = Bench::new(4, |_| ());
    assert_eq!(b.answers(0, 503, 5, at(1)), [EJECTED_5XX]);
}

#[test]
fn local_failures_count_as_5xx_unless_they_are_split_off() {
    let reset = classify(Outcome::Broken(Broken::Reset));
    let mut b = Bench::new(4, |_| ());
    let changes: Vec<_> = (0..5).flat_map(|_| b.answer(0, reset, at(1))).collect();
    assert_eq!(changes, [EJECTED_5XX]);

    let mut b = Bench::new(4, |p| p.split_external_local_origin_errors = true);
    for _ in 0..4 {
        assert_eq!(b.answer(0, reset, at(1)), []);
    }
    assert_eq!(
        b.answers(0, 500, 1, at(1)),
        [],
        "connected: ends the local run"
    );
    let changes: Vec<_> = (0..5).flat_map(|_| b.answer(0, reset, at(1))).collect();
    let local = ChangeKind::Ejected(Reason::ConsecutiveLocalOriginFailure);
    assert_eq!(changes, [local]);
}

#[test]
fn a_cancelled_request_moves_nothing() {
    let mut b = Bench::new(4, |_| ());
    b.answers(0, 500, 4, at(1));
    assert_eq!(b.answer(0, classify(Outcome::Cancelled), at(1)), []);
    assert_eq!(b.answers(0, 500, 1, at(1)), [EJECTED_5XX]);
}

#[track_caller]
fn check_percent(hosts: usize, percent: u32, always_one: bool, expected: usize) {
    let mut b = Bench::new(hosts, |p| {
        p.max_ejection_percent = percent;
        p.always_eject_one_host = always_one;
    });
    for host in 0..hosts {
        b.answers(host, 500, 5, at(1));
    }
    assert_eq!(b.ejected().len(), expected, "{percent} % of {hosts}");
}

#[test]
fn the_share_of_ejected_hosts_is_capped() {
    check_percent(4, 50, false, 2);
    check_percent(3, 50, false, 1);
    check_percent(9, 10, false, 0);
    check_percent(10, 10, false, 1);
    check_percent(9, 10, true, 1);
    check_percent(1, 50, false, 0);
    check_percent(2, 100, false, 2);
}

#[test]
fn enforcing_is_a_share_of_the_proposals() {
    let mut ejected = 0;
    for seed in 0..1000 {
        let mut b = Bench::new(4, |p| p.consecutive_5xx.enforcing = 30);
        b.rng = Entropy::from_seed(seed);
        b.answers(0, 500, 5, at(1));
        ejected += b.ejected().len();
    }
    assert!((242..=358).contains(&ejected), "4σ around 300: {ejected}");
}

#[test]
fn ejections_last_thirty_then_sixty_then_ninety_seconds_up_to_the_maximum() {
    let mut b = Bench::new(4, |_| ());
    // Ejected at a sweep, so that the grid of ten seconds adds nothing. Each time at once again:
    // the multiplier has no good interval to fall in.
    let mut now = at(10);
    b.sweep();
    for expected in [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300] {
        assert_eq!(b.answers(0, 500, 5, now), [EJECTED_5XX]);
        let ends = now + Duration::from_secs(expected);
        assert_eq!(b.detector.ejected_until(&b.hosts[0]), Some(ends));
        while b.hosts[0].is_ejected() {
            now = b.detector.next_sweep();
            b.sweep();
        }
        assert_eq!(now, ends, "after {expected} s");
    }
}

#[test]
fn an_ejection_ends_with_the_first_sweep_after_its_time() {
    let mut b = Bench::new(4, |_| ());
    b.answers(0, 500, 5, at(1));
    assert_eq!(
        b.detector.ejected_until(&b.hosts[0]),
        Some(at(40)),
        "not 31"
    );
    assert_eq!([b.sweep(), b.sweep(), b.sweep()], [[], [], []]);
    assert_eq!(b.sweep(), [(0, ChangeKind::Unejected)]);
}

#[test]
fn the_multiplier_falls_by_one_for_each_good_interval() {
    let mut b = Bench::new(4, |_| ());
    b.answers(0, 500, 5, at(0));
    while b.hosts[0].is_ejected() {
        b.sweep();
    }
    assert_eq!(
        backoff(&b.hosts[0]),
        1,
        "not in the sweep that ends the ejection"
    );
    b.sweep();
    assert_eq!(backoff(&b.hosts[0]), 0);
}

#[test]
fn jitter_lengthens_an_ejection_by_at_most_its_maximum() {
    for seed in 0..50 {
        let mut b = Bench::new(4, |p| p.max_ejection_time_jitter = Duration::from_secs(20));
        b.rng = Entropy::from_seed(seed);
        b.answers(0, 500, 5, at(0));
        let until = b.detector.ejected_until(&b.hosts[0]).unwrap();
        assert!((at(30)..=at(50)).contains(&until), "{until:?}");
    }
}

#[test]
fn skipping_idle_sweeps_keeps_the_grid() {
    let mut b = Bench::new(2, |_| ());
    let mut hosts = b.hosts.clone();
    let view: Vec<_> = hosts.iter_mut().collect();
    b.detector.skip_idle(&view, at(3_605));
    assert_eq!(b.detector.next_sweep(), at(3_600));
    b.answers(0, 200, 1, at(3_601));
    let mut hosts = b.hosts.clone();
    let view: Vec<_> = hosts.iter_mut().collect();
    b.detector.skip_idle(&view, at(9_999));
    assert_eq!(
        b.detector.next_sweep(),
        at(3_600),
        "there is something to sweep"
    );
}

proptest! {
    #[test]
    fn the_ejected_share_never_exceeds_its_maximum(
        hosts in 1usize..12,
        percent in 0u32..=100,
        always_one: bool,
        steps in prop::collection::vec((0usize..12, 0u8..4, 1usize..12), 1..120),
    ) {
        let mut b = Bench::new(hosts, |p| {
            p.max_ejection_percent = percent;
            p.always_eject_one_host = always_one;
            p.success_rate.request_volume = 3;
            p.success_rate.minimum_hosts = 2;
        });
        let mut now = at(0);
        for (host, what, n) in steps {
            match what {
                0 => {
                    now = b.detector.next_sweep();
                    b.sweep();
                }
                1 => drop(b.answers(host % hosts, 200, n, now)),
                _ => drop(b.answers(host % hosts, 500, n, now)),
            }
            let ejected = b.ejected().len();
            let within = 100 * ejected <= percent as usize * hosts;
            prop_assert!(within || (always_one && ejected == 1), "{ejected} of {hosts}");
        }
    }
}

fn backoff(host: &HostRecord) -> u32 {
    host.past.as_ref().map_or(0, |past| past.backoff)
}
