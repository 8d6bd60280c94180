use proptest::prelude::*;

use super::*;
use crate::balance::tests::keyed;

/// Points of each host.
fn points(ring: &Ring, hosts: usize) -> Vec<usize> {
    let mut counts = vec![0; hosts];
    for point in &ring.points {
        counts[point.host as usize] += 1;
    }
    counts
}

#[track_caller]
fn check(weights: &[u32], bounds: (u32, u32), expected: &[usize]) {
    let ring = Ring::new(&keyed(weights), bounds.0, bounds.1);
    assert_eq!(
        points(&ring, weights.len()),
        expected,
        "{weights:?} in {bounds:?}"
    );
}

#[test]
fn the_lightest_host_gets_a_whole_number_of_points() {
    check(&[1, 1], (1024, 8_388_608), &[512, 512]);
    // A third of 1024 is not whole: 342 each.
    check(&[1, 1, 1], (1024, 8_388_608), &[342, 342, 342]);
    check(&[1, 2], (1024, 8_388_608), &[342, 684]);
    // Fewer points asked for than hosts: one each.
    check(&[1, 1, 1], (1, 8_388_608), &[1, 1, 1]);
    check(&[1, 9], (1, 8_388_608), &[1, 9]);
}

#[test]
fn the_maximum_cuts_even_when_a_host_gets_nothing() {
    check(&[1, 1, 2], (1024, 8), &[2, 2, 4]);
    // 0.4, 0.4 and 3.2 of four points: whoever comes when the sum passes a whole number.
    check(&[1, 1, 8], (1024, 4), &[1, 0, 3]);
}

#[test]
fn a_hash_meets_the_first_point_at_or_after_it_and_wraps() {
    let hosts = keyed(&[1, 1, 1]);
    let ring = Ring::new(&hosts, 3, 3);
    let at = |i: usize| ring.points[i];
    for i in 0..3 {
        assert_eq!(ring.pick(at(i).hash, 0), Some(at(i).host as usize));
        let next = at((i + 1) % 3).host as usize;
        assert_eq!(ring.pick(at(i).hash, 1), Some(next));
        assert_eq!(ring.pick(at(i).hash.wrapping_add(1), 0), Some(next));
    }
    assert_eq!(ring.pick(0, 0), Some(at(0).host as usize));
    assert_eq!(ring.pick(u64::MAX, 0), Some(at(0).host as usize));
    assert_eq!(Ring::default().pick(7, 0), None);
}

#[test]
fn points_are_hashed_as_envoy_hashes_them() {
    // xxHash64 with seed 0 over `ADDRESS_NUMBER`.
    let hosts = Candidates::new([(0, 1)].into_iter());
    let ring = Ring::new(&hosts.with_keys(["10.0.0.1:8080".into()].into_iter()), 2, 2);
    let mut expected = [b"10.0.0.1:8080_0", b"10.0.0.1:8080_1"].map(|key| xxh64(key, 0));
    expected.sort_unstable();
    let seen: Vec<u64> = ring.points.iter().map(|point| point.hash).collect();
    assert_eq!(seen, expected);
}

/// Which host each of `n` keys goes to, by key of the host.
fn homes(hosts: &Candidates, ring: &Ring, n: u64) -> Vec<String> {
    let home = |i: u64| ring.pick(xxh64(&i.to_le_bytes(), 3), 0).unwrap();
    (0..n).map(|i| hosts.key(home(i)).to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// 200 points each, whatever their number.
    #[test]
    fn with_points_held_fixed_a_removed_host_moves_only_its_keys(
        n in 2usize..20,
        gone in 0usize..20,
    ) {
        let gone = gone % n;
        let all = keyed(&vec![1; n]);
        let rest: Vec<usize> = (0..n).filter(|i| *i != gone).collect();
        let fewer = Candidates::new(rest.iter().map(|i| (*i as u32, 1)))
            .with_keys(rest.iter().map(|i| all.key(*i).to_owned()));
        let size = |n: usize| 200 * n as u32;
        let before = homes(&all, &Ring::new(&all, size(n), u32::MAX), 2000);
        let after = homes(&fewer, &Ring::new(&fewer, size(n - 1), u32::MAX), 2000);
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(before == after || *before == *all.key(gone));
        }
    }

    #[test]
    fn the_order_of_the_hosts_does_not_matter(
        weights in prop::collection::vec(1u32..20, 1..12),
        turn in 0usize..12,
    ) {
        let hosts = keyed(&weights);
        let n = weights.len();
        let turned: Vec<usize> = (0..n).map(|i| (i + turn) % n).collect();
        let other = Candidates::new(turned.iter().map(|i| (*i as u32, weights[*i])))
            .with_keys(turned.iter().map(|i| hosts.key(*i).to_owned()));
        let (a, b) = (Ring::new(&hosts, 64, 1000), Ring::new(&other, 64, 1000));
        prop_assert_eq!(homes(&hosts, &a, 200), homes(&other, &b, 200));
    }
}

/// The share of keys that move when one of `n` hosts goes and the others get more points.
///
/// Of `p` points a host has before and `p + d` after, the old ring and the new points together make
/// `u = n·p + (n - 1)·d`. A key moves if the first of these after it is one of the host that is
/// gone, or a new one and the key was another host's, which it was with probability `1 - 1/n`.
fn expected_share(n: f64, p: f64, d: f64) -> f64 {
    let new = (n - 1.0) * d;
    (p + new * (1.0 - 1.0 / n)) / (n * p + new)
}

/// Every ring of up to 30 hosts, and every host of it. Points lie where a hash puts them and keys as
/// well: the share has the variance `q·(1 - q)·(1/points + 1/keys)`, and five standard deviations
/// hold for all of these 464 rings (they are the same in every run).
#[test]
fn with_scaling_few_other_keys_move() {
    const KEYS: u32 = 2000;
    for n in 2usize..=30 {
        let all = keyed(&vec![1; n]);
        let ring = Ring::new(&all, 1024, 8_388_608);
        let before = homes(&all, &ring, KEYS.into());
        for gone in 0..n {
            let rest: Vec<usize> = (0..n).filter(|i| *i != gone).collect();
            let fewer = Candidates::new(rest.iter().map(|i| (*i as u32, 1)))
                .with_keys(rest.iter().map(|i| all.key(*i).to_owned()));
            let smaller = Ring::new(&fewer, 1024, 8_388_608);
            let after = homes(&fewer, &smaller, KEYS.into());
            let moved = before.iter().zip(&after).filter(|(b, a)| b != a).count();
            let seen = moved as f64 / f64::from(KEYS);
            let (before, after) = (ring.points.len() / n, smaller.points.len() / (n - 1));
            let q = expected_share(n as f64, before as f64, (after - before) as f64);
            assert!(q <= 1.0 / n as f64 + 0.12, "{n}: {q}");
            let each = 1.0 / ring.points.len() as f64 + 1.0 / f64::from(KEYS);
            let sigma = (q * (1.0 - q) * each).sqrt();
            assert!(
                (seen - q).abs() <= 5.0 * sigma,
                "{gone} of {n}: {seen} moved, expected {q} ± {sigma}"
            );
        }
    }
}
