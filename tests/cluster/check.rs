//! `meshctl check`.

use serde_json::Value;

use super::api::{Api, Deny, Fault};
use super::target::Target;
use crate::common::Output;

const WELL: &str = "[{type: Ready, status: 'True'}]";

fn pod(name: &str, version: &str, conditions: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: {name}
  annotations: {{meshctl.dev/injected: '{{\"version\":\"{version}\"}}'}}
spec: {{containers: [{{name: app, image: example/web}}]}}
status: {{phase: Running, conditions: {conditions}}}
"
    )
}

/// The results by code.
fn results(out: &Output) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&out.stdout).unwrap();
    let categories = report["categories"].as_array().unwrap().iter();
    let checks = categories.flat_map(|c| c["checks"].as_array().unwrap());
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    checks
        .map(|c| (text(c, "code"), text(c, "result")))
        .collect()
}

fn result(out: &Output, code: &str) -> String {
    let all = results(out);
    let found = all.iter().find(|(c, _)| c == code);
    found
        .unwrap_or_else(|| panic!("{code} is not in {all:?}"))
        .1
        .clone()
}

#[test]
fn a_cluster_that_is_well_passes() {
    let target = Target::own(Api::start());
    target
        .store(super::simulate::APP)
        .store(&pod("web-0", env!("CARGO_PKG_VERSION"), WELL));
    let out = target.run(&["check"]);
    insta::assert_snapshot!(out.shown());
}

#[test]
fn any_cluster_is_diagnosed_without_changing_it() {
    let target = Target::new();
    target.store(super::simulate::APP);
    let out = target.run(&["check", "-o", "json"]);
    assert!(out.code < 2, "{}", out.shown());
    for code in [
        "api-answers",
        "kinds-gateway",
        "permissions-read",
        "objects-lint",
    ] {
        assert_eq!(result(&out, code), "success", "{code}: {}", out.stdout);
    }
}

#[test]
fn each_trouble_has_a_remedy() {
    let target = Target::own(Api::start());
    target.install_another_mesh();
    target.store(super::simulate::APP);
    target.store(&pod("old", "0.0.1", WELL));
    target.store(&pod(
        "unwell",
        env!("CARGO_PKG_VERSION"),
        "[{type: Ready, status: 'False'}]",
    ));
    target.store(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{group: '', kind: Service, name: gone, port: 80}]
  rules: [{backendRefs: [{name: web, port: 80}]}]
",
    );
    for (verb, resource) in [
        ("patch", "httproutes"),
        ("list", "configmaps"),
        ("list", "jobs"),
    ] {
        target.api().deny(Deny {
            verb,
            resource,
            but_in: None,
        });
    }
    target.api().uninstall("meshctl.dev");
    let out = target.run(&["check"]);
    insta::assert_snapshot!(out.shown());
    let short = target.run(&["check", "-o", "short"]);
    assert!(!short.stdout.contains('✓'), "{}", short.stdout);
    assert!(short.stdout.contains("mesh-ready"), "{}", short.stdout);
}

#[test]
fn without_the_gateway_api_nothing_can_be_routed() {
    let target = Target::own(Api::start());
    target.api().uninstall("gateway.networking.k8s.io");
    let out = target.run(&["check", "-o", "json"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    assert_eq!(result(&out, "kinds-gateway"), "error");
}

#[test]
fn a_user_who_may_see_little_learns_what_they_can() {
    let target = Target::own(Api::start());
    for verb in ["list", "get", "patch", "create"] {
        target.api().deny(Deny {
            verb,
            resource: "*",
            but_in: None,
        });
    }
    let out = target.run(&["check", "-o", "json"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert_eq!(result(&out, "api-version"), "success");
    assert_eq!(result(&out, "permissions-read"), "warning");
    assert_eq!(result(&out, "mesh-pods"), "unknown");
    assert_eq!(result(&out, "objects-unseen"), "unknown");
}

#[test]
fn a_cluster_that_does_not_answer_is_a_report_and_an_error() {
    let target = Target::own(Api::start());
    target.api().fail(Fault::status("/version", 99, 500, None));
    let out = target.run(&["check", "-o", "json"]);
    assert_eq!(out.code, 2, "{}", out.shown());
    assert_eq!(
        results(&out),
        [("api-answers".to_owned(), "error".to_owned())]
    );
    assert!(
        out.stderr.contains("the API server failed (500)"),
        "{}",
        out.stderr
    );
    assert!(out.stdout.contains("\"success\": false"), "{}", out.stdout);
}

#[test]
fn what_lint_finds_in_files_is_found_in_the_cluster() {
    let target = Target::own(Api::start());
    target.store(super::simulate::APP);
    target.store(&super::simulate::ROUTE.replace("NAME", "gone"));
    let all = target.run(&["check", "-A", "-o", "short"]);
    assert_eq!(all.code, 1, "{}", all.shown());
    assert!(all.stdout.contains("Service shop/gone"), "{}", all.stdout);
    // In one namespace what is not seen is not called missing.
    let one = target.run(&["check", "-o", "json"]);
    assert_ne!(result(&one, "objects-lint"), "error", "{}", one.stdout);
}
