//! What cannot be done: one clear error, nothing printed, nothing written.

use super::{data, plain, refused, route, routed};
use crate::common::Place;

/// Refused with all of `expected`, and every file as it was.
#[track_caller]
fn check(place: &Place, command: &str, expected: &[&str]) {
    let read = || -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let entries = std::fs::read_dir(place.path("")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = paths
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = read();
    refused(&route(place, &format!("{command} --in-place")), expected);
    assert_eq!(before, read(), "{command} wrote something");
}

#[test]
fn malformed_weights() {
    let place = routed();
    for (weights, expected) in [
        ("v1", ["`v1` has no weight", "NAME=WEIGHT"]),
        ("v1=-1", ["`-1` of v1 is no weight", "whole number"]),
        ("v1=60% v2=50%", ["add up to 110%, not 100%", "any sum"]),
        ("v1=60% v2=1", ["some weights are percentages", "one scale"]),
        ("v1=0", ["all weights are 0", "route delete"]),
    ] {
        check(&place, &format!("split reviews {weights}"), &expected);
    }
}

#[test]
fn unknown_names() {
    let place = routed();
    for (command, expected) in [
        (
            "split reviews v1=1 reviews-v1=1",
            ["two of the names stand for", "shop/reviews-v1"],
        ),
        (
            "split reviews v3=1",
            ["v3 is neither a Service", "versions of reviews are v1, v2"],
        ),
        (
            "split reviwes v1=1",
            ["there is no Service reviwes", "shop/reviews"],
        ),
        (
            "split reviews v1=1 --port 81",
            ["has no port 81", "80 (http)"],
        ),
        (
            "split reviews v1=1 --rule nobody",
            ["has no rule nobody", "editors, everybody"],
        ),
        (
            "split reviews v1=1 --match color:red",
            ["--match color:red", "header:NAME=VALUE"],
        ),
        (
            "split reviews v1=1 --subset v1=version=v1",
            ["is there already", "leave out"],
        ),
        (
            "split reviews a=1 --subset a=b",
            ["no set of labels", "v2=version=v2"],
        ),
        ("mirror reviews --to v9", ["v9 is neither", "v1, v2"]),
        (
            "delete reviews --match path:/nowhere",
            ["no rule is for exactly these", "route get"],
        ),
        (
            "delete reviews --backend v2",
            ["no rule sends requests to", "shop/reviews-v2"],
        ),
        (
            "delete reviews --backend v1",
            ["is the only backend with a weight", "route split"],
        ),
    ] {
        check(&place, command, &expected);
    }
    check(
        &plain(),
        "delete reviews",
        &["port 80 of shop/reviews has no route"],
    );
}

#[test]
fn routes_in_conflict() {
    let place = routed();
    let second = data("route.yaml").replace("name: reviews\n", "name: reviews-too\n");
    place.file("second.yaml", second);
    let both = [
        "two rules for all requests govern port 80 of shop/reviews",
        "HTTPRoute shop/reviews rules[1] (./route.yaml:14)",
        "HTTPRoute shop/reviews-too rules[1] (./second.yaml:14)",
        "say which with --rule",
    ];
    check(&place, "split reviews v1=1", &both);
    let named = ["two rules are called everybody", "ROUTE/RULE"];
    check(&place, "split reviews v1=1 --rule everybody", &named);
    let out = route(
        &place,
        "split reviews v1=1 --rule reviews-too/everybody --diff",
    );
    assert!(out.stdout.contains("second.yaml"), "{}", out.shown());
    assert!(!out.stdout.contains("./route.yaml"), "{}", out.shown());
}

#[test]
fn a_rule_that_is_also_for_others() {
    let place = plain();
    let edit = "    - path: {type: PathPrefix, value: /edit}\n";
    let two = format!("{edit}    - headers: [{{name: a, value: b}}]\n");
    place.file("route.yaml", data("route.yaml").replace(edit, &two));
    let expected = ["is also for other requests", "--rule editors"];
    check(&place, "split reviews v1=1 --match path:/edit", &expected);
}

#[test]
fn a_name_in_several_namespaces() {
    let place = routed();
    let other = data("app.yaml").replace("namespace: shop", "namespace: test");
    place.file("other.yaml", other);
    let expected = ["several Services named reviews: shop/reviews, test/reviews"];
    check(&place, "split reviews v1=1", &expected);
    let out = route(&place, "split reviews v1=1 -n shop --diff");
    assert_eq!(out.code, 0, "{}", out.shown());
}

#[test]
fn what_another_controller_looks_after_by_its_marks() {
    let place = plain();
    for (meta, who) in [
        (
            "annotations: {argocd.argoproj.io/tracking-id: x}",
            "Argo CD",
        ),
        ("labels: {kustomize.toolkit.fluxcd.io/name: x}", "Flux"),
        ("labels: {helm.toolkit.fluxcd.io/name: x}", "Flux"),
        (
            "labels: {rollouts.argoproj.io/gatewayapi-canary: x}",
            "Argo Rollouts",
        ),
        ("labels: {app.kubernetes.io/managed-by: flagger}", "Flagger"),
        (
            "managedFields: [{manager: argocd-controller}]",
            "Argo CD (field manager",
        ),
    ] {
        let meta = format!("  namespace: shop\n  {meta}\n");
        place.file(
            "route.yaml",
            data("route.yaml").replace("  namespace: shop\n", &meta),
        );
        let expected = [who, "./route.yaml:1", "--force"];
        check(&place, "split reviews v1=1 v2=1", &expected);
        check(&place, "delete reviews", &[who]);
    }
    let forced = route(&place, "split reviews v1=1 v2=1 --force --diff");
    assert_eq!(forced.code, 0, "{}", forced.shown());
}

#[test]
fn what_another_controller_looks_after_by_naming_it() {
    let place = routed();
    place.file(
        "rollout.yaml",
        "\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: reviews, namespace: shop}
spec:
  strategy:
    canary: {trafficRouting: {plugins: {argoproj-labs/gatewayAPI: {httpRoute: reviews}}}}
",
    );
    check(
        &place,
        "split reviews v1=1",
        &["Argo Rollouts (Rollout reviews)"],
    );
    let place = routed();
    place.file(
        "canary.yaml",
        "\
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: c, namespace: shop}
spec: {targetRef: {kind: Deployment, name: reviews}}
",
    );
    check(&place, "split reviews v1=1", &["Flagger (Canary c)"]);
}

#[test]
fn places_that_no_route_governs() {
    let place = plain();
    place.file(
        "tcp.yaml",
        "\
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{name: tcp, port: 5432, appProtocol: tcp}]}
",
    );
    check(
        &place,
        "split db reviews=1",
        &["forwarded as bytes", "appProtocol: http"],
    );
    let taken =
        data("route.yaml").replace("name: reviews, port: 80}]\n  rules", "name: db}]\n  rules");
    place.file("taken.yaml", taken);
    let expected = ["HTTPRoute shop/reviews is there already", "taken.yaml:1"];
    check(&place, "split reviews v1=1", &expected);
}

#[test]
fn manifests_that_are_wrong_already_or_cannot_be_edited() {
    let place = routed();
    place.file("bad.yaml", "a: [");
    check(
        &place,
        "split reviews v1=1",
        &["not valid YAML", "bad.yaml"],
    );
    let place = routed();
    let anchored = data("route.yaml").replace("weight: 100}", "weight: &w 100}")
        + "    - {name: reviews, port: 80, weight: *w}\n";
    place.file("route.yaml", anchored);
    check(&place, "split reviews v1=1", &["./route.yaml:1"]);
    let text = data("app.yaml") + "---\n" + &data("route.yaml");
    let stdin = ["route", "split", "reviews", "v1=1", "-f", "-", "--in-place"];
    let expected = ["standard input cannot be changed in place"];
    refused(&place.run_with(&stdin, &text), &expected);
    let none = place.run(&["route", "split", "reviews", "v1=1"]);
    refused(&none, &["nothing to change", "-f FILE"]);
}

#[test]
fn a_file_that_cannot_be_written_leaves_all_as_they_were() {
    let place = routed();
    let out = route(
        &place,
        "split reviews v2=1 --out nowhere/new.yaml --in-place",
    );
    refused(&out, &["cannot write nowhere/new.yaml"]);
    assert_eq!(place.read("route.yaml"), data("route.yaml"));
}
