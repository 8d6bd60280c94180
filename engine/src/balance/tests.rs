use proptest::prelude::*;

use super::*;
use crate::ewma::PeakEwma;
use crate::time::{Duration, Instant};

/// Loads that a test sets.
pub(super) struct Fixed {
    pub(super) active: Vec<u32>,
    pub(super) cost: Vec<f64>,
}

impl Loads for Fixed {
    fn active(&self, slot: Slot) -> u32 {
        self.active[slot as usize]
    }

    fn total_active(&self) -> u64 {
        self.active.iter().copied().map(u64::from).sum()
    }

    fn cost(&mut self, slot: Slot) -> f64 {
        self.cost[slot as usize]
    }
}

fn idle(n: usize) -> Fixed {
    Fixed {
        active: vec![0; n],
        cost: vec![1.0; n],
    }
}

pub(super) fn weighted(weights: &[u32]) -> Candidates {
    Candidates::new((0..).zip(weights.iter().copied()))
}

/// With the keys that endpoints of a test cluster have.
pub(super) fn keyed(weights: &[u32]) -> Candidates {
    let keys = (0..weights.len()).map(|i| format!("10.0.{}.{}:8080", i / 256, i % 256));
    weighted(weights).with_keys(keys)
}

/// How often each host is picked in `n` picks at constant load.
fn shares(policy: &Balancer, weights: &[u32], loads: &mut Fixed, n: usize) -> Vec<usize> {
    let mut rng = Entropy::from_seed(11);
    let mut picker = Picker::new(policy);
    let candidates = weighted(weights);
    let mut counts = vec![0; weights.len()];
    for _ in 0..n {
        let picked = picker
            .pick(&candidates, loads, Query::default(), &mut rng)
            .unwrap();
        counts[picked.slot as usize] += 1;
    }
    counts
}

/// Within four standard deviations of a binomial.
#[track_caller]
pub(super) fn check_share(count: usize, n: usize, share: f64) {
    let (n, count) = (n as f64, count as f64);
    let sigma = (n * share * (1.0 - share)).sqrt();
    assert!(
        (count - n * share).abs() <= 4.0 * sigma,
        "expected {:.0} ± {:.0}, got {count}",
        n * share,
        4.0 * sigma
    );
}

fn p2c() -> Balancer {
    Balancer::default_for(true)
}

fn least(full_scan: bool) -> Balancer {
    Balancer::LeastRequest {
        choice_count: 2,
        active_request_bias: 1.0,
        full_scan,
    }
}

#[test]
fn nobody_and_only_one() {
    for policy in [p2c(), least(false), Balancer::RoundRobin, Balancer::Random] {
        let mut picker = Picker::new(&policy);
        let mut rng = Entropy::from_seed(1);
        let none = picker.pick(&weighted(&[]), &mut idle(0), Query::default(), &mut rng);
        assert_eq!(none, None);
        let one = picker
            .pick(&weighted(&[3]), &mut idle(1), Query::default(), &mut rng)
            .unwrap();
        assert_eq!((one.slot, one.why), (0, Why::Only));
    }
}

#[test]
fn two_choices_take_the_less_loaded_of_two_distinct_hosts() {
    // Three hosts, one slow: it is picked only when it is drawn with a slower one, so never.
    let mut loads = Fixed {
        active: vec![0, 0, 0],
        cost: vec![1.0, 1.0, 10.0],
    };
    let counts = shares(&p2c(), &[1, 1, 1], &mut loads, 30_000);
    assert_eq!(counts[2], 0);
    check_share(counts[0], 30_000, 0.5);
}

#[test]
fn requests_under_way_count_as_load() {
    let mut loads = Fixed {
        active: vec![9, 0],
        cost: vec![1.0, 9.9],
    };
    let counts = shares(&p2c(), &[1, 1], &mut loads, 100);
    assert_eq!(counts, [0, 100], "1·(9+1) > 9.9·(0+1)");
}

#[test]
fn equal_loads_are_shared_by_weight() {
    let n = 100_000;
    let counts = shares(&p2c(), &[1, 1, 1, 1], &mut idle(4), n);
    for count in counts {
        check_share(count, n, 0.25);
    }
    // Loads are compared per weight: of two idle hosts the heavier one always wins.
    assert_eq!(shares(&p2c(), &[1, 3], &mut idle(2), 100), [0, 100]);
    let counts = shares(&Balancer::Random, &[1, 2, 7], &mut idle(3), n);
    for (count, share) in counts.into_iter().zip([0.1, 0.2, 0.7]) {
        check_share(count, n, share);
    }
}

