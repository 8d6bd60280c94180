use std::sync::Arc;

use super::*;
use crate::snapshot::balance::Peers;
use proptest::prelude::*;

fn zone(i: usize) -> Locality {
    Locality {
        region: "eu".into(),
        zone: format!("eu-{i}"),
    }
}

/// Callers and endpoints of each zone; the client is in the first.
struct Case {
    callers: Vec<u32>,
    hosts: Vec<u32>,
    policy: ZoneAware,
}

fn case(callers: &[u32], hosts: &[u32]) -> Case {
    Case {
        callers: callers.to_vec(),
        hosts: hosts.to_vec(),
        policy: ZoneAware::default(),
    }
}

impl Case {
    /// The plan of a client in zone `me`, and the zone that each of its localities is.
    fn plan(&self, me: usize) -> Option<(Plan, Vec<usize>)> {
        let zones: Vec<Locality> = (0..self.hosts.len()).map(zone).collect();
        let there: Vec<usize> = (0..zones.len()).filter(|i| self.hosts[*i] > 0).collect();
        let upstreams: Vec<Upstream<'_>> = there
            .iter()
            .map(|i| Upstream {
                locality: &zones[*i],
                hosts: self.hosts[*i],
                weight: u64::from(self.hosts[*i]) * 10,
            })
            .collect();
        let peers = self.callers.iter().enumerate().map(|(i, n)| Peers {
            locality: zone(i),
            ready: *n,
            total: *n,
        });
        let here = Standpoint {
            locality: zone(me),
            peers: Arc::new(peers.collect()),
        };
        Some((plan(&self.policy, &upstreams, &here, 50)?, there))
    }

    /// Ten-thousandths of the requests that stay, and what is left elsewhere.
    #[track_caller]
    fn check(&self, expected: Option<(u64, &[u64])>) {
        let plan = self.plan(0).map(|(plan, _)| plan);
        let seen = plan.as_ref().map(|p| (p.stay, p.residual.as_slice()));
        assert_eq!(seen, expected, "{:?} → {:?}", self.callers, self.hosts);
    }
}

#[test]
fn envoys_example() {
    // Callers 40, 40, 20 %; endpoints 25, 50, 25 %.
    case(&[4, 4, 2], &[2, 4, 2]).check(Some((6_250, &[0, 1_000, 1_500])));
}

#[test]
fn a_zone_with_its_share_of_endpoints_keeps_everything() {
    case(&[5, 5], &[3, 3]).check(Some((10_000, &[])));
    case(&[2, 8], &[3, 3]).check(Some((10_000, &[])));
}

#[test]
fn a_zone_without_endpoints_sends_where_there_are_more_endpoints_than_callers() {
    case(&[5, 5, 5], &[0, 3, 3]).check(Some((0, &[1_667, 3_334])));
    case(&[5, 5, 0], &[0, 3, 3]).check(Some((0, &[0, 5_000])));
}

#[test]
fn when_zones_do_not_count() {
    case(&[5, 5], &[6, 0]).check(None);
    case(&[5, 5], &[0, 6]).check(None);
    case(&[5, 0], &[3, 3]).check(None);
    case(&[5, 5], &[2, 3]).check(None);
    case(&[], &[3, 3]).check(None);
    // The client is not among the callers that were counted.
    case(&[0, 5, 5], &[2, 2, 2]).check(None);
}

#[test]
fn a_forced_zone_keeps_everything_while_it_has_enough_endpoints() {
    let mut forced = case(&[9, 1], &[2, 8]);
    forced.policy.force_local_zone = Some(2);
    forced.check(Some((10_000, &[])));
    forced.policy.force_local_zone = Some(3);
    forced.check(Some((2_222, &[0, 7_000])));
    forced.callers = vec![9, 0];
    forced.check(None);
    forced.policy.force_local_zone = Some(1);
    forced.check(Some((10_000, &[])));
    forced.callers = vec![0, 9];
    forced.check(None);
}

#[test]
fn callers_of_whom_few_are_ready_say_nothing() {
    let (a, b) = (zone(0), zone(1));
    let upstreams = [&a, &b].map(|locality| Upstream {
        locality,
        hosts: 3,
        weight: 3,
    });
    let here = |ready: u32| Standpoint {
        locality: zone(0),
        peers: Arc::new(vec![
            Peers {
                locality: zone(0),
                ready,
                total: 10,
            },
            Peers {
                locality: zone(1),
                ready,
                total: 10,
            },
        ]),
    };
    let policy = ZoneAware::default();
    assert!(plan(&policy, &upstreams, &here(5), 50).is_some());
    assert_eq!(plan(&policy, &upstreams, &here(4), 50), None);
    assert!(plan(&policy, &upstreams, &here(4), 0).is_some());
}

proptest! {
    /// The reason for it all: each zone gets load in proportion to its endpoints.
    #[test]
    fn every_endpoint_gets_the_same_load(
        callers in prop::collection::vec(1u32..30, 2..5),
        hosts in prop::collection::vec(prop_oneof![Just(0), 3u32..30], 4),
    ) {
        let n = callers.len();
        prop_assume!(hosts[..n].iter().filter(|n| **n > 0).count() > 1);
        let case = case(&callers, &hosts[..n]);
        let mut load = vec![0.0; n];
        let mut rng = Entropy::from_seed(1);
        const DRAWS: u32 = 4_000;
        for (me, callers) in callers.iter().enumerate() {
            let (plan, there) = case.plan(me).unwrap();
            for _ in 0..DRAWS {
                load[there[plan.choose(&mut rng)]] += f64::from(*callers) / f64::from(DRAWS);
            }
        }
        let (all, total) = (load.iter().sum::<f64>(), case.hosts.iter().sum::<u32>());
        for (load, hosts) in load.iter().zip(&case.hosts) {
            let due = all * f64::from(*hosts) / f64::from(total);
            prop_assert!((load - due).abs() < 0.03 * all, "{load} of {all}, due {due}");
        }
    }
}
