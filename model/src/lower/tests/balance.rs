//! What `loadBalancer` becomes, and where the callers are.

use core::time::Duration;

use engine::snapshot::balance::{HashOn, HashSource, Peers, Topology, ZoneBasis};
use engine::snapshot::{ConsistentHash, Locality, LocalityMode, SlowStart, ZoneAware};

use super::*;
use crate::index::{Fact, Key, PodState};

/// The cluster under a policy with this below `loadBalancer:`.
fn cluster(spec: &str) -> Arc<Cluster> {
    let policy = format!(
        "---
apiVersion: meshctl.dev/v1alpha1
kind: BackendPolicy
metadata: {{name: p, namespace: shop}}
spec:
  targetRefs: [{{kind: Service, name: web}}]
  loadBalancer:
{spec}
"
    );
    let snapshot = snapshot_of(&format!("{SHOP}{policy}"), CART.0, CART.1);
    let key = layout::key(&ObjectName::new("shop", "web"), 80);
    Arc::clone(&snapshot.outbound.clusters[&key])
}

#[test]
fn every_field_of_a_consistent_hash_arrives() {
    let seen = cluster(
        "    type: RingHash
    consistentHash:
      hashOn:
      - {header: X-User, terminal: true}
      - cookie: {name: session, ttl: 1h, path: /x}
      - {sourceIP: true}
      - {queryParam: user}
      minimumRingSize: 100
      maximumRingSize: 1000
      hashBalanceFactor: 125
      useHostname: true",
    );
    let part = |source| HashOn {
        source,
        terminal: false,
    };
    let header = HashOn {
        source: HashSource::Header(::http::HeaderName::from_static("x-user")),
        terminal: true,
    };
    let cookie = HashSource::Cookie {
        name: "session".into(),
        ttl: Some(Duration::from_secs(3600)),
        path: Some("/x".into()),
    };
    let on = vec![
        header,
        part(cookie),
        part(HashSource::SourceIp),
        part(HashSource::QueryParam("user".into())),
    ];
    let expected = Balancer::RingHash {
        minimum_size: 100,
        maximum_size: 1000,
        hash: ConsistentHash {
            on,
            balance_factor: Some(125),
            by_name: true,
        },
    };
    assert_eq!(seen.balancer, expected);
}

#[test]
fn what_is_left_out_of_a_consistent_hash_has_envoys_defaults() {
    let hash = |name: &'static str| ConsistentHash {
        on: vec![HashOn {
            source: HashSource::Header(::http::HeaderName::from_static(name)),
            terminal: false,
        }],
        balance_factor: None,
        by_name: false,
    };
    let seen = cluster("    type: Maglev\n    consistentHash: {hashOn: [{header: a}]}");
    let expected = Balancer::Maglev {
        table_size: 65_537,
        hash: hash("a"),
    };
    assert_eq!(seen.balancer, expected);
    let spec = "    type: RingHash
    consistentHash: {hashOn: [{header: a}], hashBalanceFactor: 0}";
    let expected = Balancer::RingHash {
        minimum_size: 1024,
        maximum_size: 8_388_608,
        hash: hash("a"),
    };
    assert_eq!(cluster(spec).balancer, expected);
}

#[test]
fn slow_start() {
    let full = cluster("    slowStart: {window: 30s, aggression: 2, minWeightPercent: 20}");
    let expected = SlowStart {
        window: Duration::from_secs(30),
        aggression: 2.0,
        min_weight_percent: 20,
    };
    assert_eq!(full.slow_start, Some(expected));
    let short = cluster("    slowStart: {window: 30s}").slow_start.clone();
    let short = short.map(|slow| (slow.aggression, slow.min_weight_percent));
    assert_eq!(short, Some((1.0, 10)));
}