#[test]
fn least_request_draws_with_replacement_so_the_busier_of_two_gets_a_quarter() {
    let mut loads = Fixed {
        active: vec![5, 0],
        cost: vec![0.0; 2],
    };
    let n = 40_000;
    let counts = shares(&least(false), &[1, 1], &mut loads, n);
    check_share(counts[0], n, 0.25);
    assert_eq!(shares(&least(true), &[1, 1], &mut loads, n)[0], 0);
}

#[test]
fn a_full_scan_breaks_ties_evenly() {
    let mut loads = Fixed {
        active: vec![1, 0, 0, 0],
        cost: vec![0.0; 4],
    };
    let n = 30_000;
    let counts = shares(&least(true), &[1; 4], &mut loads, n);
    assert_eq!(counts[0], 0);
    for count in &counts[1..] {
        check_share(*count, n, 1.0 / 3.0);
    }
}

#[test]
fn least_request_with_weights_lowers_them_by_the_load() {
    // 4/(3+1) = 1 against 1/(0+1) = 1.
    let mut loads = Fixed {
        active: vec![3, 0],
        cost: vec![0.0; 2],
    };
    assert_eq!(shares(&least(false), &[4, 1], &mut loads, 1000), [500, 500]);
    let unbiased = Balancer::LeastRequest {
        choice_count: 2,
        active_request_bias: 0.0,
        full_scan: false,
    };
    let counts = shares(&unbiased, &[4, 1], &mut loads, 1000);
    assert_eq!(counts, [800, 200], "bias 0 is weighted round robin");
}

#[test]
fn round_robin_goes_round_and_starts_anywhere() {
    let candidates = weighted(&[1; 4]);
    let mut starts = [false; 4];
    for seed in 0..64 {
        let mut rng = Entropy::from_seed(seed);
        let mut picker = Picker::new(&Balancer::RoundRobin);
        let mut next = || {
            picker
                .pick(&candidates, &mut idle(4), Query::default(), &mut rng)
                .unwrap()
                .slot
        };
        let first = next();
        starts[first as usize] = true;
        for k in 1..9 {
            assert_eq!(next(), (first + k) % 4);
        }
    }
    assert_eq!(starts, [true; 4]);
}

proptest! {
    #[test]
    fn weighted_round_robin_is_exact_over_each_round(
        weights in prop::collection::vec(1u32..20, 2..8),
        seed: u64,
        rounds in 1usize..4,
    ) {
        let candidates = weighted(&weights);
        let mut rng = Entropy::from_seed(seed);
        let mut picker = Picker::new(&Balancer::RoundRobin);
        let mut loads = idle(weights.len());
        let total: u32 = weights.iter().sum();
        let equal = weights.iter().all(|w| *w == weights[0]);
        let round = if equal { weights.len() } else { total as usize };
        for _ in 0..rounds {
            let mut counts = vec![0i64; weights.len()];
            for _ in 0..round {
                let picked = picker.pick(&candidates, &mut loads, Query::default(), &mut rng).unwrap();
                counts[picked.slot as usize] += 1;
            }
            for (count, weight) in counts.iter().zip(&weights) {
                let due = if equal { 1 } else { i64::from(*weight) };
                prop_assert!((count - due).abs() <= 1, "{counts:?} for {weights:?}");
            }
        }
    }
}

/// Open-loop load on hosts with fixed service times and no queue.
struct OpenLoop {
    rtts_ms: Vec<u64>,
    /// Requests a second.
    rate: u64,
    /// When the last host is there.
    joins_s: u64,
    seed: u64,
}

/// The hosts as peak EWMA sees them.
struct Live {
    cost: Vec<PeakEwma>,
    active: Vec<u32>,
    now: Instant,
}

const DECAY: Duration = Duration::from_secs(10);

impl Loads for Live {
    fn active(&self, slot: Slot) -> u32 {
        self.active[slot as usize]
    }

    fn total_active(&self) -> u64 {
        self.active.iter().copied().map(u64::from).sum()
    }

    fn cost(&mut self, slot: Slot) -> f64 {
        self.cost[slot as usize].read(self.now, DECAY)
    }
}

