//! Rings and tables: how many points or entries there are, and how many the best and the worst
//! placed endpoint has.

use std::net::SocketAddr;

use engine::balance::{Candidates, Picker};
use engine::snapshot::Balancer;
use engine::snapshot::balance::ConsistentHash;
use serde_json::{Value, json};

use super::peer::{Envoy, cluster, endpoint};
use super::wait_until;

/// All places, the fewest of one endpoint, and the most.
type Extremes = [u64; 3];

/// Nobody listens there, and nobody is asked.
fn addresses(n: usize) -> Vec<SocketAddr> {
    let address = |i| SocketAddr::from(([127, 0, 0, 1], 20_000 + i as u16));
    (0..n).map(address).collect()
}

fn theirs(name: &str, more: Value, stats: [&str; 3], weights: &[u32]) -> Extremes {
    let weighted = addresses(weights.len()).into_iter().zip(weights);
    let endpoints: Vec<Value> = weighted
        .map(|(address, weight)| {
            let mut endpoint = endpoint(address);
            endpoint["load_balancing_weight"] = json!(weight);
            endpoint
        })
        .collect();
    let web = cluster("web", json!([{"lb_endpoints": endpoints}]), more);
    let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "web"}});
    let envoy = Envoy::start(name, &[web], &[route]);
    let stat = |of: &str| envoy.stat(&format!("cluster.web.{of}"));
    wait_until("the ring or table is there", || stat(stats[2]) > 0);
    stats.map(stat)
}

fn ours(balancer: &Balancer, weights: &[u32]) -> Extremes {
    let keys = addresses(weights.len()).into_iter();
    let slots = (0..).zip(weights.iter().copied());
    let candidates = Candidates::new(slots).with_keys(keys.map(|a| a.to_string()));
    let Picker::Hashed(hashed) = Picker::new(balancer) else {
        panic!("{balancer:?} does not hash");
    };
    let places = hashed.places(&candidates);
    let count = |n: Option<&usize>| *n.unwrap() as u64;
    let all: usize = places.iter().sum();
    [
        all as u64,
        count(places.iter().min()),
        count(places.iter().max()),
    ]
}

fn hash() -> ConsistentHash {
    ConsistentHash {
        on: Vec::new(),
        balance_factor: None,
        by_name: false,
    }
}

#[test]
#[ignore = "needs envoy"]
fn a_ring_has_as_many_points() {
    let check = |name: &str, [minimum, maximum]: [u32; 2], weights: &[u32]| {
        let more = json!({
            "lb_policy": "RING_HASH",
            "ring_hash_lb_config": {
                "minimum_ring_size": minimum, "maximum_ring_size": maximum,
            },
        });
        let stats = [
            "ring_hash_lb.size",
            "ring_hash_lb.min_hashes_per_host",
            "ring_hash_lb.max_hashes_per_host",
        ];
        let balancer = Balancer::RingHash {
            minimum_size: minimum,
            maximum_size: maximum,
            hash: hash(),
        };
        let theirs = theirs(name, more, stats, weights);
        assert_eq!(ours(&balancer, weights), theirs, "{name}");
    };
    check("points-equal", [1024, 8_388_608], &[1; 7]);
    check("points-many", [1024, 8_388_608], &[1; 100]);
    // Every endpoint has a whole point: the ring grows.
    check("points-few", [3, 8_388_608], &[1; 10]);
    check("points-weighted", [1024, 8_388_608], &[1, 2, 5, 10]);
    check("points-light", [64, 8_388_608], &[1, 1000]);
    // Some have none.
    check("points-capped", [4, 5], &[1; 10]);
}

#[test]
#[ignore = "needs envoy"]
fn a_table_has_the_same_extremes() {
    let check = |name: &str, size: u32, weights: &[u32]| {
        let more = json!({"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": size}});
        // Envoy has no figure for the size: the largest share stands for both.
        let stats = [
            "maglev_lb.min_entries_per_host",
            "maglev_lb.min_entries_per_host",
            "maglev_lb.max_entries_per_host",
        ];
        let balancer = Balancer::Maglev {
            table_size: size,
            hash: hash(),
        };
        let [_, theirs @ ..] = theirs(name, more, stats, weights);
        let [all, ours @ ..] = ours(&balancer, weights);
        assert_eq!((ours, all), (theirs, size.into()), "{name}");
    };
    check("entries-equal", 65_537, &[1; 7]);
    check("entries-many", 65_537, &[1; 100]);
    check("entries-few", 101, &[1; 10]);
    check("entries-weighted", 65_537, &[1, 2, 5, 10]);
    check("entries-light", 1009, &[1, 1000]);
}
