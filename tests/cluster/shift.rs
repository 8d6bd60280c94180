//! `meshctl route shift`.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::api::{Api, Fault, What};
use super::prometheus::{Prometheus, Reply, version};
use super::target::Target;
use crate::common::Output;

const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: reviews, annotations: {team: a}}
spec:
  parentRefs: [{group: '', kind: Service, name: reviews, port: 80}]
  rules:
    - name: testers
      matches: [{headers: [{name: x-test, value: 'yes'}]}]
      backendRefs: [{name: reviews-v2, port: 80}]
    - name: everybody
      backendRefs: [{name: reviews-v1, port: 80, weight: 1}, {name: reviews-v2, port: 80, weight: 0}]
";

/// A quick shift in four steps.
const QUICK: [&str; 9] = [
    "--to",
    "v2",
    "--step",
    "25",
    "--every",
    "600ms",
    "--patience",
    "1s",
    "--abort-on",
];

pub(super) fn target() -> Target {
    let target = Target::new();
    target.store(ROUTE);
    target
}

fn own() -> Target {
    let target = Target::own(Api::start());
    target.store(ROUTE);
    target
}

fn shift(target: &Target, prometheus: &Prometheus, more: &[&str]) -> Output {
    let url = prometheus.url();
    let mut args = vec!["route", "shift", "reviews", "--prometheus", &url];
    args.extend(more);
    target.run(&args)
}

fn quick<'a>(guard: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = QUICK.to_vec();
    args.push(guard);
    args.extend(more);
    args
}

fn good() -> Prometheus {
    Prometheus::start(|query| version(query, 500.0, 1.0, 20.0))
}

fn route(target: &Target) -> Value {
    target.get("gateway.networking.k8s.io/v1", "httproutes", "reviews")
}

pub(super) fn weights(target: &Target) -> Vec<Value> {
    let route = route(target);
    let backends = route["spec"]["rules"][1]["backendRefs"].as_array().unwrap();
    backends.iter().map(|b| b["weight"].clone()).collect()
}

pub(super) fn note(target: &Target) -> Option<String> {
    let annotations = &route(target)["metadata"]["annotations"];
    assert_eq!(annotations["team"], "a", "annotations of others stay");
    annotations["meshctl.dev/shift"].as_str().map(str::to_owned)
}

#[test]
fn a_good_version_gets_all_traffic() {
    let target = target();
    let out = shift(&target, &good(), &quick("success<99%", &[]));
    assert_eq!(out.code, 0, "{}", out.shown());
    assert_eq!(out.stdout, "reviews-v2 has 100% of the traffic\n");
    for part in [
        "25% of the traffic",
        "50%",
        "75%",
        "100%",
        "took .spec.rules over from `kubectl-",
    ] {
        assert!(
            out.stderr.contains(part),
            "{part} is missing: {}",
            out.stderr
        );
    }
    assert_eq!(weights(&target), [json!(0), json!(100)]);
    assert_eq!(note(&target), None);
    let testers = &route(&target)["spec"]["rules"][0]["backendRefs"];
    assert!(
        testers[0]["weight"].as_u64().is_none_or(|w| w == 1),
        "who asks for it: {testers}"
    );
}

#[test]
fn a_version_that_does_badly_loses_its_traffic() {
    let target = target();
    let asked = AtomicUsize::new(0);
    let prometheus = Prometheus::start(move |query| {
        let latency = query.contains("histogram_quantile");
        let n = asked.fetch_add(usize::from(latency), Ordering::Relaxed);
        // Well in the first two steps.
        version(query, 500.0, 1.0, if n < 14 { 20.0 } else { 900.0 })
    });
    let out = shift(&target, &prometheus, &quick("p99>300ms", &[]));
    assert_eq!(out.code, 1, "{}", out.shown());
    let words = "reviews-v2 has 0% of the traffic again: p99>300ms: 900ms of 500 requests\n";
    assert_eq!(out.stdout, words);
    assert_eq!(
        weights(&target),
        [json!(1), json!(0)],
        "the very weights of before"
    );
    assert_eq!(note(&target), None);
}

#[test]
fn without_metrics_no_step_is_taken() {
    let target = target();
    for (answers, words) in [
        (Prometheus::start(|_| None), "there are no metrics"),
        (
            Prometheus::start(|q| version(q, 7.0, 1.0, 1.0)),
            "93 more requests are needed",
        ),
    ] {
        let out = shift(&target, &answers, &quick("success<99%", &[]));
        assert_eq!(out.code, 1, "{}", out.shown());
        assert!(
            out.stdout.contains("no observation came in time"),
            "{}",
            out.stdout
        );
        assert!(out.stdout.contains(words), "{}", out.stdout);
        assert!(!out.stderr.contains("50% of the traffic"), "{}", out.stderr);
        assert_eq!(weights(&target), [json!(1), json!(0)]);
    }
}

