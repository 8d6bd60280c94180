//! `meshctl simulate` with what a cluster holds.

use serde_json::json;

use super::api::Api;
use super::target::Target;

pub(crate) const APP: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: example/web, ports: [{containerPort: 8080}]}]
";

pub(crate) const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{group: '', kind: Service, name: web, port: 80}]
  rules:
    - backendRefs: [{name: NAME, port: 80}]
";

#[test]
fn a_cluster_is_simulated_like_its_manifests() {
    // A real cluster gives out addresses of its own.
    let target = Target::own(Api::start());
    target.store(APP).store(&ROUTE.replace("NAME", "web"));
    let out = target.run(&["simulate", "--duration", "5s"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    let of_files = {
        let files = format!("{APP}---{}", ROUTE.replace("NAME", "web"));
        let namespaced = files.replace(
            "metadata: {name: web}",
            "metadata: {name: web, namespace: shop}",
        );
        target.place.file("app.yaml", namespaced);
        target
            .place
            .run(&["simulate", "--duration", "5s", "-f", "app.yaml"])
    };
    let trace = |text: &str| text.lines().last().unwrap().to_owned();
    assert!(trace(&out.stdout).contains("trace"), "{}", out.stdout);
    assert_eq!(
        trace(&out.stdout),
        trace(&of_files.stdout),
        "the same run, byte for byte"
    );
}

#[test]
fn pods_that_a_deployment_made_are_not_made_twice() {
    // A real cluster would collect a pod whose owner is not there.
    let target = Target::own(Api::start());
    target.store(APP);
    let pod = |owner: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": format!("{owner}-x"), "labels": {"app": "web"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": owner,
                                     "uid": "u", "controller": true}],
            },
            "spec": {"containers": [{"name": "app", "image": "example/web"}]},
        })
        .to_string()
    };
    target.store(&pod("web"));
    let out = target.run(&["simulate", "--duration", "2s"]);
    assert!(
        out.stdout.contains(" 2 pods"),
        "those of the Deployment: {}",
        out.shown()
    );
    target.store(&pod("gone"));
    let out = target.run(&["simulate", "--duration", "2s"]);
    assert!(
        out.stdout.contains(" 3 pods"),
        "and one whose owner is not there: {}",
        out.shown()
    );
}

#[test]
fn a_finding_points_into_the_object_of_the_cluster() {
    let target = Target::new();
    target.store(APP).store(&ROUTE.replace("NAME", "wbe"));
    let out = target.run(&["simulate"]);
    assert_eq!(out.code, 2, "{}", out.shown());
    assert_eq!(out.stdout, "");
    let words = [
        "Service shop/wbe does not exist",
        "HTTPRoute shop/web",
        "\"name\": \"wbe\"",
    ];
    for part in words {
        assert!(
            out.stderr.contains(part),
            "{part} is missing: {}",
            out.stderr
        );
    }
}

#[test]
fn a_file_takes_the_place_of_the_object_in_the_cluster() {
    let target = Target::new();
    target.store(APP).store(&ROUTE.replace("NAME", "wbe"));
    let fixed = ROUTE.replace("NAME", "web").replace(
        "metadata: {name: web}",
        &format!("metadata: {{name: web, namespace: {}}}", target.namespace),
    );
    target.place.file("fixed.yaml", fixed);
    let out = target.run(&["simulate", "--duration", "2s", "-f", "fixed.yaml"]);
    assert_eq!(out.code, 0, "{}", out.shown());
}

#[test]
fn an_empty_namespace_is_an_error() {
    let target = Target::new();
    let out = target.run(&["simulate", "-n", "nobody-has-made-this"]);
    assert_eq!(out.code, 2);
    assert!(
        out.stderr.contains("holds nothing to simulate"),
        "{}",
        out.stderr
    );
}