impl OpenLoop {
    /// The picks of each host between two times.
    fn picks(&self, from_s: u64, to_s: u64) -> Vec<u64> {
        let n = self.rtts_ms.len();
        let second = |s: u64| Instant::ZERO + Duration::from_secs(s);
        let joins = second(self.joins_s);
        let mut cost = vec![PeakEwma::seeded(Duration::from_millis(30), Instant::ZERO); n];
        cost[n - 1] = PeakEwma::seeded(Duration::from_millis(30), joins);
        let mut live = Live {
            cost,
            active: vec![0; n],
            now: Instant::ZERO,
        };
        let [before, after] = [n - 1, n].map(|hosts| weighted(&vec![1; hosts]));
        let mut rng = Entropy::from_seed(self.seed);
        let mut picker = Picker::new(&p2c());
        let mut under_way = std::collections::BTreeSet::<(Instant, u64, usize, Instant)>::new();
        let mut counts = vec![0; n];
        for k in 0..self.rate * to_s {
            let now = Instant::from_nanos(k * 1_000_000_000 / self.rate);
            while let Some(&(end, _, slot, start)) = under_way.first() {
                if end > now {
                    break;
                }
                under_way.pop_first();
                live.active[slot] -= 1;
                live.cost[slot].observe(end.since(start), end, DECAY);
            }
            live.now = now;
            let candidates = if now < joins { &before } else { &after };
            let picked = picker.pick(candidates, &mut live, Query::default(), &mut rng);
            let slot = picked.unwrap().slot as usize;
            live.active[slot] += 1;
            let took = Duration::from_millis(self.rtts_ms[slot]);
            under_way.insert((now + took, k, slot, now));
            if now >= second(from_s) {
                counts[slot] += 1;
            }
        }
        counts
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Once three times the decay have passed.
    #[test]
    fn a_host_ten_times_slower_gets_less_than_half_its_share(
        hosts in 3usize..8, rtt in 5u64..20, rate in 200u64..600, seed: u64,
    ) {
        let mut rtts_ms = vec![rtt; hosts];
        rtts_ms[hosts - 1] = 10 * rtt;
        let run = OpenLoop { rtts_ms, rate, joins_s: 0, seed };
        let counts = run.picks(30, 60);
        let total: u64 = counts.iter().sum();
        prop_assert!(counts[hosts - 1] * 2 * hosts as u64 <= total, "{counts:?}");
    }

    /// Whether it is faster or slower than what is guessed of it, and than the others.
    #[test]
    fn a_new_host_never_gets_three_times_its_share_in_its_first_second(
        hosts in 3usize..8,
        others in 5u64..200,
        own in 5u64..200,
        rate in 300u64..600,
        seed: u64,
    ) {
        let mut rtts_ms = vec![others; hosts];
        rtts_ms[hosts - 1] = own;
        let run = OpenLoop { rtts_ms, rate, joins_s: 5, seed };
        let counts = run.picks(5, 6);
        prop_assert!(counts[hosts - 1] * hosts as u64 <= 3 * rate, "{counts:?}");
    }
}

#[test]
fn while_an_order_is_made_elsewhere_picks_go_by_the_one_of_before() {
    let hash = crate::snapshot::ConsistentHash {
        on: Vec::new(),
        balance_factor: None,
        by_name: false,
    };
    let policy = Balancer::Maglev {
        table_size: 251,
        hash,
    };
    let named = |slots: &[Slot]| {
        let keys: Vec<String> = slots.iter().map(|slot| format!("host-{slot}")).collect();
        Candidates::new(slots.iter().map(|slot| (*slot, 1))).with_keys(keys.into_iter())
    };
    let (mut loads, mut rng) = (idle(4), Entropy::from_seed(1));
    let mut picks = |picker: &mut Picker, of: &Candidates| -> Vec<Slot> {
        let query = |hash| Query {
            hash: Some(hash),
            attempt: 0,
        };
        let hashes = (0..200u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let picked = hashes.map(|hash| picker.pick(of, &mut loads, query(hash), &mut rng));
        picked.map(|picked| picked.unwrap().slot).collect()
    };
    let (all, fewer) = (named(&[0, 1, 2, 3]), named(&[0, 1, 3]));
    let mut picker = Picker::new(&policy);
    let before = picks(&mut picker, &all);
    picker.candidates_changed();
    let work = picker.work(&fewer).unwrap();
    assert!(picker.work(&fewer).is_none(), "one makes it");
    let meanwhile = picks(&mut picker, &fewer);
    for (before, meanwhile) in before.iter().zip(&meanwhile) {
        assert!(meanwhile == before || *before == 2);
        assert_ne!(*meanwhile, 2);
    }
    picker.bring(work.make(), &fewer);
    let after = picks(&mut picker, &fewer);
    let mut fresh = Picker::new(&policy);
    assert_eq!(after, picks(&mut fresh, &fewer));
}