#[test]
fn a_plan_changes_nothing() {
    let target = target();
    let before = route(&target);
    let out = target.run(&[
        "route", "shift", "reviews", "--to", "v2", "--step", "30", "--plan",
    ]);
    insta::assert_snapshot!(out.shown());
    assert_eq!(route(&target), before);
}

#[test]
fn what_cannot_be_shifted_is_refused_and_nothing_is_written() {
    let target = target();
    let before = route(&target);
    let check = |args: &[&str], words: &[&str]| {
        let mut all = vec!["route", "shift"];
        all.extend(args);
        let out = target.run(&all);
        assert_eq!((out.code, &*out.stdout), (2, ""), "{}", out.shown());
        for part in words {
            assert!(
                out.stderr.contains(part),
                "`{part}` is missing: {}",
                out.stderr
            );
        }
        assert_eq!(route(&target), before);
    };
    check(
        &["ratings", "--to", "v2"],
        &["no route governs the Service shop/ratings"],
    );
    check(
        &["reviews", "--to", "v3"],
        &["has a backend `v3`", "reviews-v1, reviews-v2"],
    );
    check(
        &["reviews", "--to", "v1"],
        &["stands beside no other backend that gets traffic"],
    );
    check(
        &["reviews", "--to", "v2"],
        &["there are no metrics to watch", "svc/NAMESPACE/NAME"],
    );
    check(
        &["reviews", "--to", "v2", "--step", "0"],
        &["a step of 0 % never arrives"],
    );
    check(
        &["reviews", "--to", "v2", "--abort-on", "success>1%"],
        &["is no trouble"],
    );
    check(
        &["reviews", "--resume"],
        &["no shift of shop/reviews is under way"],
    );
    check(&["reviews"], &["--to <VERSION>"]);
    check(
        &["other/reviews", "--to", "v2", "-n", "shop"],
        &["in the namespace other", "-n says shop"],
    );
}

#[test]
fn a_route_that_a_controller_looks_after_needs_force() {
    let target = Target::new();
    target.store(&ROUTE.replace("{team: a}", "{team: a, argocd.argoproj.io/tracking-id: x}"));
    let out = shift(&target, &good(), &quick("success<99%", &[]));
    assert_eq!(out.code, 2, "{}", out.shown());
    assert!(
        out.stderr.contains("looked after by Argo CD"),
        "{}",
        out.stderr
    );
    assert_eq!(weights(&target), [json!(1), json!(0)]);
    let out = shift(&target, &good(), &quick("success<99%", &["--force"]));
    assert_eq!(out.code, 0, "{}", out.shown());
}

#[test]
fn a_change_at_the_same_time_is_read_and_decided_again() {
    let target = own();
    target.api().fail(Fault::new("PATCH", 3, What::Race));
    let out = shift(&target, &good(), &quick("success<99%", &[]));
    assert_eq!(out.code, 0, "{}", out.shown());
    let labels = &route(&target)["metadata"]["labels"];
    assert!(
        labels["touched"].is_string(),
        "the other's change is still there: {labels}"
    );
}

#[test]
fn an_api_server_that_goes_away_for_a_while_does_not_end_a_shift() {
    let target = own();
    target.api().fail(Fault::status("PATCH", 5, 503, Some(0)));
    let out = shift(&target, &good(), &quick("success<99%", &[]));
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(out.stderr.contains("trying again"), "{}", out.stderr);
}

#[test]
fn ctrl_c_without_a_terminal_gives_the_traffic_back() {
    let target = target();
    let prometheus = good().url();
    let args = [
        "route",
        "shift",
        "reviews",
        "--to",
        "v2",
        "--prometheus",
        &prometheus,
    ];
    let shift = target.spawn(&args);
    let began = std::time::Instant::now();
    while note(&target).is_none() {
        assert!(began.elapsed().as_secs() < 20, "it does not begin");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let id = shift.id().to_string();
    let kill = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(kill.unwrap().success());
    let out = shift.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(
        said.contains("has 0% of the traffic again: it was asked for"),
        "{said}"
    );
    assert_eq!(weights(&target), [json!(1), json!(0)]);
    assert_eq!(note(&target), None);
}

/// A shift that was killed in its second step, a long time ago or not.
fn interrupted(deadline: &str) -> Target {
    let note = json!({
        "form": 1, "service": "reviews", "to": "reviews-v2", "from": 0,
        "steps": [25, 50, 75, 100], "every": "600ms", "abortOn": ["success<99%"],
        "minSamples": 100, "patience": "1s", "began": "2026-01-01T00:00:00Z",
        "deadline": deadline, "step": 1, "since": "2026-01-01T00:00:10Z",
        "before": {"1": [1, 0]}, "now": {"1": [50, 50]},
    });
    let target = target();
    let mut rules = route(&target)["spec"]["rules"].clone();
    for backend in 0..2 {
        rules[1]["backendRefs"][backend]["weight"] = json!(50);
    }
    let path = target.path("gateway.networking.k8s.io/v1", "httproutes", "reviews");
    target.apply(
        &path,
        &json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "reviews", "annotations": {"meshctl.dev/shift": note.to_string()}},
            "spec": {"rules": rules},
        }),
    );
    target
}

