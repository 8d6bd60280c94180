//! `meshctl route explain`.

use insta::assert_snapshot;

use super::{in_data, refused};
use crate::common::{Place, repository};

fn explain(args: &[&str]) -> crate::common::Output {
    let mut all = vec!["explain", "-f", "mesh.yaml"];
    all.extend(args);
    in_data(&all)
}

#[test]
fn the_trail_says_why_each_rule_does_or_does_not_govern() {
    assert_snapshot!(explain(&["GET", "http://reviews/list", "--from", "web"]).shown());
    let tester = [
        "GET",
        "http://reviews.shop/",
        "-H",
        "X-Canary: true",
        "-H",
        "x-debug: 1",
    ];
    assert_snapshot!(explain(&tester).shown());
    assert_snapshot!(explain(&["GET", "http://reviews.shop/old"]).shown());
}

#[test]
fn clients_of_another_namespace_have_routes_of_their_own() {
    let out = explain(&[
        "GET",
        "http://reviews.shop/",
        "--from",
        "partner/Deployment/importer",
    ]);
    assert!(
        out.stdout
            .contains("partner/stable-reviews/rules[0] matches[0] matches"),
        "{}",
        out.stdout
    );
}

#[test]
fn calls_are_routed_by_method_and_unmatched_ones_get_unimplemented() {
    let add = explain(&["POST", "grpc://cart.shop:7070/shop.Cart/Add"]);
    assert!(add.stdout.contains("100% shop/cart:7070"), "{}", add.stdout);
    assert_snapshot!(explain(&["POST", "grpc://cart.shop:7070/shop.Cart/Drop"]).shown());
}

#[test]
fn a_request_that_no_route_looks_at_says_so() {
    for (args, reason) in [
        (vec!["GET", "http://cart.shop:9000/"], "forwarded as bytes"),
        (
            vec!["GET", "http://cart.shop/"],
            "shop/cart has no port 80, its ports are 7070, 9000",
        ),
        (
            vec!["GET", "http://example.shop/"],
            "no Service is called example.shop",
        ),
        (
            vec![
                "GET",
                "http://reviews.shop/",
                "--from",
                "outsider",
                "-n",
                "partner",
            ],
            "no proxy",
        ),
    ] {
        let out = explain(&args);
        assert_eq!(out.code, 0, "{}", out.shown());
        assert!(out.stdout.contains(reason), "{reason}\n{}", out.stdout);
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    refused(&explain(&["GET"]), &["<URL>"]);
    refused(&explain(&["GET", "reviews"]), &["`reviews` is not a URL"]);
    refused(
        &explain(&["GET", "https://reviews.shop/"]),
        &["http:// and grpc://"],
    );
    refused(
        &explain(&["G T", "http://reviews.shop/"]),
        &["`G T` is no method"],
    );
    refused(
        &explain(&["GET", "http://nobody/"]),
        &["no Service nobody", "http://nobody.NAMESPACE/"],
    );
    refused(
        &explain(&["GET", "http://reviews/", "-H", "x"]),
        &["`x` is no header"],
    );
    refused(
        &explain(&["GET", "http://reviews/", "--from", "wep"]),
        &["no workload wep", "shop/Deployment/web"],
    );
    refused(
        &explain(&["GET", "http://reviews/", "-o", "junit"]),
        &["--all TESTS.yaml"],
    );
    let place = Place::new();
    place.file(
        "foreign.yaml",
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: b}\nspec: {hosts: [c]}\n",
    );
    let args = [
        "route",
        "explain",
        "GET",
        "http://c.b/",
        "-f",
        "foreign.yaml",
    ];
    refused(&place.run(&args), &["VirtualService", "--ignore-foreign"]);
}

#[test]
fn a_file_of_tests_that_hold() {
    assert_snapshot!(explain(&["--all", "tests.yaml"]).shown());
    let enough = explain(&["--all", "tests.yaml", "--fail-under", "60%"]);
    assert_eq!(enough.code, 0, "{}", enough.shown());
}

#[test]
fn rules_that_no_test_reaches_fail_a_threshold() {
    let out = explain(&["--all", "tests.yaml", "--fail-under", "90"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    assert!(
        out.stderr.contains("at least 90% are wanted"),
        "{}",
        out.stderr
    );
}

#[test]
fn tests_that_do_not_hold_are_told_in_three_faces() {
    let place = Place::new();
    let data =
        |name: &str| std::fs::read_to_string(repository("tests/data/routes").join(name)).unwrap();
    let wrong = data("tests.yaml")
        .replace("rule: testers", "rule: canary")
        .replace("reviews-v2: 4.95%", "reviews-v1: 4.95%")
        .replace("x-version: v2", "x-version: null")
        .replace("timeout: 0s", "timeout: 1s")
        .replace("retries: 1", "retries: 3")
        .replace("path: /list?page=2", "path: /")
        .replace("status: 301", "status: 200");
    place
        .file("mesh.yaml", data("mesh.yaml"))
        .file("tests.yaml", wrong);
    let all = [
        "route",
        "explain",
        "-f",
        "mesh.yaml",
        "--all",
        "tests.yaml",
        "-o",
    ];
    let face = |format| {
        let mut args = all.to_vec();
        args.push(format);
        place.run(&args)
    };
    assert_snapshot!(face("text").shown());
    let json: serde_json::Value = serde_json::from_str(&face("json").stdout).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &3.into()));
    let junit = face("junit");
    assert_eq!(junit.code, 1);
    assert!(
        junit
            .stdout
            .contains(r#"tests="4" skipped="0" errors="0" failures="3""#),
        "{}",
        junit.stdout
    );
}

#[test]
fn a_bad_file_of_tests_is_refused_with_its_line() {
    let check = |text: &str, expected: &[&str]| {
        let place = Place::new();
        place.file("t.yaml", text).file(
            "m.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
        );
        refused(
            &place.run(&["route", "explain", "--all", "t.yaml", "-f", "m.yaml"]),
            expected,
        );
    };
    let with = |tests: &str| format!("kind: RouteTests\ntests:\n{tests}");
    check("", &["t.yaml is empty"]);
    check(
        "kind: Service\n",
        &["this is a Service, not RouteTests", "t.yaml:1"],
    );
    check("kind: RouteTests\ntests: []\n", &["holds no tests"]);
    check(
        &with("- {name: a, request: x, expect: {}}"),
        &["`a` expects nothing", "t.yaml:3"],
    );
    check(
        &with("- {name: a, request: x, expect: {rulez: b}}"),
        &["unknown field", "t.yaml:3"],
    );
    check(
        &with("- {name: a, request: x, expect: {rule: b}}"),
        &["`x` is no request", "t.yaml:3"],
    );
    check(
        &with("- {name: a, request: GET http://b.c/, expect: {rule: b}}"),
        &["nothing in the namespace c"],
    );
}
