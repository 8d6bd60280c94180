//! What one changed endpoint costs the lowering, with a thousand Services of ten endpoints each and
//! a thousand proxies: `cargo bench --profile dist --bench lowering`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use engine::snapshot::ObjectName;
use model::index::{Fact, Inject, MeshMode, Pod, PodState};
use model::load::{load, pod_of_template};
use model::lower::Lowering;
use model::resource;

const SERVICES: u32 = 1000;
const PODS_PER_SERVICE: u32 = 10;
const NAMESPACES: u32 = 10;
const ROUNDS: u32 = 200;

fn main() {
    let started = Instant::now();
    let mut manifests = String::new();
    for s in 0..SERVICES {
        let ip = Ipv4Addr::from(0x0a60_0000 + s);
        write!(
            manifests,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: app-{s}, namespace: ns-{}}}\n\
             spec: {{clusterIP: {ip}, selector: {{app: app-{s}}}, ports: [{{name: http, port: 80}}]}}\n",
            s % NAMESPACES
        )
        .unwrap();
    }
    let reading = resource::read("bench.yaml", &manifests);
    let mut index = load(&reading.resources, MeshMode::All).index;
    println!(
        "{:<44} {:>12?}",
        "reading and joining 1000 Services",
        started.elapsed()
    );

    let pods = pods();
    let started = Instant::now();
    pods.iter()
        .for_each(|pod| index.apply(Fact::Pod(pod.clone())));
    println!("{:<44} {:>12?}", "applying 10,000 pods", started.elapsed());

    let mut lowering = Lowering::new("cluster.local");
    let started = Instant::now();
    lowering.update(&index);
    println!("{:<44} {:>12?}", "lowering everything", started.elapsed());

    let (mut apply, mut update, mut snapshots) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for round in 0..ROUNDS {
        let mut pod = pods[round as usize * 37].clone();
        pod.state = PodState::Unready;
        let started = Instant::now();
        index.apply(Fact::Pod(pod));
        apply += started.elapsed();
        let started = Instant::now();
        assert!(
            lowering.update(&index),
            "a pod that is not ready changes something"
        );
        update += started.elapsed();
        let started = Instant::now();
        let held = lowering
            .workloads()
            .filter_map(|pod| lowering.snapshot(pod))
            .count();
        snapshots += started.elapsed();
        assert_eq!(held, SERVICES as usize);
    }
    println!(
        "{:<44} {:>12?}",
        "one endpoint change: index",
        apply / ROUNDS
    );
    println!(
        "{:<44} {:>12?}",
        "one endpoint change: lowering",
        update / ROUNDS
    );
    println!(
        "{:<44} {:>12?}",
        "one endpoint change: 1000 snapshots",
        snapshots / ROUNDS
    );
}

/// Ten pods for each Service; the first of them has a proxy.
fn pods() -> Vec<Pod> {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n\
                    spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}\n";
    let reading = resource::read("pod.yaml", manifest);
    let object = &reading.resources[0].object;
    let template = reading.resources[0].workload().unwrap().template;
    let mut pods = Vec::new();
    for s in 0..SERVICES {
        let labels = [("app".to_owned(), format!("app-{s}"))].into();
        for p in 0..PODS_PER_SERVICE {
            let namespace = format!("ns-{}", s % NAMESPACES);
            let name = ObjectName::new(namespace.as_str(), format!("app-{s}-{p}"));
            let mut pod = pod_of_template(
                name,
                &labels,
                &template.metadata.annotations,
                &template.spec,
                format!("Deployment/app-{s}"),
                object.origin(),
            )
            .unwrap();
            pod.address = Some(IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + s * 100 + p)));
            pod.state = PodState::Ready;
            pod.inject = if p == 0 {
                Inject::Enabled
            } else {
                Inject::Disabled
            };
            pods.push(pod);
        }
    }
    pods
}
