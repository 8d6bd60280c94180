//! `meshctl policy` as its user sees it: exit, stdout, stderr.

use insta::assert_snapshot;

use crate::common::Place;

/// A policy in force, one that is overridden, one too young, one too far, one with an error.
const POLICIES: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: meshctl.dev/v1alpha1
kind: BackendPolicy
metadata: {name: holds, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  limits: {maxConnections: 100}
---
apiVersion: meshctl.dev/v1alpha1
kind: BackendPolicy
metadata: {name: whole-namespace, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Namespace, name: shop}]
  limits: {maxConnections: 10}
---
apiVersion: meshctl.dev/v1alpha1
kind: BackendPolicy
metadata: {name: younger, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  limits: {maxConnections: 1}
---
apiVersion: meshctl.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: nowhere, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: wbe}]
  timeouts: {request: 1s}
---
apiVersion: meshctl.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: nothing, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules: [{backendRefs: [{name: gone, port: 80}]}]
";

fn place() -> Place {
    let place = Place::new();
    place.file("policies.yaml", POLICIES);
    place
}

#[test]
fn every_policy_has_its_conditions_and_the_reason_why_it_does_not_hold() {
    let args = ["policy", "list", "policies.yaml"];
    assert_snapshot!(place().run(&args).shown());
}

#[test]
fn routes_are_listed_on_request() {
    let args = ["policy", "list", "policies.yaml", "--routes", "-o", "wide"];
    assert_snapshot!(place().run(&args).shown());
}

#[test]
fn json_and_yaml_have_conditions_as_kubernetes_writes_them() {
    let args = ["policy", "list", "policies.yaml", "-o"];
    let read = |format: &str| place().run(&[&args[..], &[format]].concat()).stdout;
    let json: serde_json::Value = serde_json::from_str(&read("json")).unwrap();
    let yaml: serde_json::Value = serde_yaml::from_str(&read("yaml")).unwrap();
    assert_eq!(json, yaml);
    let conditions = |name: &str| {
        let items = json["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["name"] == name).unwrap();
        item["ancestors"][0]["conditions"].clone()
    };
    let expected = serde_json::json!([
        {"type": "Accepted", "status": "True", "reason": "Accepted"},
        {"type": "Programmed", "status": "True", "reason": "Programmed"},
    ]);
    assert_eq!(conditions("holds"), expected);
    let younger = conditions("younger");
    assert_eq!(younger[0]["status"], "False");
    assert_eq!(younger[0]["reason"], "Conflicted");
    assert_eq!(conditions("nothing")[0]["reason"], "Invalid");
}

#[test]
fn what_cannot_be_read_has_no_status() {
    let place = Place::new();
    place.file("broken.yaml", "kind: [");
    let out = place.run(&["policy", "list", "broken.yaml"]);
    assert_eq!((out.code, out.stdout.as_str()), (2, ""));
}
