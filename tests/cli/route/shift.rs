//! `meshctl route shift` on files: what it would do, what it refuses, and how one that was left
//! behind is shown. What it does to a mesh is in tests/proxy.

use insta::assert_snapshot;

use super::refused;
use crate::common::Place;

const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: reviews
  namespace: shop
spec:
  parentRefs: [{group: '', kind: Service, name: reviews, port: 80}]
  rules:
  - name: testers
    matches: [{headers: [{name: x-test, value: 'yes'}]}]
    backendRefs: [{name: reviews-v2, port: 80}]
  - name: everybody
    backendRefs: [{name: reviews-v1, port: 80, weight: 1}, {name: reviews-v2, port: 80, weight: 0}]
";

fn services(namespace: &str) -> String {
    let service = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec: {{ports: [{{name: http, port: 80}}]}}\n---\n"
        )
    };
    ["reviews", "reviews-v1", "reviews-v2"]
        .map(service)
        .concat()
}

fn place(route: &str) -> Place {
    let place = Place::new();
    place.file("mesh/services.yaml", services("shop"));
    place.file("mesh/route.yaml", route);
    place
}

/// The route in the middle of a shift.
fn shifting(deadline: &str) -> String {
    let note = serde_json::json!({
        "form": 1, "service": "reviews", "to": "reviews-v2", "from": 0,
        "steps": [50, 100], "every": "1m", "abortOn": ["success<99%"],
        "minSamples": 100, "patience": "2m", "began": "2026-01-01T00:00:00Z",
        "deadline": deadline, "step": 0, "since": "2026-01-01T00:00:00Z",
        "before": {"1": [1, 0]}, "now": {"1": [50, 50]},
    });
    let annotated = format!("namespace: shop\n  annotations: {{meshctl.dev/shift: '{note}'}}");
    ROUTE
        .replace("namespace: shop", &annotated)
        .replace("v1, port: 80, weight: 1", "v1, port: 80, weight: 50")
        .replace("v2, port: 80, weight: 0", "v2, port: 80, weight: 50")
}

/// Refused with all of `expected`, and the route as it was.
#[track_caller]
fn check(place: &Place, args: &str, expected: &[&str]) {
    let before = place.read("mesh/route.yaml");
    let args: Vec<&str> = args.split(' ').collect();
    let out = place.run(&[&["route", "shift"], &args[..]].concat());
    refused(&out, expected);
    assert_eq!(out.stderr.matches("error:").count(), 1, "{}", out.stderr);
    assert_eq!(place.read("mesh/route.yaml"), before);
}

#[test]
fn a_plan_of_files_changes_nothing() {
    let place = place(ROUTE);
    let args = "route shift reviews --to v2 --step 50 --every 30s -f mesh --plan";
    let args: Vec<&str> = args.split(' ').collect();
    assert_snapshot!(place.run(&args).shown());
    assert_eq!(place.read("mesh/route.yaml"), ROUTE);
}

#[test]
fn what_cannot_be_shifted_is_refused_and_nothing_is_written() {
    let good = place(ROUTE);
    for (args, expected) in [
        (
            "ratings --to v2",
            ["there is no Service ratings", "shop/reviews"],
        ),
        (
            "reviews-v1 --to v2",
            ["no route governs the Service shop/reviews-v1", "of mesh"],
        ),
        (
            "reviews --to v3",
            ["has a backend `v3`", "reviews-v1, reviews-v2"],
        ),
        (
            "reviews --to v1",
            ["beside no other backend that gets traffic", "hint"],
        ),
        (
            "shop/reviews --to v2 -n other",
            ["in the namespace shop", "-n says other"],
        ),
        (
            "reviews --to v2",
            ["no metrics to watch the new version by", "--proxy"],
        ),
        (
            "reviews --to v2 --prometheus svc/a/b:1",
            ["svc/a/b:1 is in a cluster", "--prometheus http://"],
        ),
        (
            "reviews --resume",
            ["no shift of shop/reviews is under way", "--to VERSION"],
        ),
        (
            "reviews --to v2 --context x",
            ["for files or for a cluster", "leave out -f"],
        ),
    ] {
        check(&good, &format!("{args} -f mesh --in-place"), &expected);
    }
    let both = "reviews --to v2 --prometheus http://a --proxy b -f mesh --in-place";
    let words = ["'--prometheus <WHERE>' cannot be used with '--proxy <ADDR>'"];
    check(&good, both, &words);
    let unsaid = ["writes each step into the files", "--in-place", "--plan"];
    check(&good, "reviews --to v2 -f mesh --proxy b", &unsaid);
    let stdin = ["<stdin> cannot be changed step by step", "-f DIRECTORY"];
    check(&good, "reviews --to v2 -f - --in-place", &stdin);
    let nothing = ["--in-place writes files", "-f DIRECTORY"];
    check(&good, "reviews --to v2 --in-place --proxy b", &nothing);
}

#[test]
fn a_name_in_several_namespaces_and_a_route_of_a_controller_are_refused() {
    let several = place(ROUTE);
    several.file("mesh/other.yaml", services("other"));
    let expected = [
        "several Services named reviews: other/reviews, shop/reviews",
        "-n NAMESPACE",
    ];
    let args = "reviews --to v2 -f mesh --in-place --proxy 127.0.0.1:1";
    check(&several, args, &expected);
    let label = "namespace: shop\n  labels: {flagger.app/managed: 'true'}";
    let managed = place(&ROUTE.replace("namespace: shop", label));
    let expected = [
        "HTTPRoute shop/reviews is looked after by Flagger",
        "--force",
    ];
    check(&managed, args, &expected);
    managed.file("mesh/route.yaml", ROUTE);
    managed.file(
        "mesh/canary.yaml",
        "apiVersion: flagger.app/v1beta1\nkind: Canary\n\
         metadata: {name: reviews, namespace: shop}\nspec: {targetRef: {name: reviews}}\n",
    );
    let expected = ["looked after by Flagger (Canary reviews)", "--force"];
    check(&managed, args, &expected);
}

#[test]
fn a_shift_that_was_left_behind_is_shown_and_given_back() {
    let abandoned = place(&shifting("2026-01-02T00:00:00Z"));
    let run = |args: &[&str]| abandoned.run(&[&["route"], args, &["-f", "mesh"]].concat());
    assert_snapshot!(run(&["list"]).shown());
    let get = run(&["get", "reviews"]);
    let words = "the shift to reviews-v2 was abandoned";
    assert!(get.stdout.contains(words), "{}", get.shown());
    let json = run(&["list", "-o", "json"]);
    assert!(json.stdout.contains(words), "{}", json.shown());
    let args = "reviews --to v2 -f mesh --in-place --proxy 127.0.0.1:1";
    check(&abandoned, args, &["was abandoned", "--in-place --return"]);

    let back = run(&["shift", "reviews", "--return", "--in-place"]);
    assert_eq!(back.code, 0, "{}", back.shown());
    assert_eq!(abandoned.read("mesh/route.yaml"), ROUTE);

    let going = place(&shifting("2100-01-01T00:00:00Z"));
    let list = going.run(&["route", "list", "-f", "mesh"]);
    let words = "being shifted to reviews-v2, until 2100-01-01T00:00:00Z";
    assert!(list.stdout.contains(words), "{}", list.shown());
    let broken = place(&shifting("soon"));
    let list = broken.run(&["route", "list", "-f", "mesh"]);
    let words = "meshctl.dev/shift cannot be read";
    assert!(list.stdout.contains(words), "{}", list.shown());
}