#[test]
fn localities() {
    assert_eq!(cluster("    locality: {}").locality, LocalityMode::None);
    let seen = cluster(
        "    locality:
      mode: ZoneAware
      zoneAware:
        minClusterSize: 3
        routingEnabled: 50
        failTrafficOnPanic: true
        forceLocalZone: {}
        basis: HostsWeight",
    );
    let zones = ZoneAware {
        min_cluster_size: 3,
        routing_percent: 50,
        fail_traffic_on_panic: true,
        force_local_zone: Some(1),
        basis: ZoneBasis::Weights,
    };
    assert_eq!(seen.locality, LocalityMode::ZoneAware(zones));
    let seen = cluster("    locality: {mode: ZoneAware}");
    assert_eq!(seen.locality, LocalityMode::ZoneAware(ZoneAware::default()));
    let both = vec![Topology::Region, Topology::Zone];
    let seen = cluster("    locality: {mode: Failover}");
    assert_eq!(seen.locality, LocalityMode::Failover(both));
    let seen =
        cluster("    locality: {mode: Failover, failoverPriority: [topology.kubernetes.io/zone]}");
    assert_eq!(seen.locality, LocalityMode::Failover(vec![Topology::Zone]));
}

#[test]
fn the_most_specific_locality_comes_first() {
    let seen = cluster(
        "    locality:
      mode: Weighted
      distribute: [{from: eu, to: {'*': 1, '*/c': 2, eu/*: 3, eu/b: 94}}]",
    );
    let LocalityMode::Weighted(all) = &seen.locality else {
        panic!("{:?}", seen.locality);
    };
    let from = (all[0].from.region.as_deref(), all[0].from.zone.as_deref());
    assert_eq!(from, (Some("eu"), None));
    let weights: Vec<u32> = all[0].to.iter().map(|(_, weight)| *weight).collect();
    assert_eq!(weights, [94, 3, 2, 1]);
}

#[test]
fn an_endpoint_has_the_weight_of_its_pod() {
    let weights = |annotation: &str| -> Vec<u32> {
        let pod = format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{name: web-9, namespace: shop, labels: {{app: web}}{annotation}}}
spec: {{containers: [{{name: app}}]}}
status: {{podIP: 10.1.0.7}}
"
        );
        let snapshot = snapshot_of(&format!("{SHOP}{pod}"), CART.0, CART.1);
        let key = layout::key(&ObjectName::new("shop", "web"), 80);
        let set = &snapshot.outbound.endpoints[&key];
        set.endpoints.iter().map(|e| e.weight).collect()
    };
    assert_eq!(weights(""), [1, 1]);
    let three = ", annotations: {meshctl.dev/endpoint-weight: '3'}";
    assert_eq!(weights(three), [1, 3]);
}

#[test]
fn a_proxy_knows_where_its_peers_are() {
    let mut index = index_of(SHOP);
    let template = index
        .pod(&ObjectName::new("cart", "cart-0"))
        .cloned()
        .unwrap();
    let mut pods: Vec<_> = (0..5)
        .map(|i| {
            let mut pod = template.clone();
            pod.name = ObjectName::new("cart", format!("cart-{i}").as_str());
            pod.controller = "Deployment/cart".into();
            pod.locality = Locality {
                region: "eu".into(),
                zone: if i < 3 { "a".into() } else { "b".into() },
            };
            pod
        })
        .collect();
    pods[2].state = PodState::Unready;
    pods[4].state = PodState::Terminating;
    for pod in pods {
        index.apply(Fact::Pod(pod));
    }
    let mut lowering = lowered(&index);
    let me = ObjectName::new("cart", "cart-0");
    let counts = |lowering: &Lowering| -> Vec<(String, u32, u32)> {
        let standpoint = lowering.snapshot(&me).unwrap().standpoint.clone();
        assert_eq!(standpoint.locality.zone, "a");
        let seen = |peers: &Peers| (peers.locality.zone.clone(), peers.ready, peers.total);
        standpoint.peers.iter().map(seen).collect()
    };
    let expected = [("a".to_owned(), 2, 3), ("b".to_owned(), 1, 1)];
    assert_eq!(counts(&lowering), expected);
    let before = lowering.snapshot(&me).unwrap().version;
    index.remove(&Key::Pod(ObjectName::new("cart", "cart-3")));
    assert!(lowering.update(&index));
    assert_eq!(counts(&lowering), expected[..1]);
    assert_ne!(lowering.snapshot(&me).unwrap().version, before);
    // The pods of the shop are nobody's peers: their zone is not known.
    let web = lowering
        .snapshot(&ObjectName::new("shop", "web-0"))
        .unwrap();
    assert!(web.standpoint.peers.is_empty());
}
