//! Hashes, slow start and localities as a cluster lives through them.

use super::*;
use crate::report::EventKind;
use crate::snapshot::balance::{
    Distribution, HashOn, HashSource, LocalityPattern, Peers, Topology,
};
use crate::snapshot::{
    Balancer, Cluster, ConsistentHash, Endpoint, Locality, LocalityMode, Outlier, SlowStart,
    Standpoint, ZoneAware,
};

fn in_zone(zone: &str) -> Locality {
    Locality {
        region: zone[..2].into(),
        zone: zone.into(),
    }
}

/// Endpoint `i` in the `i`-th of `zones`, the client in the first.
fn placed(zones: &[&str], change: impl FnOnce(&mut Cluster)) -> (Clusters, Arc<LiveCluster>) {
    let proxy = Clusters::new(7);
    let peers = zones.iter().map(|zone| Peers {
        locality: in_zone(zone),
        ready: 1,
        total: 1,
    });
    let mut peers: Vec<Peers> = peers.collect();
    peers.dedup_by(|a, b| a.locality == b.locality);
    let standpoint = Standpoint {
        locality: in_zone(zones[0]),
        peers: Arc::new(peers),
    };
    proxy.locate(&Arc::new(standpoint), at(0));
    let endpoints = (0..).zip(zones).map(|(i, zone)| Endpoint {
        locality: in_zone(zone),
        ..endpoint(i)
    });
    proxy.apply(&outbound(policy(change), endpoints.collect()), at(0));
    let live = proxy.get(&key(), at(0)).unwrap();
    (proxy, live)
}

/// How often each endpoint is picked by `n` requests that end at once with what `code` says.
fn picks(live: &Arc<LiveCluster>, n: u32, now: Instant, code: impl Fn(usize) -> u16) -> [u32; 8] {
    let mut picks = [0; 8];
    for _ in 0..n {
        let started = live.start(&[], 0, None, now).unwrap();
        let i = index(&started);
        picks[i] += 1;
        started.ticket.end(&status(code(i)), now);
    }
    picks
}

fn ok(_: usize) -> u16 {
    200
}

fn hashed(c: &mut Cluster) {
    let on = HashOn {
        source: HashSource::SourceIp,
        terminal: false,
    };
    c.balancer = Balancer::RingHash {
        minimum_size: 1024,
        maximum_size: 8_388_608,
        hash: ConsistentHash {
            on: vec![on],
            balance_factor: None,
            by_name: false,
        },
    };
}

fn by_hash(live: &Arc<LiveCluster>, hash: u64, tried: &[SocketAddr]) -> usize {
    let ask = Ask {
        tried,
        redraws: 20,
        hash: Some(hash),
        ..Ask::default()
    };
    index(&live.start_for(&ask, at(0)).unwrap())
}

use core::net::SocketAddr;

#[test]
fn a_hash_has_a_home_and_a_retry_goes_elsewhere_always_the_same() {
    let (_, live) = clusters(4, hashed);
    let mut homes = [0; 4];
    for hash in (0..64).map(|i| 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(i)) {
        let home = by_hash(&live, hash, &[]);
        assert_eq!(by_hash(&live, hash, &[]), home);
        homes[home] += 1;
        let tried = [address(home as u8)];
        let second = by_hash(&live, hash, &tried);
        assert_ne!(second, home);
        assert_eq!(by_hash(&live, hash, &tried), second);
    }
    assert!(homes.iter().all(|n| *n > 0), "{homes:?}");
}

#[test]
fn an_endpoint_known_by_its_name_keeps_its_keys_at_another_address() {
    let by_name = |c: &mut Cluster| {
        hashed(c);
        if let Balancer::RingHash { hash, .. } = &mut c.balancer {
            hash.by_name = true;
        }
    };
    for (change, keeps) in [(by_name as fn(&mut Cluster), true), (hashed, false)] {
        let (proxy, live) = clusters(4, change);
        let keys = || (0..200).map(|i| u64::MAX / 200 * i);
        let names = |live: &Arc<LiveCluster>| -> Vec<String> {
            let ask = |hash| Ask {
                hash: Some(hash),
                ..Ask::default()
            };
            let name = |hash| {
                live.start_for(&ask(hash), at(1))
                    .unwrap()
                    .endpoint
                    .name
                    .to_string()
            };
            keys().map(name).collect()
        };
        let before = names(&live);
        let mut moved: Vec<Endpoint> = (0..4).map(endpoint).collect();
        moved[0].address = address(99);
        moved.rotate_left(1);
        proxy.apply(&outbound(policy(change), moved), at(1));
        assert_eq!(names(&live) == before, keeps);
    }
}

