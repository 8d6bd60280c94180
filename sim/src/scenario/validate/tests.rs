use serde_json::{Value, json};

use super::*;

const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: app}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: app, image: app}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: app, image: app}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{port: 7070}]}
---
";

fn known() -> Known {
    let reading = model::resource::read("m.yaml", MANIFESTS);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    Known::of(&reading.resources)
}

/// The findings about a spec, as `path: message`.
#[track_caller]
fn check(spec: Value, expected: &[&str]) {
    let spec: Spec = serde_json::from_value(spec).unwrap();
    let seen: Vec<_> = validate(&spec, Some(&known()))
        .into_iter()
        .map(|p| format!("{}: {}", p.path, p.message))
        .collect();
    let all = seen.len() == expected.len()
        && seen
            .iter()
            .zip(expected)
            .all(|(seen, wanted)| seen.starts_with(wanted));
    assert!(all, "{seen:#?} is not {expected:#?}");
}

fn load(more: Value) -> Value {
    let mut load = json!({"name": "browse", "to": "http://web.shop/", "rate": 1});
    load.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({ "load": [load] })
}

fn event(event: Value) -> Value {
    let mut all = json!({"at": "1s"});
    all.as_object_mut()
        .unwrap()
        .extend(event.as_object().unwrap().clone());
    json!({ "events": [all] })
}

fn expect(more: Value) -> Value {
    let mut expect = json!({
        "name": "x", "metric": "rate", "of": "service/shop/web", "op": ">", "value": 1,
    });
    expect
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({ "load": load(json!({}))["load"], "expect": [expect] })
}

#[test]
fn the_run_has_bounds() {
    check(json!({}), &[]);
    check(json!({"duration": "0s"}), &["duration: ", "warmup: "]);
    check(
        json!({"duration": "10s", "warmup": "10s"}),
        &["warmup: the warm-up (10s)"],
    );
    check(json!({"seeds": 0}), &["seeds: "]);
    check(json!({"pass": 0}), &["pass: "]);
}

#[test]
fn names_are_looked_up_in_the_manifests() {
    check(load(json!({"from": "shop/Deployment/web"})), &[]);
    check(
        load(json!({"from": "shop/Deployment/wbe"})),
        &["load[0].from: no workload"],
    );
    check(
        load(json!({"from": "shop/cart"})),
        &["load[0].from: `shop/cart` names several"],
    );
    check(
        load(json!({"to": "http://wbe.shop/"})),
        &["load[0].to: no Service `wbe.shop`"],
    );
    check(
        load(json!({"to": "http://web.shop:81/"})),
        &["load[0].to: Service shop/web has no"],
    );
    check(
        load(json!({"to": "http://web/"})),
        &["load[0].to: no Service `web` for a client in"],
    );
    check(
        load(json!({"to": "http://web/", "from": "shop/Deployment/web"})),
        &[],
    );
    let app = |name: &str| json!({"apps": [{"workload": name}]});
    check(app("shop/Deployment/cart"), &[]);
    check(
        app("shop/DaemonSet/cart"),
        &["apps[0].workload: no workload"],
    );
}

#[test]
fn a_load_is_open_or_closed() {
    check(load(json!({"users": 1})), &["load[0]: a load has either"]);
    check(load(json!({"thinkTime": "1s"})), &["load[0].thinkTime: "]);
    check(load(json!({"rate": -1})), &["load[0].rate: "]);
    check(load(json!({"shape": {}})), &["load[0].shape: exactly one"]);
    check(
        load(json!({"headers": {"a b": "c"}})),
        &["load[0].headers[\"a b\"]: "],
    );
    check(load(json!({"startTime": "1h"})), &["load[0].startTime: "]);
}

#[test]
fn names_are_different() {
    let one = load(json!({}))["load"][0].clone();
    check(
        json!({"load": [one, one]}),
        &["load[1].name: load `browse` is there twice"],
    );
    let app = json!({"workload": "shop/Deployment/web"});
    check(
        json!({"apps": [app, app]}),
        &["apps[1].workload: the app of"],
    );
}

#[test]
fn an_event_does_one_thing_within_the_run() {
    let web = json!({"target": "shop/Deployment/web"});
    check(event(json!({"crash": web, "for": "1s"})), &[]);
    check(event(json!({})), &["events[0]: nothing happens"]);
    check(
        event(json!({"crash": web, "pause": web})),
        &["events[0]: one thing happens"],
    );
    check(
        event(json!({"crash": web, "at": "1h"})),
        &["events[0].at: the run ends"],
    );
    check(
        event(json!({"reset": web, "for": "1s"})),
        &["events[0].for: `reset` happens once"],
    );
    let none = json!({"target": "shop/Deployment/none"});
    check(
        event(json!({"crash": none})),
        &["events[0].crash.target: no workload"],
    );
    let fourth = json!({"target": "shop/Deployment/web", "pods": [3]});
    check(event(json!({"crash": fourth})), &["events[0].crash.pods: "]);
    check(event(json!({"slow": web})), &["events[0].slow: how slow?"]);
    check(event(json!({"skew": web})), &["events[0].skew: set either"]);
    check(
        event(json!({"apply": {}})),
        &["events[0].apply: nothing is applied"],
    );
    let zones = json!({"from": "zone/a", "to": "*"});
    check(
        event(json!({"partition": zones})),
        &["events[0].partition.from: no zone `a`"],
    );
    check(
        event(json!({"apply": {"objects": [{"kind": "X", "metadata": {}}]}})),
        &["events[0].apply.objects[0]: a Kubernetes object has the field `apiVersion`"],
    );
}

