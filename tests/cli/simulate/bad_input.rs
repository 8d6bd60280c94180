//! Bad input: one clear error with its line, exit 2, nothing on stdout.

use super::{APP, SCENARIO};
use crate::common::Place;

const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
    - backendRefs:
        - {name: web, port: 80, weight: 90}
";

/// Runs `meshctl simulate ARGS` beside `bad.yaml`; the message has to hold all of `expected`.
#[track_caller]
fn check(bad: &str, args: &[&str], expected: &[&str]) {
    let place = Place::new();
    place
        .file("app.yaml", APP)
        .file("small.yaml", SCENARIO)
        .file("bad.yaml", bad);
    std::fs::create_dir(place.path("empty")).unwrap();
    let mut all = vec!["simulate"];
    all.extend(args);
    let out = place.run(&all);
    assert_eq!(out.code, 2, "{}", out.shown());
    assert_eq!(out.stdout, "", "nothing is printed when an input is bad");
    assert!(!out.stderr.contains("panicked"), "{}", out.stderr);
    for part in expected {
        assert!(
            out.stderr.contains(part),
            "`{part}` is missing:\n{}",
            out.stderr
        );
    }
}

#[track_caller]
fn manifest(bad: &str, expected: &[&str]) {
    check(bad, &["-f", "app.yaml", "-f", "bad.yaml"], expected);
}

#[track_caller]
fn scenario(old: &str, new: &str, expected: &[&str]) {
    assert!(SCENARIO.contains(old), "{old}");
    check(&SCENARIO.replacen(old, new, 1), &["bad.yaml"], expected);
}

#[test]
fn manifests_that_are_wrong() {
    manifest("a: {b\nc: [", &["not valid YAML", "bad.yaml:2:"]);
    manifest(
        &ROUTE.replace("rules:", "rulez:"),
        &[
            "unknown field `spec.rulez`",
            "bad.yaml:6:3",
            "did you mean `rules`?",
        ],
    );
    manifest(
        &ROUTE.replace("90", "-1"),
        &["-1 is out of range", "bad.yaml:8:", "0 to 1000000"],
    );
    manifest(&ROUTE.replace("90", "1000001"), &["1000001", "bad.yaml:8:"]);
    manifest(
        &ROUTE.replace("- {name: web,", "- {name: wbe,"),
        &["Service shop/wbe does not exist", "bad.yaml:8:"],
    );
    manifest(
        &ROUTE.replace("kind: Service, name: web", "kind: Service, name: gone"),
        &["shop/gone", "bad.yaml:5:"],
    );
    manifest(
        &ROUTE.replace("port: 80", "port: 8080"),
        &["port 8080", "bad.yaml:8:"],
    );
    manifest(APP, &["declared twice", "app.yaml:1"]);
}

#[test]
fn scenarios_that_are_wrong() {
    scenario(
        "duration: 6s",
        "duratoin: 6s",
        &[
            "unknown field `spec.duratoin`",
            "bad.yaml:6:3",
            "did you mean `duration`?",
        ],
    );
    scenario(
        "Deployment/web, ser",
        "Deployment/wep, ser",
        &["no workload `shop/Deployment/wep`", "bad.yaml:9:"],
    );
    scenario(
        "http://web.shop/",
        "http://wbe.shop/",
        &["wbe", "bad.yaml:11:"],
    );
    scenario("successRate", "sucessRate", &["sucessRate", "bad.yaml:13:"]);
    scenario(
        "of: load/visit",
        "of: load/other",
        &["other", "bad.yaml:13:"],
    );
    scenario(
        "errorRate: 0%}",
        "calls: [{to: http://web.shop/x}]}",
        &["these calls never end", "bad.yaml:9:"],
    );
    scenario("rate: 20", "rate: -3", &["-3", "bad.yaml:11:"]);
    scenario(
        "manifests: [app.yaml]",
        "manifests: [gone.yaml]",
        &["gone.yaml"],
    );
    scenario(
        "fails: [it works]",
        "fails: [something else]",
        &["something else", "bad.yaml:17:"],
    );
}

#[test]
fn what_cannot_be_read() {
    check("", &["-f", "empty"], &["empty holds no .yaml"]);
    check(
        "",
        &["-f", "gone.yaml"],
        &["cannot read gone.yaml", "hint:"],
    );
    check("", &["-f", "bad.yaml"], &["the manifests hold no object"]);
    check("", &["bad.yaml"], &["bad.yaml is empty"]);
    check(
        "",
        &["app.yaml"],
        &["this is a Deployment, not a Scenario", "-f app.yaml"],
    );
    check("", &[], &["nothing to simulate", "meshctl simulate -f"]);
    check("\u{0}\u{1}", &["-f", "bad.yaml"], &["bad.yaml"]);
}

#[test]
fn flags_that_are_wrong() {
    check("", &["small.yaml", "--set", "x"], &["there is no `=`"]);
    check(
        "",
        &["small.yaml", "--set", "load[9].rate=1"],
        &["load[9].rate"],
    );
    check(
        "",
        &["small.yaml", "--set", "Service/shop/gone:spec.x=1"],
        &["Service/shop/gone"],
    );
    check("", &["small.yaml", "--duration", "5"], &["not a duration"]);
    check(
        "",
        &["small.yaml", "--counter", "x"],
        &["no counter-change `x`", "`it fails`"],
    );
    check(
        "",
        &["small.yaml", "--compare", "app.yaml"],
        &["no report to compare with"],
    );
    check("", &["small.yaml", "--trace", "some"], &["`failed`"]);
    check("", &["small.yaml", "--seeds", "0"], &["--seeds"]);
    check(
        "",
        &["small.yaml", "--trace", "1", "-o", "json"],
        &["--trace tells stories in text"],
    );
}

#[test]
fn policy_of_another_mesh_is_not_ignored_silently() {
    let foreign = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, \
                   namespace: shop}\nspec: {hosts: [web]}\n";
    manifest(
        foreign,
        &["VirtualService shop/web", "bad.yaml:2:", "--ignore-foreign"],
    );
    let place = Place::new();
    place.file("app.yaml", APP).file("bad.yaml", foreign);
    let args = [
        "simulate",
        "-f",
        "app.yaml",
        "-f",
        "bad.yaml",
        "--ignore-foreign",
        "--duration",
        "3s",
    ];
    let out = place.run(&args);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(out.stdout.contains("INCOMPLETE"), "{}", out.stdout);
    assert!(
        out.stdout.contains("VirtualService shop/web"),
        "{}",
        out.stdout
    );
}
