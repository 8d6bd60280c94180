use proptest::prelude::*;

use super::*;
use crate::origin::Origin;
use crate::snapshot::ObjectName;
use crate::snapshot::route::Timeouts;

fn rule(weights: &[u32]) -> Rule {
    let backends = weights.iter().enumerate().map(|(i, weight)| BackendRef {
        weight: *weight,
        target: BackendTarget::Cluster(ClusterKey {
            service: ObjectName::new("shop", format!("v{i}")),
            port: 80,
        }),
        filters: Vec::new(),
        origin: Origin::default_of("backend"),
    });
    Rule {
        name: "web[0]".into(),
        matches: Vec::new(),
        filters: Vec::new(),
        backends: backends.collect(),
        timeouts: Timeouts::default(),
        retry: None,
        fault: None,
        admission: None,
        limits: Vec::new(),
        failures: Default::default(),
        origin: Origin::default_of("rule"),
    }
}

/// How many of `n` requests each backend got.
fn counts(rule: &Rule, n: usize, seed: u64) -> Vec<u64> {
    let mut rng = Entropy::from_seed(seed);
    let mut counts = vec![0; rule.backends.len()];
    for _ in 0..n {
        counts[choose(rule, &mut rng, &mut Trail::off()).unwrap().index] += 1;
    }
    counts
}

/// Chi-square over `n` draws, as a distance in standard deviations from its expectation (degrees of
/// freedom k: mean k, variance 2k).
fn sigmas(weights: &[u32], n: usize, seed: u64) -> f64 {
    let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
    let seen = counts(&rule(weights), n, seed);
    let parts = weights.iter().zip(seen).filter(|(weight, _)| **weight > 0);
    let terms = parts.map(|(weight, seen)| {
        let expected = n as f64 * f64::from(*weight) / total;
        (seen as f64 - expected).powi(2) / expected
    });
    let k = weights.iter().filter(|w| **w > 0).count() as f64 - 1.0;
    (terms.sum::<f64>() - k) / (2.0 * k).sqrt()
}

#[test]
fn shares_are_those_of_the_weights_within_four_sigma() {
    for weights in [
        &[1, 1][..],
        &[90, 10],
        &[1, 99],
        &[999_999, 1_000_000],
        &[0, 3, 0, 7],
        &[5, 10, 20, 40, 80, 160],
    ] {
        for seed in 0..3 {
            let off = sigmas(weights, 100_000, seed);
            assert!(off < 4.0, "{weights:?} with seed {seed}: {off} sigma");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_choices_and_weights_do_not_move_later_draws() {
    let (small, large) = (rule(&[90, 10]), rule(&[50, 50]));
    assert_eq!(counts(&small, 1000, 7), counts(&small, 1000, 7));
    let (mut a, mut b) = (Entropy::from_seed(7), Entropy::from_seed(7));
    let off = &mut Trail::off();
    for _ in 0..100 {
        choose(&small, &mut a, off).unwrap();
        choose(&large, &mut b, off).unwrap();
    }
    assert_eq!(a.u64(), b.u64());
}

#[test]
fn what_no_backend_can_take_fails_with_500() {
    let fails = |rule: &Rule| {
        let mut rng = Entropy::from_seed(1);
        let failure = choose(rule, &mut rng, &mut Trail::off()).unwrap_err();
        assert_eq!(failure.status(), 500);
        failure.to_string()
    };
    assert_eq!(
        fails(&rule(&[])),
        "NB: web[0] has no backends [default rule]"
    );
    let zero = "NB: the weights of the backends of web[0] add up to 0 [default rule]";
    assert_eq!(fails(&rule(&[0])), zero);
    assert_eq!(fails(&rule(&[0, 0])), zero);
    let mut invalid = rule(&[1]);
    invalid.backends[0].target = BackendTarget::Invalid("Service shop/x is not there".into());
    assert_eq!(
        fails(&invalid),
        "NB: Service shop/x is not there [default backend]"
    );
}

#[test]
fn an_invalid_backend_costs_only_its_share() {
    let mut rule = rule(&[75, 25]);
    rule.backends[1].target = BackendTarget::Invalid("gone".into());
    let mut rng = Entropy::from_seed(3);
    let mut failed = 0;
    for _ in 0..10_000 {
        failed += u32::from(choose(&rule, &mut rng, &mut Trail::off()).is_err());
    }
    assert!((2300..2700).contains(&failed), "{failed}");
}

proptest! {
    #[test]
    fn a_backend_of_weight_zero_is_never_chosen(
        weights in proptest::collection::vec(0u32..3, 1..6),
        seed in any::<u64>(),
    ) {
        let rule = rule(&weights);
        let mut rng = Entropy::from_seed(seed);
        for _ in 0..20 {
            match choose(&rule, &mut rng, &mut Trail::off()) {
                Ok(chosen) => prop_assert!(weights[chosen.index] > 0),
                Err(_) => prop_assert!(weights.iter().all(|w| *w == 0)),
            }
        }
    }
}
