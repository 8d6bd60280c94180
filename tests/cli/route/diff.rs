//! `meshctl route diff`, and `simulate --against`.

use insta::assert_snapshot;

use super::{client, in_data, refused};
use crate::common::{Output, Place, repository};

fn data(name: &str) -> String {
    std::fs::read_to_string(repository("tests/data/routes").join(name)).unwrap()
}

/// The mesh of the data beside the same with `change` made to it.
fn changed(change: impl FnOnce(String) -> String) -> Output {
    let place = Place::new();
    place.file("old.yaml", data("mesh.yaml"));
    place.file("new.yaml", change(data("mesh.yaml")));
    place.run(&["route", "diff", "old.yaml", "new.yaml"])
}

#[test]
fn what_reads_differently_and_does_the_same_is_no_difference() {
    let out = in_data(&["diff", "mesh.yaml", "mesh.yaml"]);
    assert_eq!(out.shown(), "exit: 0\n");
    let out = changed(|text| {
        // Another name, another order, another scale.
        text.replace("name: canary\n", "name: everybody\n")
            .replace("weight: 90", "weight: 900")
            .replace("weight: 10}", "weight: 100}")
            .replace("{name: late}", "{name: later}")
    });
    assert_eq!(out.shown(), "exit: 0\n");
}

#[test]
fn requests_that_go_elsewhere_are_told_with_an_example() {
    assert_snapshot!(changed(|text| text.replace("weight: 90", "weight: 30")).shown());
}

#[test]
fn conditions_filters_and_policies_count() {
    let out = changed(|text| {
        text.replace("type: Exact, value: /old", "type: PathPrefix, value: /old")
            .replace("remove: [x-debug]", "remove: [x-other]")
            .replace("maxConnections: 10", "maxConnections: 20")
            .replace("percent: 5", "percent: 50")
            .replace("service: shop.Cart, method: Add", "service: shop.Cart")
    });
    assert_snapshot!(out.shown());
}

const POLICIES: &str = "
---
apiVersion: meshctl.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: only-shop, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: reviews}]
  action: Allow
  rules:
    - from: [{namespaces: [shop]}]
      to: [{methods: [GET], paths: ['/api/*']}]
---
apiVersion: meshctl.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: slow, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: reviews}]
  local: {rules: [{limit: {requests: 10, unit: Second}, per: Identity}]}
";

/// The mesh with `POLICIES` beside the same with `change` made to them.
fn changed_policies(change: impl FnOnce(String) -> String) -> Output {
    let place = Place::new();
    let both = data("mesh.yaml") + POLICIES;
    place.file("new.yaml", change(both.clone()));
    place.file("old.yaml", both);
    place.run(&["route", "diff", "old.yaml", "new.yaml"])
}

#[test]
fn verdicts_and_limits_of_the_destinations_count() {
    let same = changed_policies(|text| text.replace("name: slow", "name: slower"));
    assert_eq!(same.shown(), "exit: 0\n", "another name does the same");
    assert_snapshot!(changed_policies(|_| data("mesh.yaml")).shown());
    let wider = |text: String| {
        text.replace("methods: [GET], paths", "methods: [GET, POST], paths")
            .replace("requests: 10", "requests: 20")
    };
    assert_snapshot!(changed_policies(wider).shown());
}