#[test]
fn an_expectation_fits_its_metric_subject_and_window() {
    check(expect(json!({})), &[]);
    check(
        expect(json!({"of": "service/shop/wbe"})),
        &["expect[0].of: no Service shop/wbe"],
    );
    check(
        expect(json!({"of": "backend/shop/web:81"})),
        &["expect[0].of: Service shop/web has"],
    );
    check(
        expect(json!({"of": "route/shop/web"})),
        &["expect[0].of: no route shop/web"],
    );
    check(
        expect(json!({"value": "1s"})),
        &["expect[0].value: `rate` is a number"],
    );
    check(
        expect(json!({"metric": "p99"})),
        &["expect[0].value: `p99` is a duration"],
    );
    check(
        expect(json!({"window": {"to": "1h"}})),
        &["expect[0].window.to: "],
    );
    check(
        expect(json!({"window": {"from": "9s", "to": "9s"}})),
        &["expect[0].window: "],
    );
    check(expect(json!({"flag": "UT"})), &["expect[0].flag: only"]);
    check(
        expect(json!({"metric": "failures", "flag": "XX"})),
        &["expect[0].flag: no flag"],
    );
    check(expect(json!({"pick": "last"})), &["expect[0].pick: "]);
    check(
        expect(json!({"tolerance": 1})),
        &["expect[0].tolerance: only"],
    );
    check(
        expect(json!({"metric": "ejected", "of": "load/browse"})),
        &["expect[0].of: `ejected` is not measured"],
    );
    let share = |more: Value| {
        let mut all = json!({"metric": "share", "of": "backend/shop/web", "value": "1%"});
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        expect(all)
    };
    check(share(json!({"in": "service/shop/web"})), &[]);
    check(share(json!({})), &["expect[0]: a share needs its whole"]);
    check(
        share(json!({"in": "load/browse"})),
        &["expect[0].in: backend/shop/web is no part"],
    );
}

#[test]
fn notes_are_about_values_that_are_there() {
    let note = |path: &str, source: &str| {
        let mut spec = load(json!({}));
        spec["inputs"] = json!([{"path": path, "source": source, "why": "x"}]);
        spec
    };
    check(note("load[0].rate", "assumed"), &[]);
    check(note("load[browse].rate", "measured"), &[]);
    check(note("load[1].rate", "assumed"), &["inputs[0].path: "]);
    check(note("load[0].rate", "given"), &["inputs[0].source: "]);
}

/// Calls among apps of no manifests: `(from, to, probability)`.
#[track_caller]
fn calls(edges: &[(&str, &str, f64)], cycle: Option<&str>) {
    let mut apps: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (from, to, probability) in edges {
        let call = json!({"to": format!("http://{to}.shop/"), "probability": probability});
        apps.entry(from).or_default().push(call);
    }
    let apps: Vec<_> = apps
        .into_iter()
        .map(|(name, calls)| json!({"workload": format!("shop/Deployment/{name}"), "calls": calls}))
        .collect();
    let spec: Spec = serde_json::from_value(json!({ "apps": apps })).unwrap();
    let problems = validate(&spec, None);
    let seen = problems.first().map(|p| p.message.as_str());
    match cycle {
        None => assert_eq!(seen, None),
        Some(cycle) => {
            let seen = seen.unwrap_or_default().replace("shop/Deployment/", "");
            assert_eq!(seen, format!("these calls never end: {cycle}"));
            assert!(problems[0].path.contains(".calls["), "{}", problems[0].path);
        }
    }
}

#[test]
fn calls_that_never_end_are_refused_and_named() {
    calls(&[("a", "b", 1.0), ("b", "c", 1.0)], None);
    calls(&[("a", "b", 1.0), ("b", "a", 1.0)], Some("a → b → a"));
    calls(&[("a", "a", 1.0)], Some("a → a"));
    calls(
        &[("a", "b", 1.0), ("b", "c", 1.0), ("c", "b", 1.0)],
        Some("b → c → b"),
    );
}

#[test]
fn a_cycle_that_dies_out_is_allowed() {
    calls(&[("a", "b", 1.0), ("b", "a", 0.5)], None);
    calls(&[("a", "a", 0.99)], None);
}

#[test]
fn calls_that_multiply_never_end_even_if_none_is_certain() {
    calls(
        &[("a", "b", 1.0), ("b", "a", 0.6), ("b", "a", 0.6)],
        Some("a → b → a"),
    );
    calls(
        &[
            ("a", "b", 0.6),
            ("a", "c", 0.6),
            ("b", "a", 1.0),
            ("c", "a", 1.0),
        ],
        Some("a → b → a"),
    );
}