#[test]
fn a_new_endpoint_grows_into_its_share() {
    for balancer in [
        Balancer::RoundRobin,
        Balancer::Random,
        Balancer::LeastRequest {
            choice_count: 2,
            active_request_bias: 1.0,
            full_scan: false,
        },
    ] {
        let slow = |c: &mut Cluster| {
            c.balancer = balancer.clone();
            c.slow_start = Some(SlowStart {
                window: ms(10_000),
                aggression: 1.0,
                min_weight_percent: 10,
            });
        };
        let (proxy, live) = clusters(3, slow);
        // Together new, they are equal.
        let first = picks(&live, 3000, at(0), ok);
        assert!(
            first[..3].iter().all(|n| (800..1200).contains(n)),
            "{balancer:?} {first:?}"
        );
        let four = (0..4).map(endpoint).collect();
        proxy.apply(&outbound(policy(slow), four), at(20_000));
        // 0.1, 0.5 and 1 against 3.
        for (age, share) in [(500, 0.1 / 3.1), (5_000, 0.5 / 3.5), (10_000, 0.25)] {
            let seen = picks(&live, 4000, at(20_000 + age), ok)[3];
            let due = 4000.0 * share;
            let off = (f64::from(seen) - due).abs();
            assert!(
                off <= 0.1 * due + 20.0,
                "{balancer:?} {age}: {seen}, due {due}"
            );
        }
    }
}

#[test]
fn under_peak_ewma_a_new_endpoint_counts_as_more_loaded() {
    let share = |window| {
        let slow = |c: &mut Cluster| {
            c.slow_start = Some(SlowStart {
                window: ms(window),
                aggression: 1.0,
                min_weight_percent: 10,
            });
        };
        let (proxy, live) = clusters(3, slow);
        let four = (0..4).map(endpoint).collect();
        proxy.apply(&outbound(policy(slow), four), at(20_000));
        // All have the same seeded cost.
        let mut picked = 0;
        for k in 0..400 {
            let started = live.start(&[], 0, None, at(20_000 + k)).unwrap();
            picked += u32::from(index(&started) == 3);
            started.ticket.end(&status(200), at(20_000 + k) + ms(30));
        }
        picked
    };
    let (with, without) = (share(60_000), share(1));
    assert!(
        with * 4 < without,
        "{with} with slow start, {without} without"
    );
}

#[test]
fn after_an_ejection_an_endpoint_starts_slowly_again() {
    let (_, live) = clusters(4, |c| {
        c.balancer = Balancer::RoundRobin;
        c.slow_start = Some(SlowStart {
            window: ms(10_000),
            ..SlowStart::default()
        });
        c.outlier = Some(Outlier::default());
    });
    picks(&live, 40, at(25_000), |i| if i == 0 { 500 } else { 200 });
    assert_eq!(picks(&live, 40, at(40_000), ok)[0], 0);
    // Back since the sweep at 60 s.
    let back = picks(&live, 310, at(60_500), ok)[0];
    assert!(
        (5..20).contains(&back),
        "a tenth of its share of 100: {back}"
    );
    assert_eq!(picks(&live, 400, at(71_000), ok)[0], 100);
}

fn failover(c: &mut Cluster) {
    c.balancer = Balancer::RoundRobin;
    c.locality = LocalityMode::Failover(vec![Topology::Region, Topology::Zone]);
    let mut outlier = Outlier {
        max_ejection_percent: 100,
        ..Outlier::default()
    };
    outlier.consecutive_5xx.threshold = 1;
    c.outlier = Some(outlier);
}

