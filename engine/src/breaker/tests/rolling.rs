use super::*;
use crate::snapshot::RollingWindow;
use crate::snapshot::breaker::Force;

struct Bench {
    policy: RollingWindow,
    breaker: Rolling,
}

impl Bench {
    fn new(change: impl FnOnce(&mut RollingWindow)) -> Self {
        let mut policy = RollingWindow::default();
        change(&mut policy);
        Self {
            breaker: Rolling::new(&policy, at(0)),
            policy,
        }
    }

    /// Makes up for the looks until `now`.
    fn until(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(due) = self.breaker.wakes_at().filter(|due| *due <= now) {
            changes.extend(self.breaker.advance(&self.policy, due));
        }
        changes
    }

    fn enter(&mut self, now: Instant) -> Verdict {
        self.until(now);
        self.breaker.enter(&self.policy, now)
    }

    fn tell(&mut self, n: u64, told: Told, now: Instant) -> Option<Change> {
        self.until(now);
        let all = 0..n;
        all.map(|_| self.breaker.record(&self.policy, told, None, now))
            .last()
            .flatten()
    }

    fn is_open(&self) -> bool {
        matches!(self.breaker.position(&self.policy), Position::Open { .. })
    }
}

fn opened(errors: u32, total: u32, until: u64) -> Change {
    Change::Opened {
        until: at(until),
        tripped: Tripped::Errors { errors, total },
    }
}

#[test]
fn it_opens_at_a_look_when_half_of_enough_requests_failed() {
    // (successes, failures, timeouts, rejected) → what the look at 500 ms says
    let table = [
        ([10, 9, 0, 0], None),
        ([10, 10, 0, 0], Some(opened(10, 20, 5_500))),
        ([11, 10, 0, 0], None),
        ([10, 5, 3, 2], Some(opened(10, 20, 5_500))),
        ([0, 0, 0, 19], None),
        ([0, 0, 0, 20], Some(opened(20, 20, 5_500))),
        // 9 of 19 is 47.4 %: cut off to 47.
        ([100, 99, 0, 0], None),
        ([100, 100, 0, 0], Some(opened(100, 200, 5_500))),
    ];
    for (counts, expected) in table {
        let mut b = Bench::new(|_| ());
        let told = [Told::Success, Told::Failure, Told::Timeout, Told::Rejected];
        for (n, told) in counts.into_iter().zip(told) {
            assert_eq!(b.tell(n, told, at(100)), None, "not before the look");
        }
        let seen = b.until(at(600));
        assert_eq!(seen.first().copied(), expected, "{counts:?}");
    }
}

#[test]
fn looks_stand_on_a_grid_and_a_late_look_is_as_good() {
    let mut b = Bench::new(|_| ());
    b.tell(20, Told::Failure, at(700));
    // Nobody calls for an hour: it opened at one second all the same.
    assert_eq!(b.until(at(3_600_000)), [opened(20, 20, 6_000)]);
}

#[test]
fn without_an_interval_it_looks_at_each_response() {
    let mut b = Bench::new(|p| p.snapshot_interval = Duration::ZERO);
    assert_eq!(b.tell(19, Told::Failure, at(0)), None);
    assert_eq!(b.tell(1, Told::Failure, at(7)), Some(opened(20, 20, 5_007)));
}

#[test]
fn what_left_the_window_does_not_count() {
    let mut b = Bench::new(|_| ());
    b.tell(19, Told::Failure, at(0));
    b.tell(1, Told::Failure, at(10_000));
    assert_eq!(b.until(at(11_000)), []);
    // Good answers that leave can open it: 20 of 60 are errors, then 20 of 20.
    let mut b = Bench::new(|_| ());
    b.tell(40, Told::Success, at(0));
    b.tell(20, Told::Failure, at(5_000));
    assert_eq!(b.until(at(60_000)), [opened(20, 20, 15_000)]);
}

