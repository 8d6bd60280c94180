//! `meshctl authz check` as its user sees it: exit, stdout, stderr.

use insta::assert_snapshot;

use crate::common::{Output, Place, deployment, refused, repository};

fn check(args: &[&str]) -> Output {
    let mut all = vec!["authz", "check", "-f", "mesh.yaml"];
    all.extend(args);
    Place::at(repository("tests/data/authz")).run(&all)
}

#[test]
fn the_answer_names_the_rule_and_its_line() {
    let charge = ["--to", "pay/payments", "POST", "/charges"];
    let of = |from| [&["--from", from][..], &charge[..]].concat();
    assert_snapshot!(check(&of("shop/checkout")).shown());
    assert_snapshot!(check(&of("outside")).shown());
    let pay = "spiffe://cluster.local/ns/pay/sa/payments";
    assert_snapshot!(check(&[&of(pay)[..], &["-v"]].concat()).shown());
}

#[test]
fn a_connection_that_is_not_http_matches_no_rule_about_http() {
    let out = check(&["--from", "shop/checkout", "--to", "payments:80", "--tcp"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    assert!(
        out.stdout.starts_with("denied: a connection of"),
        "{}",
        out.stdout
    );
}

#[test]
fn json_has_what_the_text_says() {
    let args = [
        "--from",
        "outside",
        "--to",
        "payments",
        "GET",
        "/quotes/1",
        "-o",
        "json",
    ];
    let out = check(&args);
    assert_eq!(out.code, 0, "{}", out.shown());
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(report["allowed"], true);
    let workload = &report["workloads"][0];
    assert_eq!(workload["workload"], "pay/Deployment/payments");
    assert_eq!(workload["at"], "mesh.yaml:38");
    assert_eq!(workload["audits"].as_array().unwrap().len(), 1);
}

#[test]
fn a_question_that_cannot_be_asked_has_no_answer() {
    for (args, expected) in [
        (
            &["--from", "nobody", "--to", "payments"][..],
            "there is no workload nobody",
        ),
        (
            &["--from", "outside", "--to", "paymnts"],
            "there is no Service paymnts",
        ),
        (
            &["--from", "outside", "--to", "payments:81"],
            "has no port 81",
        ),
        (
            &["--from", "spiffe:x", "--to", "payments"],
            "is not a SPIFFE id",
        ),
        (
            &["--from", "outside", "--to", "payments", "/charges"],
            "write a method",
        ),
        (
            &["--from", "outside", "--to", "payments", "-H", "x"],
            "is no header",
        ),
    ] {
        refused(&check(args), &[expected]);
    }
}

/// A route that rewrites, a Deny for the path that arrives, and one for the path that was asked for.
const REWRITTEN: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: x, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /admin}}]
      filters:
        - type: URLRewrite
          urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /internal}}
      backendRefs: [{name: web, port: 80}]
    - backendRefs: [{name: web, port: 80}]
---
apiVersion: meshctl.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: internal, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  action: Deny
  rules: [{to: [{paths: [/internal/keys, /secret]}]}]
";

const ASKED: &str = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata: {name: rewritten}
spec:
  manifests: [mesh.yaml]
  duration: 2s
  mesh: All
  apps:
    - {workload: shop/Deployment/web, serviceTime: 1ms, errorRate: 0%}
  load:
    - {name: l, from: shop/Deployment/guest, to: 'http://webPATH', rate: 20}
";

/// What `route explain`, `authz check` and the simulator say is the same: the rules see the path as
/// it arrives, rewritten and in its normal form.
#[test]
fn rules_see_the_path_that_arrives_whoever_is_asked() {
    let place = Place::new();
    let guest = deployment("guest");
    place.file("mesh.yaml", format!("{REWRITTEN}---\n{guest}"));
    for (asked, arrives, allowed) in [
        ("/admin/keys", "/internal/keys", false),
        ("/admin/users", "/internal/users", true),
        ("/internal/keys", "/internal/keys", false),
        ("/a/../secret", "/a/../secret", false),
        ("//secret", "//secret", false),
        ("/%73ecret", "/%73ecret", false),
        ("/secrets", "/secrets", true),
    ] {
        let url = format!("http://web.shop{asked}");
        let explain = ["route", "explain", "GET", &url, "--from", "shop/guest"];
        let explained = place.run(&[&explain[..], &["-f", "mesh.yaml"]].concat());
        let denied = explained.stdout.contains("denied") || explained.stdout.contains("AUTHZ");
        assert_eq!(!denied, allowed, "{asked}: {}", explained.shown());
        let check = [
            "authz",
            "check",
            "--from",
            "shop/guest",
            "--to",
            "shop/web",
            "GET",
        ];
        let checked = place.run(&[&check[..], &[arrives, "-f", "mesh.yaml"]].concat());
        assert_eq!(checked.code == 0, allowed, "{asked}: {}", checked.shown());
        place.file("scenario.yaml", ASKED.replace("PATH", asked));
        let run = place.run(&["simulate", "scenario.yaml", "-o", "json"]);
        assert_eq!(run.code, 0, "{asked}: {}", run.shown());
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let all = &report["totals"]["all"];
        let refused = all["failed"].as_u64().unwrap() > 0;
        assert_eq!(!refused, allowed, "{asked}: {all}");
    }
}
