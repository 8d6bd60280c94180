//! What the commands write does what they say, in the simulator: the real proxies count.

use serde_json::Value;

use crate::common::{Place, repository};

const SCENARIO: &str = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata: {name: proof}
spec:
  manifests: [app.yaml, route.yaml, client.yaml]
  duration: 20s
  apps:
    - {workload: shop/Deployment/reviews-v1, serviceTime: 1ms, errorRate: 0%}
    - {workload: shop/Deployment/reviews-v2, serviceTime: 1ms, errorRate: 0%}
  load:
    - name: readers
      from: shop/Deployment/web
      to: http://reviews/
      rate: 200
      arrival: constant
";

fn place() -> Place {
    let place = Place::new();
    for name in ["app.yaml", "route.yaml"] {
        let path = repository("tests/data/routes").join(name);
        place.file(name, std::fs::read_to_string(path).unwrap());
    }
    place.file("proof.yaml", SCENARIO);
    place.file("client.yaml", super::client());
    place
}

fn route(place: &Place, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let files = ["-f", "app.yaml", "-f", "route.yaml"];
    let out = place.run(&[&["route"], &words[..], &files[..]].concat());
    assert_eq!(out.code, 0, "{}", out.shown());
    out.stdout
}

/// Requests of each backend of the Service, as all proxies counted them.
fn counted(place: &Place) -> [u64; 2] {
    let out = place.run(&["simulate", "proof.yaml", "-o", "json"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    let report: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(report["totals"]["all"]["failed"], 0, "{}", report["totals"]);
    let frames = report["frames"].as_array().unwrap();
    let rows = frames
        .iter()
        .flat_map(|frame| frame["backends"].as_array().into_iter().flatten());
    let mut counts = [0, 0];
    for row in rows {
        let at = usize::from(row["backend"] == "shop/reviews-v2:80");
        counts[at] += row["requests"].as_u64().unwrap();
    }
    counts
}

#[test]
fn a_split_of_ninety_to_ten_is_one_within_three_sigma() {
    let place = place();
    route(&place, "split reviews v1=90 v2=10 --in-place");
    let [v1, v2] = counted(&place);
    let n = (v1 + v2) as f64;
    assert!(n > 3900.0, "{v1} {v2}");
    let sigma = (n * 0.9 * 0.1).sqrt();
    let off = (v2 as f64 - n * 0.1).abs();
    assert!(off <= 3.0 * sigma, "{v2} of {n}, sigma {sigma}");
}

#[test]
fn a_weight_of_zero_gets_nothing() {
    let place = place();
    route(&place, "split reviews v1=90 v2=10 --in-place");
    route(&place, "split reviews v1=100% --in-place");
    let [v1, v2] = counted(&place);
    assert!(v1 > 3900 && v2 == 0, "{v1} {v2}");
}

#[test]
fn a_backend_that_is_removed_finishes_what_it_has() {
    let place = place();
    route(&place, "split reviews v1=50 v2=50 --in-place");
    let removed = route(&place, "delete reviews --backend v1 --rule everybody");
    let documents = removed.split("---\n");
    let after = documents
        .filter(|d| d.contains("kind: HTTPRoute"))
        .last()
        .unwrap();
    place.file("after.yaml", after);
    // A request takes a second: at any time some hundred are under way.
    let slow = SCENARIO.replace("serviceTime: 1ms", "serviceTime: 1s")
        + "  events: [{at: 10s, apply: {manifests: [after.yaml]}}]\n";
    place.file("proof.yaml", slow);
    let [v1, v2] = counted(&place);
    // Half of ten seconds went to the one that is gone then.
    assert!((800..=1200).contains(&v1) && v2 > 2500, "{v1} {v2}");
}