#[test]
fn a_policy_without_effect_on_the_input_is_told_as_well() {
    let place = Place::new();
    let policy = POLICIES.replace("name: reviews}", "name: nobody}");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: nobody, namespace: shop}\n\
                   spec: {ports: [{port: 80}]}\n";
    place.file("old.yaml", service);
    place.file("new.yaml", format!("{service}{policy}"));
    let out = place.run(&["route", "diff", "old.yaml", "new.yaml"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    let policies = "policies\n  + AuthorizationPolicy shop/only-shop (new.yaml:7)\n";
    assert!(out.stdout.starts_with(policies), "{}", out.stdout);
}

#[test]
fn clients_of_another_namespace_are_looked_at_for_themselves() {
    let out = changed(|text| {
        let own = "- backendRefs: [{name: reviews-v1, namespace: shop, port: 80}]";
        text.replace(own, &own.replace("v1", "v2"))
    });
    assert_eq!(out.code, 1);
    assert!(
        out.stdout
            .starts_with("shop/reviews:80, for clients in partner\n"),
        "{}",
        out.stdout
    );
    assert!(!out.stdout.contains("for all"), "{}", out.stdout);
}

#[test]
fn ports_come_and_go_and_json_says_the_same() {
    let place = Place::new();
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n";
    place
        .file("old.yaml", service)
        .file("new.yaml", service.replace("80", "81"));
    let out = place.run(&["route", "diff", "old.yaml", "new.yaml", "-o", "json"]);
    assert_eq!(out.code, 1);
    let found: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    let ports = found["ports"].as_array().unwrap();
    assert_eq!(
        (&ports[0]["service"], &ports[0]["existence"]),
        (&"default/a:80".into(), &"is gone".into())
    );
    assert_eq!(
        (&ports[1]["service"], &ports[1]["existence"]),
        (&"default/a:81".into(), &"is new".into())
    );
    refused(
        &place.run(&["route", "diff", "old.yaml", "nothing.yaml"]),
        &["cannot read nothing.yaml"],
    );
}

const SCENARIO: &str = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata: {name: rush}
spec:
  manifests: [app.yaml, route.yaml, client.yaml]
  duration: 5s
  apps:
    - {workload: shop/Deployment/reviews-v1, serviceTime: 1ms, errorRate: 0%}
    - {workload: shop/Deployment/reviews-v2, serviceTime: 1ms, errorRate: 50%}
  load:
    - {name: readers, from: shop/Deployment/web, to: http://reviews/, rate: 100}
  expect:
    - {name: served, metric: successRate, of: load/readers, op: '>=', value: 99%}
";

#[test]
fn base_and_head_are_compared_from_a_directory_and_from_a_commit() {
    let place = Place::new();
    place
        .file("app.yaml", data("app.yaml"))
        .file("route.yaml", data("route.yaml"));
    place
        .file("rush.yaml", SCENARIO)
        .file("client.yaml", client());
    place.file("base/client.yaml", client());
    place
        .file("base/app.yaml", data("app.yaml"))
        .file("base/route.yaml", data("route.yaml"));
    let against =
        |base: &str| place.run(&["simulate", "rush.yaml", "--against", base, "-o", "markdown"]);
    let same = against("base");
    assert_eq!(
        same.shown(),
        "exit: 0\n--- stdout\nNo significant difference from `base` in 1 scenario.\n"
    );
    let git = |args: &[&str]| {
        let out = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(args)
            .current_dir(place.path(""))
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "base"]);
    let split = [
        "route",
        "split",
        "reviews",
        "v1=1",
        "v2=1",
        "-f",
        "app.yaml",
        "-f",
        "route.yaml",
    ];
    place.run(&[&split[..], &["--in-place"]].concat());
    let worse = against("HEAD");
    assert_eq!(worse.code, 1, "{}", worse.shown());
    for part in [
        "### rush: worse than `HEAD`",
        "| worse | expectation served",
        "| 100% |",
        "| moved | service shop/reviews:80: share of shop/reviews-v2:80 | 0% |",
    ] {
        assert!(worse.stdout.contains(part), "{part}\n{}", worse.stdout);
    }
    let text = place.run(&["simulate", "rush.yaml", "--against", "HEAD"]);
    assert!(text.stdout.starts_with("rush "), "{}", text.shown());
    refused(
        &against("no-such-commit"),
        &["neither a directory nor a commit"],
    );
    let absolute = place.path("rush.yaml");
    let absolute = ["simulate", absolute.to_str().unwrap(), "--against", "HEAD"];
    refused(&place.run(&absolute), &["is not in the base"]);
    refused(
        &place.run(&["simulate", "rush.yaml", "-o", "markdown"]),
        &["--against"],
    );
}
