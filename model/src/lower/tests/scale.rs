//! A thousand Services with ten endpoints each: run with
//! `cargo test -p model lower::tests::scale -- --ignored --nocapture`.

use core::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::index::{Fact, Pod, PodState};

const SERVICES: u32 = 1000;
const PODS_PER_SERVICE: u32 = 10;
const NAMESPACES: u32 = 10;

fn world() -> Index {
    let reading = resource::read("m.yaml", SHOP);
    let facts: Vec<Fact> = reading
        .resources
        .iter()
        .filter_map(|resource| crate::load::fact(resource).unwrap())
        .collect();
    let (Fact::Service(service), Fact::Pod(pod)) = (&facts[0], &facts[2]) else {
        panic!("a Service and a Pod");
    };
    let mut index = Index::new(MeshMode::All);
    for s in 0..SERVICES {
        let namespace = format!("ns-{}", s % NAMESPACES);
        let app = format!("app-{s}");
        let mut service = service.clone();
        service.name = ObjectName::new(namespace.as_str(), app.as_str());
        service.selector = [("app".to_owned(), app.clone())].into();
        service.addresses = vec![IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + s))];
        index.apply(Fact::Service(service));
        for p in 0..PODS_PER_SERVICE {
            let pod = Pod {
                name: ObjectName::new(namespace.as_str(), format!("{app}-{p}")),
                labels: [("app".to_owned(), app.clone())].into(),
                address: Some(IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + s * 100 + p))),
                // One in ten has a proxy, so that there are a thousand of them.
                host_network: false,
                inject: if p == 0 {
                    crate::index::Inject::Enabled
                } else {
                    crate::index::Inject::Disabled
                },
                ..pod.clone()
            };
            index.apply(Fact::Pod(pod));
        }
    }
    index
}

#[test]
#[ignore = "prints times"]
#[expect(clippy::disallowed_methods, reason = "measures")]
fn time_of_one_endpoint_change() {
    let now = std::time::Instant::now;
    let start = now();
    let mut index = world();
    println!("index: {:?}", start.elapsed());
    let mut lowering = Lowering::new("cluster.local");
    let start = now();
    lowering.update(&index);
    println!("all: {:?}", start.elapsed());
    assert_eq!(lowering.workloads().count(), SERVICES as usize);
    let pods: Vec<Pod> = index.pods().cloned().collect();
    let (mut apply, mut update, mut snapshots) = Default::default();
    const ROUNDS: u32 = 200;
    let mut held = Vec::new();
    for round in 0..ROUNDS {
        let mut pod = pods[round as usize * 37].clone();
        pod.state = PodState::Unready;
        let start = now();
        index.apply(Fact::Pod(pod));
        apply += start.elapsed();
        let start = now();
        assert!(lowering.update(&index));
        update += start.elapsed();
        let start = now();
        held = lowering
            .workloads()
            .filter_map(|pod| lowering.snapshot(pod))
            .collect();
        snapshots += start.elapsed();
    }
    assert_eq!(held.len(), SERVICES as usize);
    let per_change = |total: core::time::Duration| total / ROUNDS;
    println!("apply: {:?}", per_change(apply));
    println!("update: {:?}", per_change(update));
    println!("{SERVICES} snapshots: {:?}", per_change(snapshots));
}
