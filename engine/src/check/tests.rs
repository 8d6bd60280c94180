use super::*;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// Probes with these results, one interval apart: the health after each.
fn run(probes: &[Probed], change: impl FnOnce(&mut HealthCheck)) -> Vec<Health> {
    let mut policy = HealthCheck::default();
    change(&mut policy);
    let mut rng = Entropy::from_seed(1);
    let mut checked = Checked::new(&policy, at(0), &mut rng);
    let mut seen = Vec::new();
    for probed in probes {
        let now = checked.next();
        assert!(checked.start(now));
        assert!(!checked.start(now), "one at a time");
        checked.end(&policy, *probed, false, now, &mut rng);
        seen.push(checked.health());
    }
    seen
}

#[test]
fn thresholds_count_results_in_a_row() {
    use Health::{Healthy as H, Unhealthy as U};
    use Probed::{Failed as F, Passed as P, Refused as R};
    let table: [(&[Probed], &[Health]); 7] = [
        // The first result decides alone.
        (&[P, F, F, F], &[H, H, H, U]),
        (&[F, P], &[U, H]),
        (&[R, P, R], &[U, H, U]),
        // A success in between begins anew.
        (&[P, F, F, P, F, F], &[H, H, H, H, H, H]),
        (&[P, F, F, P, F, F, F], &[H, H, H, H, H, H, U]),
        // An answer that says no does not wait.
        (&[P, F, R], &[H, H, U]),
        (&[P, F, F, F, P], &[H, H, H, U, H]),
    ];
    for (probes, expected) in table {
        assert_eq!(run(probes, |_| ()), expected, "{probes:?}");
    }
    let slow = |p: &mut HealthCheck| p.healthy_threshold = 2;
    assert_eq!(run(&[F, P, F, P, P], slow), [U, U, U, U, H]);
}

#[test]
fn checks_come_once_an_interval_and_rarely_without_traffic() {
    let policy = HealthCheck {
        interval_jitter: Duration::from_secs(2),
        ..HealthCheck::default()
    };
    let mut rng = Entropy::from_seed(3);
    let mut checked = Checked::new(&policy, at(0), &mut rng);
    assert!(checked.next() < at(1_000), "the first one comes soon");
    for (quiet, least, most) in [(false, 10, 12), (true, 60, 62)] {
        let now = checked.next();
        assert!(checked.start(now));
        assert_eq!(checked.wakes_at(), None, "while it is under way");
        checked.end(&policy, Probed::Passed, quiet, now, &mut rng);
        let pause = checked.next().since(now).as_secs_f64();
        assert!(
            (f64::from(least)..=f64::from(most)).contains(&pause),
            "{pause}"
        );
    }
}

#[test]
fn a_check_that_nobody_ends_comes_again() {
    let policy = HealthCheck::default();
    let mut checked = Checked::new(&policy, at(0), &mut Entropy::from_seed(1));
    assert!(checked.start(at(1_000)));
    checked.give_up(&policy, at(2_000));
    assert_eq!(checked.wakes_at(), Some(at(12_000)));
    assert_eq!(checked.health(), Health::Unknown);
}
