//! What `top`, `stat`, Prometheus and the simulator's report say of one run is the same, and what
//! was made to happen.

use engine::report::Frame;
use proxy::telemetry::collect::View;
use proxy::telemetry::prometheus::{self, BUCKETS_MICROS, Format};
use serde_json::Value;

use super::json;
use crate::common::{Place, repository};

/// Three services and who calls them: one is well, one is slow, one always fails.
const MESH: &str = "\
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: shop}
spec:
  selector: {app: NAME}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers: [{name: app, image: x, ports: [{containerPort: 8080, name: http}]}]
";

const SCENARIO: &str = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata: {name: known}
spec:
  manifests: [mesh]
  duration: 20s
  network: {latency: 100us}
  apps:
    - {workload: shop/Deployment/well, serviceTime: 2ms, errorRate: 0%}
    - {workload: shop/Deployment/slow, serviceTime: 40ms, errorRate: 0%}
    - {workload: shop/Deployment/broken, serviceTime: 5ms, errorRate: 100%}
  load:
    - {name: to-well, from: shop/Deployment/caller, to: http://well/, rate: 50, arrival: constant}
    - {name: to-slow, from: shop/Deployment/caller, to: http://slow/, rate: 20, arrival: constant}
    - {name: to-broken, from: shop/Deployment/caller, to: http://broken/, rate: 10, arrival: constant}
";

/// A run with its report and its frames.
struct Run {
    place: Place,
    report: Value,
    frames: Frame,
}

// === impl Run ===

impl Run {
    fn new(place: Place, args: &[&str]) -> Self {
        let all = [args, &["--record", "run.jsonl", "-o", "json"]].concat();
        let report = json(&place.run(&[&["simulate"], &all[..]].concat()));
        let mut frames = Frame::empty("mesh");
        for line in place.read("run.jsonl").lines() {
            frames.merge(&serde_json::from_str(line).unwrap());
        }
        Self {
            place,
            report,
            frames,
        }
    }

    fn services(&self) -> &[Value] {
        self.report["totals"]["services"].as_array().unwrap()
    }

    fn service(&self, name: &str) -> &Value {
        let mut services = self.services().iter();
        services.find(|line| line["name"] == name).unwrap()
    }

    /// All four say the same.
    fn agree(&self) {
        for command in [&["stat"][..], &["top", "--once"]] {
            let args = [command, &["--replay", "run.jsonl", "-o", "json"]].concat();
            let seen = json(&self.place.run(&args));
            let rows = seen["services"].as_array().unwrap();
            assert_eq!(rows.len(), self.services().len());
            let seconds = seen["sources"][0]["window_s"].as_f64().unwrap();
            for line in self.services() {
                let name = &line["name"];
                let row = rows.iter().find(|row| row["service"] == *name).unwrap();
                for what in [
                    "success_rate",
                    "per_second",
                    "failed",
                    "p50_us",
                    "p95_us",
                    "p99_us",
                ] {
                    assert_eq!(line[what], row[what], "{command:?} {name}: {what}");
                }
                let retries = row["retries_per_second"].as_f64().unwrap() * seconds;
                assert_eq!(line["retries"].as_f64().unwrap(), retries.round(), "{name}");
                self.prometheus_agrees(row, retries.round());
            }
        }
    }

    /// Counts exactly, percentiles within the buckets of what is scraped.
    fn prometheus_agrees(&self, row: &Value, retries: f64) {
        let view = View {
            frame: &self.frames,
            totals: &Default::default(),
            process: &Default::default(),
        };
        let page = prometheus::render(&view, Format::Text);
        let name = row["service"].as_str().unwrap();
        let (namespace, rest) = name.split_once('/').unwrap();
        let (service, port) = rest.split_once(':').unwrap();
        let value = |metric: &str, more: &str| {
            let labels = [
                format!("{metric}{{"),
                format!("service_namespace=\"{namespace}\""),
                format!("service=\"{service}\",service_port=\"{port}\"{more}"),
            ];
            let mut lines = page.lines();
            let line = lines.find(|line| labels.iter().all(|label| line.contains(label)));
            line.map_or(0.0, |line| {
                line.rsplit(' ').next().unwrap().parse().unwrap()
            })
        };
        let ended = |class: &str| {
            let class = format!(",classification=\"{class}\"");
            value("meshctl_service_responses_total", &class)
        };
        let failed = ended("failure") + ended("local_failure");
        assert_eq!(row["failed"].as_f64(), Some(failed), "{name}");
        let all = ended("success") + failed + ended("ignored");
        assert_eq!(row["requests"].as_f64(), Some(all), "{name}");
        let tried = value("meshctl_service_retries_total", "");
        assert_eq!(tried, retries, "{name}");
        let judged = value("meshctl_service_request_duration_seconds_count", "");
        assert!(judged > 0.0, "{name}: {page}");
        let up_to = |micros: u64| {
            let le = format!(",le=\"{:?}\"", micros as f64 / 1e6);
            value("meshctl_service_request_duration_seconds_bucket", &le)
        };
        for (share, percentile) in [(0.5, "p50_us"), (0.95, "p95_us"), (0.99, "p99_us")] {
            let percentile = row[percentile].as_u64().unwrap();
            // It lies in the bucket that ends here, and above the one before.
            let end = BUCKETS_MICROS.partition_point(|bound| *bound < percentile);
            assert!(
                up_to(BUCKETS_MICROS[end]) >= share * judged,
                "{name}: {percentile}"
            );
            if let Some(before) = end.checked_sub(1).map(|i| BUCKETS_MICROS[i]) {
                // The value itself may lie in the bucket before by what a histogram's own is wide.
                let rank = share * judged - up_to(before);
                let near = (percentile - before) as f64 <= percentile as f64 / 128.0;
                assert!(rank > 0.0 || near, "{name}: {percentile} and {before}");
            }
        }
    }
}

#[test]
fn all_say_what_was_made_to_happen() {
    let place = Place::new();
    for name in ["well", "slow", "broken", "caller"] {
        let file = format!("mesh/{name}.yaml");
        place.file(&file, MESH.replace("NAME", name));
    }
    place.file("known.yaml", SCENARIO);
    let run = Run::new(place, &["known.yaml"]);
    run.agree();
    let check = |name: &str, requests: u64, success: f64, work: u64| {
        let line = run.service(&format!("shop/{name}:80"));
        assert_eq!(line["requests"], requests, "{name}");
        assert_eq!(line["success_rate"], success, "{name}");
        assert_eq!(line["per_second"], requests as f64 / 20.0, "{name}");
        // What the application takes, and what the network adds on four ways.
        let p50 = line["p50_us"].as_u64().unwrap();
        assert!((work..work + 1_500).contains(&p50), "{name}: {p50}");
        let loads = run.report["totals"]["loads"].as_array().unwrap();
        let load = loads.iter().find(|l| l["name"] == format!("to-{name}"));
        // Who sent them counted as many, and waited a little longer.
        let load = load.unwrap();
        assert_eq!(load["requests"], requests, "{name}");
        assert!(load["p50_us"].as_u64() >= Some(p50 - p50 / 64), "{load}");
    };
    check("well", 1_000, 1.0, 2_000);
    check("slow", 400, 1.0, 40_000);
    check("broken", 200, 0.0, 5_000);
}

#[test]
fn all_say_the_same_of_failures_and_retries() {
    let scenario = repository("sim/scenarios/retry_storm.yaml");
    let scenario = scenario.to_str().unwrap();
    let level = ["--level", "policy", "--set", "load[0].rate=250"];
    let run = Run::new(Place::new(), &[&[scenario], &level[..]].concat());
    for what in ["failed", "retries"] {
        let mut lines = run.services().iter();
        assert!(lines.any(|line| line[what].as_u64() > Some(0)), "no {what}");
    }
    run.agree();
}
