//! App, sidecar, mutual TLS, sidecar and app: one run of a mesh of so many pods; or the engine alone
//! under the same load.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::resource::{Resource, read};
use serde_json::json;
use sim::policy::Level;
use sim::run::{Inputs, Options, run_with_evidence};
use sim::scenario::{Scenario, Spec};

use crate::cpu_seconds;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) pods: u32,
    /// Requests per second in all; 0 = no load.
    pub(crate) rate: f64,
    /// Virtual.
    pub(crate) seconds: u64,
    /// Servers behind the service of each client.
    pub(crate) upstreams: u32,
    pub(crate) level: Level,
}

/// What it took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    pub(crate) requests: f64,
    pub(crate) failed: f64,
    /// Seconds until virtual time began to pass.
    pub(crate) set_up: f64,
    /// Seconds after that, with every connection that is made.
    pub(crate) cpu: f64,
    /// Requests and seconds after the first virtual second: most connections are there.
    pub(crate) steady_requests: f64,
    pub(crate) steady_cpu: f64,
    /// Resident at the most, in MB.
    pub(crate) resident: f64,
}

/// Resident memory in MB (proc(5): the second field of `statm`, in pages).
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|p| p.parse().ok());
    pages.map_or(0.0, |pages: f64| pages * 4096.0 / 1e6)
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

fn spec(rate: f64, seconds: u64, groups: u32) -> Spec {
    let loads: Vec<_> = (0..groups)
        .filter(|_| rate > 0.0)
        .map(|i| {
            json!({"name": format!("l{i}"), "from": format!("bench/Deployment/client-{i}"),
                   "to": format!("http://server-{i}/"), "rate": rate / f64::from(groups)})
        })
        .collect();
    let scenario = json!({
        "apiVersion": "sim.meshctl.dev/v1alpha1", "kind": "Scenario",
        "spec": {"duration": format!("{seconds}s"), "mesh": "All", "load": loads},
    });
    let scenario: Scenario = serde_json::from_value(scenario).expect("a valid scenario");
    scenario.spec
}

/// Runs a case in this process.
pub(crate) fn run(case: Case) -> Took {
    let groups = (case.pods / 2 / case.upstreams).max(1);
    let resources = manifests(groups, case.upstreams);
    let before = cpu_seconds();
    let spec = spec(case.rate, case.seconds, groups);
    let inputs = Inputs {
        spec: &spec,
        resources: &resources,
        applied: BTreeMap::new(),
        seed: 1,
        options: Options {
            level: case.level,
            ..Options::default()
        },
    };
    let mut begun = None;
    let mut first_second = None;
    let mut peak = resident();
    let (seen, _) = run_with_evidence(&inputs, &mut |p| {
        begun.get_or_insert_with(cpu_seconds);
        if p.at.as_secs() >= 1 {
            first_second.get_or_insert_with(|| (cpu_seconds(), p.requests));
        }
        peak = peak.max(resident());
        Ok(())
    })
    .expect("the bench runs");
    let (end, totals) = (cpu_seconds(), seen.totals());
    let begun = begun.unwrap_or(before);
    let (at_one, requests_at_one) = first_second.unwrap_or((begun, 0));
    Took {
        requests: totals.requests as f64,
        failed: (totals.failure + totals.local_failure) as f64,
        set_up: begun - before,
        cpu: end - begun,
        steady_requests: (totals.requests - requests_at_one) as f64,
        steady_cpu: end - at_one,
        resident: peak,
    }
}

// === impl Took ===

impl Took {
    const FIELDS: usize = 7;

    /// As one line, for the process that asked.
    pub(crate) fn line(&self) -> String {
        let fields = [
            self.requests,
            self.failed,
            self.set_up,
            self.cpu,
            self.steady_requests,
            self.steady_cpu,
            self.resident,
        ];
        fields.map(|f| f.to_string()).join(" ")
    }

    pub(crate) fn read(line: &str) -> Option<Self> {
        let fields: Vec<f64> = line.split(' ').filter_map(|f| f.parse().ok()).collect();
        let [
            requests,
            failed,
            set_up,
            cpu,
            steady_requests,
            steady_cpu,
            resident,
        ] = <[f64; Self::FIELDS]>::try_from(fields).ok()?;
        Some(Self {
            requests,
            failed,
            set_up,
            cpu,
            steady_requests,
            steady_cpu,
            resident,
        })
    }
}
