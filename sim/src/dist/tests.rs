use core::time::Duration;

use engine::entropy::Entropy;

use super::Dist;

const N: usize = 20_000;

fn percentiles(dist: &Dist) -> [Duration; 3] {
    let mut rng = Entropy::from_seed(7);
    let mut draws: Vec<Duration> = (0..N).map(|_| dist.sample(&mut rng)).collect();
    draws.sort_unstable();
    [draws[N / 2], draws[N * 99 / 100], draws[N - 1]]
}

fn within(seen: Duration, expected: Duration, percent: u128) -> bool {
    seen.abs_diff(expected).as_nanos() * 100 <= expected.as_nanos() * percent
}

#[test]
fn a_log_normal_has_the_percentiles_it_was_given() {
    let (p50, p99) = (Duration::from_millis(5), Duration::from_millis(40));
    let [seen50, seen99, _] = percentiles(&Dist::LogNormal { p50, p99 });
    assert!(within(seen50, p50, 3), "{seen50:?}");
    assert!(within(seen99, p99, 8), "{seen99:?}");
}

#[test]
fn a_log_normal_without_spread_is_constant() {
    let d = Duration::from_millis(5);
    assert_eq!(percentiles(&Dist::LogNormal { p50: d, p99: d }), [d; 3]);
}

#[test]
fn an_exponential_has_its_mean() {
    let [p50, p99, _] = percentiles(&Dist::Exponential(Duration::from_millis(10)));
    assert!(within(p50, Duration::from_micros(6931), 4), "{p50:?}");
    assert!(within(p99, Duration::from_micros(46_052), 8), "{p99:?}");
}

#[test]
fn a_uniform_stays_within_its_ends() {
    let (min, max) = (Duration::from_millis(1), Duration::from_millis(3));
    let [p50, _, top] = percentiles(&Dist::Uniform { min, max });
    assert!(within(p50, Duration::from_millis(2), 3) && top <= max);
}