#[test]
fn near_endpoints_first_and_what_they_cannot_carry_spills_over() {
    let zones = ["eu-a", "eu-a", "eu-b", "us-a"];
    let (_, live) = placed(&zones, failover);
    assert_eq!(picks(&live, 100, at(0), ok)[..4], [50, 50, 0, 0]);
    // One of two near ones is lost: 70 % stay.
    picks(&live, 2, at(1), |i| if i == 0 { 500 } else { 200 });
    let seen = picks(&live, 4000, at(2), ok);
    assert!((2680..=2920).contains(&seen[1]), "4σ around 2800: {seen:?}");
    assert_eq!((seen[0], seen[1] + seen[2]), (0, 4000), "{seen:?}");
    // None is left near: the region takes all.
    let _ = picks(&live, 40, at(3), |i| if i == 1 { 500 } else { 200 });
    assert_eq!(picks(&live, 100, at(4), ok)[..4], [0, 0, 100, 0]);
}

#[test]
fn a_client_that_knows_no_place_uses_all() {
    let (proxy, live) = placed(&["eu-a", "eu-b"], failover);
    assert_eq!(picks(&live, 100, at(0), ok)[..2], [100, 0]);
    proxy.locate(&Arc::default(), at(1));
    assert_eq!(picks(&live, 100, at(1), ok)[..2], [50, 50]);
}

#[test]
fn zones_keep_their_traffic_and_panic_ignores_them() {
    let zones = ["eu-a", "eu-a", "eu-b", "eu-b"];
    let (_, live) = placed(&zones, |c| {
        failover(c);
        c.locality = LocalityMode::ZoneAware(ZoneAware {
            min_cluster_size: 1,
            ..ZoneAware::default()
        });
    });
    assert_eq!(picks(&live, 100, at(0), ok)[..4], [50, 50, 0, 0]);
    for lost in 0..3 {
        while live.counts().ejections == lost {
            picks(&live, 1, at(1), |i| if i == 3 { 200 } else { 500 });
        }
    }
    assert!(live.in_panic(at(2)));
    assert_eq!(picks(&live, 100, at(2), ok)[..4], [25, 25, 25, 25]);
}

#[test]
fn panic_can_refuse_and_then_nobody_waits() {
    let (_, live) = placed(&["eu-a", "eu-a", "eu-b"], |c| {
        failover(c);
        c.locality = LocalityMode::ZoneAware(ZoneAware {
            fail_traffic_on_panic: true,
            ..ZoneAware::default()
        });
    });
    while live.counts().ejections < 2 {
        picks(&live, 1, at(1), |i| if i == 2 { 200 } else { 500 });
    }
    let refused = live.start(&[], 0, None, at(2)).unwrap_err();
    assert!(matches!(
        refused,
        Unavailable::NoEndpoint { until, reason: NoEndpoint::Panic, .. } if until == at(2)
    ));
    let entered = live.drain_events(at(2)).into_iter();
    assert!(
        entered
            .map(|e| e.kind)
            .any(|kind| kind == EventKind::FailFastEntered)
    );
}

#[test]
fn weights_divide_traffic_over_localities() {
    let pattern = |text: Option<&str>| LocalityPattern {
        region: Some("eu".into()),
        zone: text.map(Into::into),
    };
    let divided = |c: &mut Cluster| {
        failover(c);
        c.locality = LocalityMode::Weighted(vec![Distribution {
            from: pattern(Some("eu-a")),
            to: vec![(pattern(Some("eu-a")), 80), (pattern(None), 20)],
        }]);
    };
    let zones = ["eu-a", "eu-b", "eu-c", "us-a"];
    let (proxy, live) = placed(&zones, divided);
    let seen = picks(&live, 1000, at(0), ok);
    let due = [800, 100, 100, 0];
    let close = seen
        .iter()
        .zip(due)
        .all(|(seen, due)| seen.abs_diff(due) <= 2);
    assert!(close, "{seen:?}");
    // Of clients elsewhere nothing is said.
    let elsewhere = Standpoint {
        locality: in_zone("us-a"),
        peers: Arc::default(),
    };
    proxy.locate(&Arc::new(elsewhere), at(1));
    assert_eq!(picks(&live, 400, at(1), ok)[..4], [100, 100, 100, 100]);
}
