//! What it costs to add a sidecar to each of 20,000 documents (18 MB), read, edited and checked one
//! by one: `cargo bench --profile dist --bench edit`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use model::edit::{Edit, Patch, Place, Pointer};
use model::yaml::{self, Source};
use serde_json::json;
use std::fmt::Write as _;
use std::sync::Arc;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DOCUMENTS: usize = 20_000;

fn main() {
    let text = manifests();
    println!(
        "{:<52} {:>8.1} MB",
        format!("{DOCUMENTS} Deployments"),
        text.len() as f64 / 1e6
    );
    let source = Arc::new(Source::new("bench.yaml", text));

    let started = cpu_seconds();
    let documents = yaml::documents(&source).unwrap();
    let read = documents.map(Result::unwrap).count();
    println!("{:<52} {:>8.2} s", "reading", cpu_seconds() - started);
    assert_eq!(read, DOCUMENTS);

    let started = cpu_seconds();
    let mut patch = Patch::new(&source);
    let pod = Pointer::root().keys(["spec", "template"]);
    let edits = [
        Edit::set(
            pod.clone()
                .keys(["metadata", "annotations", "meshctl.dev/inject"]),
            "enabled",
        ),
        Edit::insert(
            pod.keys(["spec", "initContainers"]),
            json!({
                "name": "meshctl-proxy",
                "image": "meshctl:0.1.0",
                "args": ["proxy", "--role", "sidecar"],
                "restartPolicy": "Always",
                "ports": [{"name": "mesh-inbound", "containerPort": 14006}]
            }),
            Place::First,
        ),
    ];
    for document in yaml::documents(&source).unwrap() {
        assert!(patch.edit(&document.unwrap(), &edits).unwrap());
    }
    let written: usize = patch.chunks().map(str::len).sum();
    println!(
        "{:<52} {:>8.2} s",
        "reading, editing, reading again",
        cpu_seconds() - started
    );
    println!("{:<52} {:>8.1} MB", "written", written as f64 / 1e6);
    println!("{:<52} {:>8.1} MB", "largest resident set", resident_mb());
}

/// Documents of about 900 bytes, as people write them.
fn manifests() -> String {
    let mut text = String::with_capacity(DOCUMENTS * 1024);
    for index in 0..DOCUMENTS {
        write!(
            text,
            "---
# The service number {index} of the shop.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: service-{index}
  namespace: shop
  labels:
    app.kubernetes.io/name: service-{index}
    app.kubernetes.io/part-of: shop
spec:
  replicas: 3
  selector:
    matchLabels:
      app: service-{index}
  template:
    metadata:
      labels:
        app: service-{index}
        version: \"1\"
    spec:
      serviceAccountName: service-{index}
      containers:
      - name: app
        image: registry.example/shop/service:{index}.0.1  # pinned
        args: [\"--listen\", \":8080\"]
        env:
        - name: DATABASE
          value: postgres://db.shop.svc:5432/shop
        - name: GREETING
          value: |
            hello
            world
        ports:
        - containerPort: 8080
          name: http
        readinessProbe:
          httpGet: {{path: /ready, port: http}}
        resources:
          limits: {{cpu: 100m, memory: 128Mi}}
"
        )
        .unwrap();
    }
    text
}

/// Time this process spent on a processor so far, as the kernel counts it; 0 elsewhere.
fn cpu_seconds() -> f64 {
    let times = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = times.split_whitespace().next();
    nanoseconds.map_or(0.0, |text| text.parse().unwrap_or(0.0)) / 1e9
}

/// The largest resident set of this process so far, as the kernel counts it; 0 elsewhere.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
