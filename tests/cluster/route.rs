//! The commands that look at routes and change them, on a cluster.

use serde_json::{Value, json};

use super::api::{Api, Deny, Fault, What};
use super::target::Target;
use crate::common::refused;

const APP: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  selector: {app: reviews}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec:
  selector: {matchLabels: {app: reviews, version: v1}}
  template:
    metadata: {labels: {app: reviews, version: v1}}
    spec: {containers: [{name: app, image: example/reviews, ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v2}
spec:
  selector: {matchLabels: {app: reviews, version: v2}}
  template:
    metadata: {labels: {app: reviews, version: v2}}
    spec: {containers: [{name: app, image: example/reviews, ports: [{containerPort: 8080}]}]}
";

fn own() -> Target {
    let target = Target::own(Api::start());
    target.store(APP);
    target
}

/// A cluster in which 90 of 100 requests go to the first version.
fn split(target: Target) -> Target {
    let out = target.run(&["route", "split", "reviews", "v1=90", "v2=10"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    target
}

fn route(target: &Target) -> Value {
    target.get("gateway.networking.k8s.io/v1", "httproutes", "reviews")
}

fn weights(target: &Target) -> Vec<Value> {
    let route = route(target);
    let backends = route["spec"]["rules"][0]["backendRefs"].as_array().unwrap();
    backends.iter().map(|b| b["weight"].clone()).collect()
}

#[test]
fn a_split_makes_the_route_and_the_services_of_the_versions() {
    let target = Target::new();
    target.store(APP);
    let out = target.run(&["route", "split", "reviews", "v1=90", "v2=10"]);
    assert_eq!((out.code, &*out.stdout), (0, ""), "{}", out.shown());
    for part in [
        "made Service shop/reviews-v1",
        "made Service shop/reviews-v2",
        "made HTTPRoute",
    ] {
        assert!(
            out.stderr.contains(part),
            "{part} is missing: {}",
            out.stderr
        );
    }
    assert_eq!(weights(&target), [json!(90), json!(10)]);
    let service = target.get("v1", "services", "reviews-v2");
    assert_eq!(service["spec"]["selector"]["version"], "v2");
}

#[test]
fn a_split_is_changed_and_what_others_wrote_stays() {
    let target = split(Target::new().stored(APP));
    let path = target.path("gateway.networking.k8s.io/v1", "httproutes", "reviews");
    target.merge(&path, json!({"metadata": {"labels": {"team": "a"}}}));
    let out = target.run(&["route", "split", "reviews", "v1=50", "v2=50"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(
        out.stderr.contains("changed HTTPRoute shop/reviews"),
        "{}",
        out.stderr
    );
    assert_eq!(weights(&target), [json!(50), json!(50)]);
    assert_eq!(route(&target)["metadata"]["labels"]["team"], "a");
    let again = target.run(&["route", "split", "reviews", "v1=50", "v2=50"]);
    assert!(
        again.stderr.contains("it is so already"),
        "{}",
        again.stderr
    );
}

#[test]
fn routes_of_a_cluster_are_listed_and_explained() {
    let target = split(Target::new().stored(APP));
    let list = target.run(&["route", "list"]);
    assert_eq!(list.code, 0, "{}", list.shown());
    assert!(list.stdout.contains("reviews-v2"), "{}", list.stdout);
    let url = format!("http://reviews.{}/api", target.namespace);
    let from = format!("{}/reviews-v1", target.namespace);
    let out = target.run(&["route", "explain", "GET", &url, "--from", &from]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(out.stdout.contains("10%"), "{}", out.stdout);
}

#[test]
fn a_route_is_deleted() {
    let target = split(Target::new().stored(APP));
    let out = target.run(&["route", "delete", "reviews", "--dry-run", "server"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert_eq!(
        weights(&target),
        [json!(90), json!(10)],
        "a dry run deletes nothing"
    );
    let out = target.run(&["route", "delete", "reviews"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    let deleted = "deleted HTTPRoute shop/reviews";
    assert!(out.stderr.contains(deleted), "{}", out.stderr);
    let left = target.run(&["route", "list", "-o", "json"]).stdout;
    let left: Value = serde_json::from_str(&left).unwrap();
    assert_eq!(left, json!({"routes": []}));
}

#[test]
fn a_dry_run_changes_nothing() {
    let target = split(Target::new().stored(APP));
    for (how, words) in [("client", "+"), ("server", "would accept this")] {
        let out = target.run(&[
            "route",
            "split",
            "reviews",
            "v1=1",
            "v2=1",
            "--dry-run",
            how,
        ]);
        assert_eq!(out.code, 0, "{}", out.shown());
        assert!(out.shown().contains(words), "{}", out.shown());
        assert_eq!(weights(&target), [json!(90), json!(10)], "{how}");
    }
}

#[test]
fn a_race_is_read_and_decided_again() {
    let target = split(own());
    target.api().fail(Fault::new("PATCH", 2, What::Race));
    let out = target.run(&["route", "split", "reviews", "v1=1", "v2=1"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert_eq!(weights(&target), [json!(1), json!(1)]);
    let labels = &route(&target)["metadata"]["labels"];
    assert!(
        labels["touched"].is_string(),
        "the other's change is still there: {labels}"
    );
}

#[test]
fn what_belongs_to_others_is_not_changed_without_force() {
    for (manager, words) in [
        ("argocd-controller", "looked after by Argo CD"),
        ("acme-operator", "`acme-operator` owns .spec.rules"),
    ] {
        let target = split(Target::new().stored(APP));
        let rules = json!({"spec": {"rules": [{"backendRefs": [
            {"name": "reviews-v1", "port": 80, "weight": 7},
            {"name": "reviews-v2", "port": 80, "weight": 3},
        ]}]}});
        let path = target.path("gateway.networking.k8s.io/v1", "httproutes", "reviews");
        target.merge_as(&path, rules, manager);
        let split = ["route", "split", "reviews", "v1=1", "v2=1"];
        refused(&target.run(&split), &[words, "--force"]);
        assert_eq!(weights(&target), [json!(7), json!(3)]);
        let out = target.run(&[&split[..], &["--force"]].concat());
        assert_eq!(out.code, 0, "{}", out.shown());
        assert_eq!(weights(&target), [json!(1), json!(1)]);
    }
}

#[test]
fn what_the_api_server_refuses_is_refused_before_anything_is_made() {
    let target = own();
    target.api().deny(Deny {
        verb: "patch",
        resource: "httproutes",
        but_in: None,
    });
    let out = target.run(&["route", "split", "reviews", "v1=90", "v2=10"]);
    refused(
        &out,
        &[
            "cannot change HTTPRoute shop/reviews",
            "you are not allowed to",
        ],
    );
    let services = target
        .api()
        .requests("PATCH /api/v1/namespaces/shop/services");
    assert!(
        services.iter().all(|r| r.contains("dryRun=All")),
        "{services:?}"
    );
}

#[test]
fn who_may_see_one_namespace_works_in_it() {
    let target = own();
    for verb in ["list", "get"] {
        target.api().deny(Deny {
            verb,
            resource: "*",
            but_in: Some("shop"),
        });
    }
    let target = split(target);
    assert_eq!(weights(&target), [json!(90), json!(10)]);
}

#[test]
fn files_and_a_cluster_are_not_mixed() {
    let target = Target::new().stored(APP);
    target.place.file("app.yaml", APP);
    let split = ["route", "split", "reviews", "v1=1", "v2=1"];
    let with = |more: &[&str]| target.run(&[&split[..], more].concat());
    refused(&with(&["-f", "app.yaml"]), &["not for both"]);
    refused(&with(&["--in-place"]), &["a cluster has none"]);
    refused(
        &target.run(&["route", "list", "-f", "app.yaml"]),
        &["not both"],
    );
    let out = target
        .place
        .run(&[&split[..], &["-f", "app.yaml", "--dry-run", "server"]].concat());
    refused(&out, &["--dry-run is for a cluster"]);
}

/// An object that the API server takes and nobody here can read.
const ODD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  selector: {matchLabels: {app: odd}}
  template:
    metadata: {labels: {app: odd}, annotations: {meshctl.dev/inject: perhaps}}
    spec: {containers: [{name: app, image: example/odd}]}
";

#[test]
fn what_cannot_be_read_is_named_and_stops_only_what_is_about_it() {
    let target = split(Target::new().stored(APP));
    target.store(&ODD.replace("NAME", "odd"));
    for command in [
        &["list"][..],
        &["get", "reviews"],
        &["split", "reviews", "v1=3", "v2=1"],
    ] {
        let out = target.run(&[&["route"], command].concat());
        assert_eq!(out.code, 0, "{}", out.shown());
        let words = "Deployment shop/odd cannot be read and is left out";
        assert!(out.stderr.contains(words), "{}", out.stderr);
    }
    assert_eq!(weights(&target), [json!(3), json!(1)]);
    // One of its own versions.
    target.store(&ODD.replace("NAME", "reviews-v3"));
    let out = target.run(&["route", "split", "reviews", "v1=1", "v2=1"]);
    refused(&out, &["`perhaps` is not a value"]);
    assert_eq!(weights(&target), [json!(3), json!(1)]);
}

#[test]
fn a_change_that_fails_in_the_middle_says_what_was_made() {
    let target = own();
    // Three dry runs and the first Service go well.
    let broken = Fault::status("PATCH", 9, 500, None).after(4);
    target.api().fail(broken);
    let out = target.run(&["route", "split", "reviews", "v1=90", "v2=10"]);
    let words = [
        "the API server failed (500)",
        "Service shop/reviews-v1 was made before",
        "run it again",
    ];
    refused(&out, &words);
    let target = {
        target.api().end_faults();
        split(target)
    };
    assert_eq!(weights(&target), [json!(90), json!(10)]);
}

/// A real cluster may have the Services of other tests.
#[test]
fn without_a_namespace_all_are_looked_at_and_a_name_in_several_is_refused() {
    let target = split(own());
    let run = |command: &[&str]| {
        let args = [&["route"], command, &["--kubeconfig", "kubeconfig"]].concat();
        target.place.run(&args)
    };
    let other = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "reviews", "namespace": "default"},
        "spec": {"ports": [{"port": 80}]},
    });
    target.create("/api/v1/namespaces/default/services", &other);
    target.api().forget_requests();
    for command in [
        &["get", "reviews"][..],
        &["split", "reviews", "v1=1", "v2=1"],
        &["delete", "reviews"],
        &["explain", "GET", "http://reviews/"],
        &["shift", "reviews", "--to", "v2", "--plan"],
    ] {
        let words = ["several", "default/reviews", "shop/reviews", "-n"];
        refused(&run(command), &words);
    }
    for change in ["PATCH", "POST", "PUT", "DELETE"] {
        assert_eq!(target.api().requests(change), Vec::<String>::new());
    }
    let alone = run(&["shift", "reviews-v1", "--to", "v2", "--plan"]);
    refused(&alone, &["no route governs the Service shop/reviews-v1"]);
    let named = run(&["shift", "shop/reviews", "--to", "v2", "--plan"]);
    assert_eq!(named.code, 0, "{}", named.shown());
}

#[test]
fn a_name_that_is_not_in_the_namespace_is_refused() {
    let target = Target::new().stored(APP);
    refused(
        &target.run(&["route", "split", "rewiews", "v1=1", "v2=1"]),
        &["there is no Service rewiews in the namespace shop"],
    );
    let other = format!("{}/reviews", target.namespace);
    let out = target.run(&["route", "get", &other, "-n", "default"]);
    refused(&out, &["-n says default"]);
}