#[test]
fn open_refuses_until_the_sleep_is_over_and_then_lets_one_through() {
    let mut b = Bench::new(|_| ());
    b.tell(20, Told::Failure, at(0));
    assert_eq!(b.enter(at(499)), Verdict::Pass);
    for time in [500, 3_000, 5_499] {
        assert_eq!(b.enter(at(time)), Verdict::ShortCircuit);
    }
    let Verdict::Probe(probe) = b.enter(at(5_500)) else {
        panic!("the sleep is over");
    };
    assert_eq!(b.enter(at(5_501)), Verdict::ShortCircuit, "one at a time");
    assert_eq!(b.breaker.totals(at(5_501)).short_circuited, 4);
    let policy = b.policy.clone();
    let end = |b: &mut Bench, told, probe, now| b.breaker.record(&policy, told, Some(probe), now);
    let until = at(10_600);
    let change = end(&mut b, Told::Cancelled, probe, at(5_600));
    assert_eq!(change, Some(Change::Reopened { until }));
    assert_eq!(b.enter(at(10_599)), Verdict::ShortCircuit);
    let Verdict::Probe(second) = b.enter(at(10_600)) else {
        panic!("the sleep is over");
    };
    // The first probe has no say any more.
    assert_eq!(end(&mut b, Told::Success, probe, at(10_700)), None);
    let change = end(&mut b, Told::Success, second, at(10_800));
    assert_eq!(change, Some(Change::Closed));
    assert_eq!(b.breaker.totals(at(10_800)), Totals::default(), "cleared");
    assert_eq!(b.enter(at(10_801)), Verdict::Pass);
}

#[test]
fn what_is_forced_holds_whatever_happens() {
    let mut b = Bench::new(|p| p.force = Force::Open);
    assert_eq!(b.enter(at(0)), Verdict::ShortCircuit);
    assert!(b.is_open());
    let mut b = Bench::new(|p| p.force = Force::Closed);
    b.tell(100, Told::Failure, at(0));
    assert_eq!(b.until(at(10_000)), []);
    assert_eq!(b.enter(at(10_000)), Verdict::Pass);
}

proptest! {
    /// Never two probes at once, never a probe before the sleep is over, never a change by a
    /// cancelled request that was no probe.
    #[test]
    fn one_probe_at_a_time_and_the_whole_sleep(
        steps in prop::collection::vec((0u64..3_000, 0u8..8), 1..300),
    ) {
        let mut b = Bench::new(|p| p.request_volume_threshold = 3);
        let mut now = 0;
        let mut out: Option<Probe> = None;
        let mut open_since: Option<Instant> = None;
        for (wait, what) in steps {
            now += wait;
            for change in b.until(at(now)) {
                if let Change::Opened { until, .. } = change {
                    open_since = Some(until - b.policy.sleep_window);
                }
            }
            let told = [Told::Success, Told::Failure, Told::Timeout, Told::Cancelled];
            match what {
                0..4 => match b.breaker.enter(&b.policy, at(now)) {
                    Verdict::Probe(probe) => {
                        prop_assert!(out.is_none(), "two probes");
                        let since = open_since.unwrap();
                        prop_assert!(at(now).since(since) >= b.policy.sleep_window);
                        out = Some(probe);
                    }
                    Verdict::Pass => {
                        let told = told[usize::from(what)];
                        let before = b.breaker.position(&b.policy);
                        b.breaker.record(&b.policy, told, None, at(now));
                        if told == Told::Cancelled {
                            prop_assert_eq!(before, b.breaker.position(&b.policy));
                        }
                    }
                    Verdict::ShortCircuit => {}
                },
                _ => if let Some(probe) = out.take() {
                    let told = told[usize::from(what - 4)];
                    match b.breaker.record(&b.policy, told, Some(probe), at(now)) {
                        Some(Change::Reopened { until }) => {
                            prop_assert_ne!(told, Told::Success);
                            open_since = Some(until - b.policy.sleep_window);
                        }
                        Some(Change::Closed) => {
                            prop_assert_eq!(told, Told::Success);
                            open_since = None;
                        }
                        other => prop_assert!(false, "{:?}", other),
                    }
                },
            }
        }
    }
}
