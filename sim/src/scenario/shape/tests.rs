use proptest::prelude::*;

use super::*;

const RUN: Duration = Duration::from_secs(60);

fn s(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn schedule(base: f64, shape: Shape) -> Schedule {
    assert_eq!(shape.problem(), None);
    Schedule::new(base, Some(&shape), Duration::ZERO, RUN)
}

#[track_caller]
fn values(of: &Schedule, expected: &[(u64, f64)]) {
    for (t, value) in expected {
        let seen = of.value_at(Duration::from_millis(*t));
        assert!(
            (seen - value).abs() < 1e-6,
            "at {t} ms: {seen}, not {value}"
        );
    }
}

#[test]
fn without_a_shape_the_value_is_constant_between_start_and_end() {
    let flat = Schedule::new(10.0, None, Duration::from_secs(5), Duration::from_secs(15));
    values(
        &flat,
        &[
            (0, 0.0),
            (4_999, 0.0),
            (5_000, 10.0),
            (14_999, 10.0),
            (15_000, 0.0),
        ],
    );
    assert_eq!(flat.instant_of(0.0), Some(Duration::from_secs(5)));
    assert_eq!(
        flat.instant_of(100.0),
        None,
        "the hundredth lies past the end"
    );
}

#[test]
fn steps_jump() {
    let step = |at, target| Step { at: s(at), target };
    let shape = Shape {
        steps: Some(vec![step(10, 50.0), step(20, 5.0)]),
        ..Shape::default()
    };
    values(
        &schedule(10.0, shape),
        &[(9_999, 10.0), (10_000, 50.0), (20_000, 5.0), (59_000, 5.0)],
    );
}

#[test]
fn a_ramp_is_a_straight_line_that_then_holds() {
    let shape = Shape {
        ramp: Some(Ramp {
            at: s(10),
            over: s(10),
            target: 30.0,
        }),
        ..Shape::default()
    };
    values(
        &schedule(10.0, shape),
        &[
            (5_000, 10.0),
            (15_000, 20.0),
            (20_000, 30.0),
            (50_000, 30.0),
        ],
    );
}

#[test]
fn a_burst_comes_back() {
    let shape = Shape {
        burst: Some(Burst {
            at: s(10),
            lasts: s(2),
            every: Some(s(20)),
            target: 100.0,
        }),
        ..Shape::default()
    };
    let burst = schedule(10.0, shape);
    values(
        &burst,
        &[
            (9_000, 10.0),
            (11_000, 100.0),
            (12_000, 10.0),
            (31_000, 100.0),
            (33_000, 10.0),
        ],
    );
}

#[test]
fn stages_join_their_targets_as_in_k6() {
    let stage = |duration, target| Stage {
        duration: s(duration),
        target,
    };
    let shape = Shape {
        stages: Some(vec![stage(10, 100.0), stage(10, 100.0), stage(10, 0.0)]),
        ..Shape::default()
    };
    values(
        &schedule(0.0, shape),
        &[
            (5_000, 50.0),
            (15_000, 100.0),
            (25_000, 50.0),
            (40_000, 0.0),
        ],
    );
}

#[test]
fn a_shape_that_makes_no_sense_has_a_problem() {
    let none = Shape::default();
    assert!(none.problem().is_some());
    let stages = Some(vec![]);
    let both = Shape {
        stages,
        ramp: Some(Ramp {
            at: s(0),
            over: s(1),
            target: 1.0,
        }),
        ..Shape::default()
    };
    assert!(both.problem().is_some());
    let short = Shape {
        burst: Some(Burst {
            at: s(0),
            lasts: s(2),
            every: Some(s(1)),
            target: 1.0,
        }),
        ..Shape::default()
    };
    assert_eq!(short.problem().map(|p| p.0), Some("burst.every"));
}

proptest! {
    #[test]
    fn the_instant_of_a_count_is_where_that_count_is_expected(
        base in 0.0..100.0_f64, target in 0.0..100.0_f64, at in 0..50_u64, over in 0..30_u64,
        share in 0.0..1.0_f64,
    ) {
        let shape = Shape {
            ramp: Some(Ramp { at: s(at), over: s(over), target }),
            ..Shape::default()
        };
        let schedule = schedule(base, shape);
        let n = schedule.expected_by(RUN) * share;
        if let Some(t) = schedule.instant_of(n) {
            prop_assert!(t <= RUN);
            prop_assert!((schedule.expected_by(t) - n).abs() < 1e-3, "{t:?}");
        }
    }
}
