use proptest::prelude::*;

use super::*;
use crate::report::Ended;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + SECOND * u32::try_from(seconds).unwrap()
}

fn guards(texts: &[&str]) -> Vec<Guard> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// 10, 20 … 100 percent, a minute each, both usual guards, 100 requests.
fn plan() -> Plan {
    let steps = Plan::steps_of(0, 10, 100).unwrap();
    let guards = guards(&["success<99%", "p99>300ms"]);
    Plan::new((0, steps), MINUTE, guards, 100, MINUTE * 2, MINUTE * 60).unwrap()
}

/// `samples` requests, of which this share succeeds, with this p99 in milliseconds.
fn seen(samples: u64, success: f64, p99: f64) -> Observed {
    let values = [("success", success), ("p99", p99 * 1000.0)];
    Observed {
        samples,
        values: values.map(|(m, v)| (m.parse().unwrap(), v)).into(),
    }
}

fn good() -> Observed {
    seen(1000, 1.0, 20.0)
}

#[test]
fn a_good_version_gets_all_traffic_step_by_step() {
    let mut rollout = Rollout::begin(plan(), at(0));
    let mut weights = vec![rollout.weight()];
    for second in 1.. {
        match rollout.decide(at(second), Some(&good())) {
            Decision::Hold(Wait::Time(_)) => {}
            Decision::Set(weight) => {
                assert_eq!(weight, rollout.weight());
                weights.push(weight);
                rollout.applied(at(second));
            }
            Decision::Done => {
                assert_eq!(second, 600, "ten steps of a minute");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(weights, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert_eq!(rollout.weight(), 100);
    assert!(rollout.is_over());
}

#[test]
fn a_broken_guard_returns_at_once_and_for_good() {
    for (observed, words) in [
        (seen(100, 0.989, 20.0), "success<99%: 98.9% of 100 requests"),
        (seen(100, 1.0, 301.0), "p99>300ms: 301ms of 100 requests"),
    ] {
        let mut rollout = Rollout::begin(plan(), at(0));
        // Not only at the end of the step.
        let Decision::Return(reason) = rollout.decide(at(1), Some(&observed)) else {
            panic!("it goes on");
        };
        assert_eq!(reason.to_string(), words);
        assert_eq!(rollout.weight(), 0);
        let later = rollout.decide(at(2), Some(&good()));
        assert_eq!(
            later,
            Decision::Return(reason),
            "good metrics change nothing any more"
        );
    }
}

#[test]
fn bounds_themselves_are_allowed() {
    let mut rollout = Rollout::begin(plan(), at(0));
    let decision = rollout.decide(at(60), Some(&seen(100, 0.99, 300.0)));
    assert_eq!(decision, Decision::Set(20));
}

#[test]
fn few_samples_neither_return_nor_advance() {
    let mut rollout = Rollout::begin(plan(), at(0));
    let few = seen(99, 0.0, 1e6);
    let time = Decision::Hold(Wait::Time(SECOND * 59));
    assert_eq!(rollout.decide(at(1), Some(&few)), time);
    assert_eq!(
        rollout.decide(at(60), Some(&few)),
        Decision::Hold(Wait::Samples(1))
    );
    assert_eq!(
        rollout.decide(at(61), Some(&seen(100, 1.0, 1.0))),
        Decision::Set(20)
    );
}

#[test]
fn missing_metrics_return_after_the_patience() {
    let unknown = Observed {
        samples: 1000,
        values: [(Metric::Success, 1.0)].into(),
    };
    let p99 = "p99".parse().unwrap();
    for (observed, wait) in [
        (None, Wait::Metrics),
        (Some(&seen(99, 1.0, 1.0)), Wait::Samples(1)),
        (Some(&unknown), Wait::Metric(p99)),
    ] {
        let mut rollout = Rollout::begin(plan(), at(0));
        assert_eq!(rollout.decide(at(179), observed), Decision::Hold(wait));
        let silent = Decision::Return(Reason::Silent(wait));
        assert_eq!(rollout.decide(at(180), observed), silent);
    }
}

#[test]
fn the_deadline_ends_it() {
    let mut rollout = Rollout::resume(plan(), at(0), 3, at(3590));
    assert_eq!(rollout.weight(), 40);
    assert_eq!(
        rollout.decide(at(3600), Some(&good())),
        Decision::Return(Reason::Late)
    );
}

#[test]
fn the_user_can_have_it_back() {
    let mut rollout = Rollout::begin(plan(), at(0));
    assert_eq!(rollout.give_up(), Decision::Return(Reason::Asked));
    assert_eq!(rollout.weight(), 0);
}

#[test]
fn the_time_of_a_step_begins_when_its_weights_are_in_place() {
    let mut rollout = Rollout::begin(plan(), at(0));
    rollout.applied(at(30));
    let left = Decision::Hold(Wait::Time(SECOND * 30));
    assert_eq!(rollout.decide(at(60), Some(&good())), left);
    assert_eq!(rollout.decide(at(90), Some(&good())), Decision::Set(20));
}

#[test]
fn plans_that_lead_nowhere_are_refused() {
    for (from, step, until, words) in [
        (0, 0, 100, "a step of 0 % never arrives"),
        (0, 10, 101, "101 % is more than all traffic"),
        (50, 10, 50, "the target has 50 % already"),
        (100, 10, 100, "the target has 100 % already"),
    ] {
        let error = Plan::steps_of(from, step, until).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let new = |steps: &[u32], every, samples, deadline| {
        Plan::new(
            (0, steps.to_vec()),
            every,
            Vec::new(),
            samples,
            MINUTE,
            deadline,
        )
    };
    assert!(
        new(&[10, 10], MINUTE, 1, MINUTE * 9).is_err(),
        "not ascending"
    );
    assert!(new(&[], MINUTE, 1, MINUTE * 9).is_err(), "no step");
    assert_eq!(
        new(&[10], Duration::ZERO, 1, MINUTE),
        Err(PlanError::NoTime)
    );
    assert_eq!(new(&[10], MINUTE, 0, MINUTE), Err(PlanError::NoSamples));
    let error = new(&[10, 20], MINUTE, 1, MINUTE).unwrap_err().to_string();
    assert_eq!(error, "2 steps take at least 120s, and the deadline is 60s");
    assert_eq!(Plan::steps_of(5, 30, 100).unwrap(), [35, 65, 95, 100]);
}

#[test]
fn guards_are_read_and_written() {
    for (text, broken, kept) in [
        ("success<99%", 0.98, 0.99),
        ("success<99.95%", 0.9994, 0.9995),
        ("p99>300ms", 300_001.0, 300_000.0),
        ("p99.9>1.5s", 1_500_001.0, 1_500_000.0),
        ("p50>800us", 801.0, 800.0),
    ] {
        let guard: Guard = text.parse().unwrap();
        assert_eq!(guard.to_string(), text);
        assert!(
            guard.is_broken_by(broken) && !guard.is_broken_by(kept),
            "{text}"
        );
    }
    assert_eq!(
        "success < 0.99".parse::<Guard>().unwrap().to_string(),
        "success<99%"
    );
    assert_eq!("p90 > 1m".parse::<Guard>().unwrap().to_string(), "p90>60s");
    for (text, words) in [
        ("success", "compares nothing"),
        ("errors>1%", "is no metric"),
        ("p100>1s", "is no metric"),
        ("p0>1s", "is no metric"),
        ("p99.99>1s", "is no metric"),
        ("success<101%", "is no share"),
        ("success<x", "is no share"),
        ("success<nan", "is no share"),
        ("success>99%", "write `success<99%`"),
        ("p99<1s", "write `p99>1s`"),
        ("p99>1", "is no time"),
        ("p99>1h", "is no time"),
        ("p99>-1s", "is no time"),
    ] {
        let error = text.parse::<Guard>().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn counters_are_an_observation() {
    let mut counters = Counters::default();
    for i in 0..200_u64 {
        counters.start();
        let how = if i < 2 {
            Ended::Failure
        } else {
            Ended::Success
        };
        counters.end(how, Duration::from_millis(if i < 4 { 500 } else { 10 }));
    }
    counters.start();
    counters.end(Ended::Ignored, SECOND);
    let guards = guards(&["success<99%", "p99>300ms", "p50>300ms"]);
    let observed = Observed::of(&counters, &guards);
    assert_eq!(observed.samples, 200, "clients that went away judge nobody");
    assert_eq!(observed.values[&Metric::Success], 0.99);
    let broken: Vec<_> = guards
        .iter()
        .filter(|g| g.is_broken_by(observed.values[&g.metric]))
        .collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].to_string(), "p99>300ms");
    let nothing = Observed::of(&Counters::default(), &guards);
    assert_eq!(nothing, Observed::default());
}

/// What a run of arbitrary observations may meet.
#[derive(Clone, Debug)]
struct Tick {
    /// Seconds since the last one.
    later: u64,
    observed: Option<(u64, f64, f64)>,
    /// Whether it took a while until the weights were in place.
    slow: u64,
}

fn tick() -> impl Strategy<Value = Tick> {
    let observed = prop_oneof![
        3 => (0_u64..300, Just(1.0), Just(10.0)).prop_map(Some),
        1 => (0_u64..300, 0.97..1.0, 1.0..400.0).prop_map(Some),
        1 => Just(None),
    ];
    (0_u64..90, observed, 0_u64..20).prop_map(|(later, observed, slow)| Tick {
        later,
        observed,
        slow,
    })
}

proptest! {
    #[test]
    fn no_step_is_taken_without_enough_good_requests_over_its_time(
        from in 0_u32..60,
        step in 1_u32..50,
        ticks in proptest::collection::vec(tick(), 1..120),
    ) {
        let steps = Plan::steps_of(from, step, 100).unwrap();
        let plan = Plan { from, steps: steps.clone(), ..plan() };
        let plan = Plan { deadline: MINUTE * 120, ..plan };
        let mut rollout = Rollout::begin(plan, at(0));
        let (mut now, mut taken) = (0, 0);
        for tick in ticks {
            now += tick.later;
            let since = rollout.since();
            let observed = tick.observed.map(|(n, success, p99)| seen(n, success, p99));
            let enough = observed.as_ref().is_some_and(|o| o.samples >= 100);
            let broken = tick.observed.is_some_and(|(n, s, p)| n >= 100 && (s < 0.99 || p > 300.0));
            let over = rollout.is_over();
            match rollout.decide(at(now), observed.as_ref()) {
                Decision::Set(weight) => {
                    prop_assert!(enough && !broken && !over);
                    prop_assert!(at(now).since(since) >= MINUTE);
                    taken += 1;
                    prop_assert_eq!(weight, steps[taken]);
                    now += tick.slow;
                    rollout.applied(at(now));
                }
                Decision::Done => prop_assert_eq!(rollout.weight(), 100),
                Decision::Return(_) => prop_assert_eq!(rollout.weight(), from),
                Decision::Hold(_) => {
                    prop_assert!(!broken && !over);
                    prop_assert!(at(now).since(since) < MINUTE * 3, "patience has an end");
                }
            }
            prop_assert!(!broken || over || rollout.weight() == from, "a broken guard returns");
        }
    }

    #[test]
    fn a_shift_that_is_resumed_decides_the_same(
        ticks in proptest::collection::vec(tick(), 1..60),
    ) {
        let mut straight = Rollout::begin(plan(), at(0));
        let mut resumed = straight.clone();
        let mut now = 0;
        for tick in ticks {
            now += tick.later;
            let observed = tick.observed.map(|(n, success, p99)| seen(n, success, p99));
            if !resumed.is_over() {
                let (plan, began) = (resumed.plan().clone(), resumed.began());
                resumed = Rollout::resume(plan, began, resumed.step(), resumed.since());
            }
            let decided = straight.decide(at(now), observed.as_ref());
            prop_assert_eq!(resumed.decide(at(now), observed.as_ref()), decided.clone());
            if matches!(decided, Decision::Set(_)) {
                straight.applied(at(now));
                resumed.applied(at(now));
            }
        }
    }
}
