//! Where the result goes, and every style of file it is written in.

use insta::assert_snapshot;

use super::{data, plain, refused, route, routed};
use crate::common::Place;

#[test]
fn the_result_is_a_stream_that_can_be_applied() {
    let place = plain();
    let out = place.run_with(
        &["route", "split", "reviews", "v1=1", "v2=1", "-f", "-"],
        &(data("app.yaml") + "---\n" + &data("route.yaml")),
    );
    assert_eq!(out.code, 0, "{}", out.shown());
    let made = "made the Service reviews-v2 for the pods with app=reviews,version=v2\n";
    assert_eq!(out.stderr, made);
    let again = place.run_with(&["route", "get", "reviews", "-f", "-"], &out.stdout);
    let half = "50% reviews-v2  Deployment/reviews-v2";
    assert!(again.stdout.contains(half), "{}", again.shown());
    // The same from files, in one stream.
    let files = route(&routed(), "split reviews v1=1 v2=1");
    let again = place.run_with(&["route", "list", "-"], &files.stdout);
    let both = "reviews-v1 50%, reviews-v2 50%";
    assert!(again.stdout.contains(both), "{}", again.shown());
}

#[test]
fn in_place_writes_what_changed_and_nothing_else() {
    let place = routed();
    let modified = || {
        let meta = std::fs::metadata(place.path("app.yaml")).unwrap();
        meta.modified().unwrap()
    };
    let before = modified();
    let out = route(&place, "timeout reviews --request 2s --in-place");
    assert_eq!(out.shown(), "exit: 0\n--- stderr\nwrote ./route.yaml\n");
    assert_eq!(before, modified());
    assert_eq!(std::fs::read_dir(place.path("")).unwrap().count(), 2);
}

#[test]
fn new_objects_go_into_the_file_of_their_service_or_where_they_are_told() {
    let place = plain();
    let out = route(&place, "split reviews v1=9 v2=1 --out new.yaml --in-place");
    assert_eq!(out.code, 0, "{}", out.shown());
    assert_eq!(place.read("app.yaml"), data("app.yaml"));
    assert_snapshot!(place.read("new.yaml"));
    let list = place.run(&["route", "list", "."]);
    let split = "reviews-v1 90%, reviews-v2 10%";
    assert!(list.stdout.contains(split), "{}", list.shown());
}

#[test]
fn files_keep_their_style() {
    let check = |name: &str, text: &str| -> String {
        let place = Place::new();
        place.file(name, text);
        let split = [
            "route",
            "split",
            "web",
            "v1=9",
            "api=1",
            "-f",
            name,
            "--in-place",
        ];
        let out = place.run(&split);
        assert_eq!(out.code, 0, "{}", out.shown());
        let text = place.read(name);
        let again = place.run(&split);
        assert!(
            again.stderr.contains("it is so already"),
            "{}",
            again.shown()
        );
        text
    };
    let service = |name: &str| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"port": 80}]},
        })
        .to_string()
    };
    let all = ["web", "web-v1", "api"].map(service);
    assert_snapshot!(check("one.json", &(all.join("\n") + "\n")));
    let items = all.join(", ");
    let list = format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{items}]}}"#);
    assert_snapshot!(check("list.json", &list));
    let yaml = "apiVersion: v1\nkind: List\nitems:\n- ".to_owned() + &all.join("\n- ") + "\n";
    assert_snapshot!(check("list.yaml", &yaml));
    let crlf = check(
        "crlf.yaml",
        &("---\r\n".to_owned() + &all.join("\r\n---\r\n")),
    );
    assert_eq!(crlf.matches('\n').count(), crlf.matches("\r\n").count());
}

const CART: &str = "\
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: grpc, port: 7070}, {name: admin, port: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart-v2, namespace: shop}
spec: {selector: {app: cart, version: v2}, ports: [{name: grpc, port: 7071}]}
";

#[test]
fn calls_are_split_by_method() {
    let place = Place::new();
    place.file("cart.yaml", CART);
    let split = ["route", "split", "cart", "v2=1", "-f", "cart.yaml"];
    let ports = ["several ports: 7070 (grpc), 9000 (admin)", "--port"];
    refused(&place.run(&split), &ports);
    let more = ["--port", "grpc", "--match", "grpc:shop.Cart/Add"];
    let run = |how| place.run(&[&split[..], &more[..], &[how]].concat());
    assert_snapshot!(run("--diff").shown());
    run("--in-place");
    let timeout = [
        "route",
        "timeout",
        "cart",
        "--request",
        "1s",
        "--port",
        "grpc",
        "-f",
        "cart.yaml",
    ];
    let expected = ["a GRPCRoute has no timeouts", "TrafficPolicy"];
    refused(&place.run(&timeout), &expected);
}

const RUSH: &str = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata: {name: rush}
spec:
  manifests: [app.yaml, route.yaml]
  duration: 5s
  warmup: 1s
  apps:
    - {workload: shop/Deployment/reviews-v1, serviceTime: 2ms, errorRate: 0%}
    - {workload: shop/Deployment/reviews-v2, serviceTime: 2ms, errorRate: 50%}
  load:
    - name: readers
      from: shop/Deployment/reviews-v1
      to: http://reviews/
      rate: 100
  expect:
    - {name: served, metric: successRate, of: load/readers, op: '>=', value: 99%}
";

#[test]
fn a_simulation_shows_both_sides_and_guards_the_change() {
    let place = routed();
    place.file("rush.yaml", RUSH);
    let before = place.read("route.yaml");
    let run = |v1: &str, v2: &str| {
        let (v1, v2) = (format!("v1={v1}"), format!("v2={v2}"));
        let split = [
            "route",
            "split",
            "reviews",
            &v1,
            &v2,
            "-f",
            "app.yaml",
            "-f",
            "route.yaml",
        ];
        let how = ["--simulate", "rush.yaml", "--require", "--in-place"];
        place.run(&[&split[..], &how[..]].concat())
    };
    let bad = run("50", "50");
    assert_eq!(bad.code, 1, "{}", bad.shown());
    assert_eq!(bad.stdout, "");
    for part in [
        "served ",
        "✓ 100%",
        "✗ 7",
        "shop/reviews/everybody → shop/reviews-v2:80",
        "nothing was changed: the expectations do not hold with the change",
    ] {
        assert!(bad.stderr.contains(part), "{part}\n{}", bad.stderr);
    }
    assert_eq!(place.read("route.yaml"), before);
    let good = run("1000", "1");
    assert_eq!(good.code, 0, "{}", good.shown());
    assert!(place.read("route.yaml").contains("weight: 1000"));
}
