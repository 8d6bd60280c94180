//! How fast the simulator is: requests per CPU second over app, sidecar, mutual TLS, sidecar and
//! app, and virtual over CPU time.
//!
//! `cargo bench -p sim --bench wire -- PODS RATE SECONDS UPSTREAMS [plain]`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use model::resource::{Resource, read};
use serde_json::json;
use sim::run::{Inputs, Options, run_with_evidence};
use sim::scenario::{Scenario, Spec};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// User and system time of this process, in seconds (proc(5): fields 14 and 15 of `stat`, in ticks
/// of a hundredth).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let fields: Vec<f64> = after.split(' ').filter_map(|f| f.parse().ok()).collect();
    // The state letter does not parse: the list begins with field 4.
    (fields.get(10).unwrap_or(&0.0) + fields.get(11).unwrap_or(&0.0)) / 100.0
}

/// Resident memory in MB.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm
        .split(' ')
        .nth(1)
        .and_then(|p| p.parse().ok())
        .unwrap_or(0.0);
    pages * 4096.0 / 1e6
}

/// Groups of as many clients as servers, one Service each: every client has `upstreams` of them.
fn manifests(groups: u32, upstreams: u32) -> Vec<Resource> {
    let mut text = String::new();
    let mut workload = |name: &str, replicas: u32| {
        let _ = write!(
            text,
            "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: bench}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: app, image: x, ports: [{{containerPort: 8080}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: bench}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
"
        );
    };
    for i in 0..groups {
        workload(&format!("client-{i}"), upstreams);
        workload(&format!("server-{i}"), upstreams);
    }
    read("bench.yaml", &text).resources
}

fn spec(rate: f64, seconds: u64, groups: u32, mesh: &str) -> Spec {
    let loads: Vec<_> = (0..groups)
        .map(|i| {
            json!({"name": format!("l{i}"), "from": format!("bench/Deployment/client-{i}"),
                   "to": format!("http://server-{i}/"), "rate": rate / f64::from(groups)})
        })
        .collect();
    let scenario = json!({
        "apiVersion": "sim.meshctl.dev/v1alpha1", "kind": "Scenario",
        "spec": {"duration": format!("{seconds}s"), "mesh": mesh, "load": loads},
    });
    let scenario: Scenario = serde_json::from_value(scenario).expect("a valid scenario");
    scenario.spec
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let number =
        |i: usize, default: f64| args.get(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (pods, rate) = (number(0, 100.0) as u32, number(1, 1000.0));
    let (seconds, upstreams) = (number(2, 10.0) as u64, number(3, 10.0) as u32);
    let mesh = match args.get(4).map(String::as_str) {
        Some("plain") => "Annotated",
        _ => "All",
    };
    let groups = (pods / 2 / upstreams).max(1);
    let resources = manifests(groups, upstreams);
    let spec = spec(rate, seconds, groups, mesh);
    let inputs = Inputs {
        spec: &spec,
        resources: &resources,
        applied: BTreeMap::new(),
        seed: 1,
        options: Options::default(),
    };
    let before = cpu_seconds();
    let mut set_up = None;
    let mut at_one_second = (0.0, 0);
    let mut peak = 0f64;
    let (seen, evidence) = run_with_evidence(&inputs, &mut |p| {
        set_up.get_or_insert_with(cpu_seconds);
        if p.at.as_secs() == 1 && at_one_second.1 == 0 {
            at_one_second = (cpu_seconds(), p.requests);
        }
        peak = peak.max(resident());
        Ok(())
    })
    .expect("the bench runs");
    let cpu = cpu_seconds() - before;
    let steady = cpu_seconds() - at_one_second.0;
    let totals = seen.totals();
    let mut out = std::io::stdout().lock();
    let _ = writeln!(
        out,
        "{pods} pods, {rate}/s, {seconds} s, {upstreams} upstreams, mesh {mesh}\n\
         requests {} ok {} failed {}   p50 {:?} µs p99 {:?} µs\n\
         CPU {cpu:.2} s (set up {:.2} s)   {:.0} requests per CPU second   after 1 s: {:.0}\n\
         virtual over CPU {:.1}x   polls per request {:.1}   connections {}\n\
         resident {peak:.0} MB, {:.3} MB per pod",
        totals.requests,
        totals.success,
        totals.failure + totals.local_failure,
        totals.latency.quantile(0.5),
        totals.latency.quantile(0.99),
        set_up.unwrap_or(before) - before,
        totals.requests as f64 / cpu,
        (totals.requests - at_one_second.1) as f64 / steady,
        seconds as f64 / cpu,
        evidence.polls as f64 / totals.requests.max(1) as f64,
        evidence.net.connections_opened,
        peak / f64::from(pods),
    );
}