#[test]
fn an_interrupted_shift_is_resumed() {
    let target = interrupted("2100-01-01T00:00:00Z");
    let out = shift(&target, &good(), &quick("success<99%", &[]));
    assert_eq!(out.code, 2, "a second one does not begin: {}", out.shown());
    assert!(out.stderr.contains("is under way"), "{}", out.stderr);
    let out = shift(&target, &good(), &["--resume"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(out.stderr.contains("resuming at 50%"), "{}", out.stderr);
    assert_eq!(weights(&target), [json!(0), json!(100)]);
    assert_eq!(note(&target), None);
}

#[test]
fn an_abandoned_shift_is_found_and_given_back() {
    let target = interrupted("2026-01-02T00:00:00Z");
    let out = target.run(&["check", "-o", "short"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    for part in [
        "the shift of HTTPRoute shop/reviews to reviews-v2 goes on",
        "--return",
    ] {
        assert!(out.stdout.contains(part), "{}", out.stdout);
    }
    let out = target.run(&["route", "shift", "reviews", "--return"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert_eq!(weights(&target), [json!(1), json!(0)]);
    assert_eq!(note(&target), None);
}

#[test]
fn weights_that_somebody_else_changed_are_left_alone() {
    let target = interrupted("2100-01-01T00:00:00Z");
    let path = target.path("gateway.networking.k8s.io/v1", "httproutes", "reviews");
    let mut rules = route(&target)["spec"]["rules"].clone();
    rules[1]["backendRefs"][0]["weight"] = json!(77);
    target.merge(&path, json!({"spec": {"rules": rules}}));
    let out = shift(&target, &good(), &["--resume"]);
    assert_eq!(out.code, 2, "{}", out.shown());
    assert!(
        out.stderr.contains("somebody else changed the weights"),
        "{}",
        out.stderr
    );
    assert_eq!(weights(&target), [json!(77), json!(50)]);
}

#[test]
fn a_prometheus_that_fails_lies_or_is_slow_advances_nothing() {
    let broken = |code: u16, body: &str| Reply::Body(code, body.to_owned());
    let number = |text: &str| {
        let value = json!([1.5, text]);
        let data = json!({"resultType": "vector", "result": [{"metric": {}, "value": value}]});
        broken(200, &json!({"status": "success", "data": data}).to_string())
    };
    let refusal = r#"{"status":"error","errorType":"execution","error":"query timed out"}"#;
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"1"]}}"#;
    let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let target = target();
    for (reply, words) in [
        (
            broken(503, refusal),
            "Prometheus refuses the query: query timed out",
        ),
        (broken(502, "<html>Bad Gateway"), "answers 502"),
        (
            broken(200, "<html>welcome"),
            "answers no JSON of Prometheus",
        ),
        (broken(200, scalar), "answers no JSON of Prometheus"),
        (broken(200, empty), "there are no metrics"),
        (number("NaN"), "there are no metrics"),
        (number("+Inf"), "there are no metrics"),
        (
            Reply::Slow(std::time::Duration::from_secs(9)),
            "did not answer within 1s",
        ),
    ] {
        let prometheus = Prometheus::replying(move |_| reply.clone());
        let out = shift(
            &target,
            &prometheus,
            &quick("success<99%", &["--metrics", "istio"]),
        );
        assert_eq!(out.code, 1, "{words}: {}", out.shown());
        assert!(out.shown().contains(words), "`{words}`: {}", out.shown());
        assert!(!out.stderr.contains("50% of the traffic"), "{}", out.stderr);
        assert_eq!(weights(&target), [json!(1), json!(0)]);
    }
}

#[test]
fn a_prometheus_in_the_cluster_is_asked_through_the_api_server() {
    // There is none in a real one.
    let target = own();
    let there = ["--prometheus", "svc/shop/prometheus:9090"];
    let args = quick("success<99%", &there);
    let shift = || target.run(&[&["route", "shift", "reviews"], &args[..]].concat());
    let out = shift();
    assert_eq!(out.code, 1, "{}", out.shown());
    assert!(
        out.stderr.contains("is not available (503)"),
        "{}",
        out.stderr
    );
    let prometheus = good();
    target.api().proxy_to(prometheus.address());
    let out = shift();
    assert_eq!(out.code, 0, "{}", out.shown());
    assert_eq!(out.stdout, "reviews-v2 has 100% of the traffic\n");
}
