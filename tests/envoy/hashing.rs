//! Consistent hashing: the same request has to reach the same endpoint, whoever sends it. Hash
//! function, keys, ring and table are compared by their effect.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::ours::{Ours, backend_policy, service};
use super::peer::{Envoy, cluster, endpoints};
use super::upstream::Upstreams;

const KEYS: usize = 2_000;

struct Case {
    name: &'static str,
    theirs: Value,
    ours: &'static str,
}

/// Where every key goes.
fn check(case: &Case) {
    let upstreams = Upstreams::start(7);
    let keys: Vec<String> = (0..KEYS).map(|i| format!("user-{i}")).collect();

    let web = cluster("web", endpoints(upstreams.addresses()), case.theirs.clone());
    let route = json!({"match": {"prefix": "/"}, "route": {
        "cluster": "web",
        "hash_policy": [{"header": {"header_name": "x-user"}}],
    }});
    let envoy = Envoy::start(case.name, &[web], &[route]);
    let mut client = envoy.client();
    let theirs: Vec<SocketAddr> = keys
        .iter()
        .map(|key| client.get("/", &[("x-user", key)]).upstream().unwrap())
        .collect();

    let policy = backend_policy(&format!("  loadBalancer:\n{}", case.ours));
    let manifests = service("web", upstreams.addresses()) + &policy;
    let mut engine = Ours::new(&manifests, 1);
    let ours: Vec<SocketAddr> = keys
        .iter()
        .map(|key| engine.ask("/", &[("x-user", key)], |_| 200).1[0])
        .collect();

    let differ = theirs.iter().zip(&ours).filter(|(a, b)| a != b).count();
    assert_eq!(
        differ, 0,
        "{}: {differ} of {KEYS} keys go elsewhere",
        case.name
    );
}

#[test]
#[ignore = "needs envoy"]
fn a_ring_sends_a_key_to_the_same_endpoint() {
    check(&Case {
        name: "ring",
        theirs: json!({
            "lb_policy": "RING_HASH",
            "ring_hash_lb_config": {"minimum_ring_size": 1024},
        }),
        ours: "    type: RingHash\n    consistentHash:\n      minimumRingSize: 1024\n      \
               hashOn: [{header: x-user}]\n",
    });
    check(&Case {
        name: "ring-small",
        theirs: json!({
            "lb_policy": "RING_HASH",
            "ring_hash_lb_config": {"minimum_ring_size": 10},
        }),
        ours: "    type: RingHash\n    consistentHash:\n      minimumRingSize: 10\n      \
               hashOn: [{header: x-user}]\n",
    });
}

#[test]
#[ignore = "needs envoy"]
fn a_maglev_table_sends_a_key_to_the_same_endpoint() {
    check(&Case {
        name: "maglev",
        theirs: json!({"lb_policy": "MAGLEV"}),
        ours: "    type: Maglev\n    consistentHash: {hashOn: [{header: x-user}]}\n",
    });
    check(&Case {
        name: "maglev-small",
        theirs: json!({"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 101}}),
        ours: "    type: Maglev\n    consistentHash:\n      tableSize: 101\n      \
               hashOn: [{header: x-user}]\n",
    });
}
