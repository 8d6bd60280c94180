use core::time::Duration;
use std::collections::BTreeMap;

use model::resource::{Resource, read};
use serde_json::json;

use super::{Evidence, Inputs, Options, Progress, run, run_with_evidence};
use crate::crypto::Crypto;
use crate::record::Observations;
use crate::scenario::{Scenario, Spec};
use crate::story::Tell;

mod faults;

/// `web` calls `api`; both have Services.
fn manifests(replicas: u32) -> Vec<Resource> {
    speaking("http", replicas)
}

/// The same, with another protocol.
fn speaking(protocol: &str, replicas: u32) -> Vec<Resource> {
    let one = |name: &str, port: u16, replicas: u32| {
        format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - {{name: app, image: x, ports: [{{containerPort: {port}}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: {protocol}, port: 80, targetPort: {port}}}]
---
"
        )
    };
    resources(&(one("web", 8080, 1) + &one("api", 9090, replicas)))
}

fn resources(text: &str) -> Vec<Resource> {
    let reading = read("test.yaml", text);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    reading.resources
}

/// 100 requests/s from outside to `web`, which calls `api`, for ten seconds.
fn spec(more: serde_json::Value) -> Spec {
    let mut spec = json!({
        "duration": "10s",
        "apps": [
            {"workload": "shop/Deployment/web", "serviceTime": "1ms",
             "calls": [{"to": "http://api/"}]},
            {"workload": "shop/Deployment/api", "serviceTime": "2ms"},
        ],
        "load": [{"name": "browse", "to": "http://web.shop/", "rate": 100,
                  "arrival": "constant", "timeout": "2s"}],
    });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    let scenario = json!({
        "apiVersion": "sim.meshctl.dev/v1alpha1", "kind": "Scenario", "spec": spec
    });
    serde_json::from_value::<Scenario>(scenario).unwrap().spec
}

fn on(_: Progress) -> Result<(), String> {
    Ok(())
}

fn observe(spec: &Spec, manifests: &[Resource], options: Options) -> (Observations, Evidence) {
    let inputs = Inputs {
        spec,
        resources: manifests,
        applied: BTreeMap::new(),
        seed: 1,
        options,
    };
    let (seen, evidence) = run_with_evidence(&inputs, &mut on).unwrap();
    assert_eq!(seen.breaches, [], "invariants");
    let net = &evidence.net;
    let accounted = net.bytes_read + net.bytes_lost + net.bytes_under_way;
    assert_eq!(net.bytes_written, accounted, "bytes in = bytes out");
    (seen, evidence)
}

fn seen(more: serde_json::Value) -> Observations {
    observe(&spec(more), &manifests(3), Options::default()).0
}

/// Successes and failures of the loads in whole seconds `from..to`.
fn between(seen: &Observations, from: u64, to: u64) -> (u64, u64) {
    let slices = seen.slices(Duration::from_secs(from), Duration::from_secs(to));
    let sum = seen.loads[0].total(slices);
    (sum.success, sum.failure + sum.local_failure)
}

#[test]
fn requests_go_through_both_sidecars_with_mutual_tls() {
    let (seen, _) = observe(&spec(json!({})), &manifests(3), Options::default());
    let totals = seen.totals();
    assert_eq!(
        (totals.requests, totals.failure, totals.local_failure),
        (1_000, 0, 0)
    );
    // Both service times and the way there and back: loopback costs nothing.
    let p50 = totals.latency.quantile(0.5).unwrap();
    assert!((3_900..4_400).contains(&p50), "{p50} µs");
    let mut calls = engine::report::Frame::empty("sum");
    seen.frames.iter().for_each(|f| calls.merge(f));
    let api = calls
        .services
        .iter()
        .find(|(k, _)| &*k.service.service.name == "api")
        .unwrap();
    assert_eq!(api.1.success, 1_000);
    let mutual = |k: &engine::report::EdgeKey| k.tls == engine::report::Security::Mutual;
    let sent: u64 = calls
        .edges
        .iter()
        .filter(|(k, _)| mutual(k))
        .map(|(_, c)| c.requests)
        .sum();
    assert!(sent >= 1_000, "{:?}", calls.edges);
    assert_eq!(seen.frames.len(), 10);
}

/// A pod may be the endpoint of the Service that it calls: then its proxy is client and server.
#[test]
fn a_pod_that_calls_its_own_service_goes_through_its_own_inbound_side() {
    let load = json!([{"name": "self", "from": "shop/Deployment/api", "to": "http://api/",
                       "rate": 100, "arrival": "constant", "timeout": "2s"}]);
    for replicas in [1, 2] {
        let spec = spec(json!({"load": load.clone()}));
        let (seen, _) = observe(&spec, &manifests(replicas), Options::default());
        let totals = seen.totals();
        let ended = (totals.requests, totals.failure, totals.local_failure);
        assert_eq!(ended, (1_000, 0, 0), "{replicas} replicas");
        let mut all = engine::report::Frame::empty("sum");
        seen.frames.iter().for_each(|frame| all.merge(frame));
        let served = all.edges.iter().filter(|(edge, _)| {
            edge.side == engine::report::Side::Server
                && edge.tls == engine::report::Security::Mutual
        });
        let served: u64 = served.map(|(_, counters)| counters.requests).sum();
        assert_eq!(
            served, 1_000,
            "{replicas} replicas: with mutual TLS, however near"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let spec = spec(json!({"events": [
        {"at": "3s", "for": "2s", "crash": {"target": "shop/Deployment/api", "pods": 1}},
        {"at": "6s", "for": "1s", "pause": {"target": "shop/Deployment/api", "pods": 2}},
    ], "network": {"latency": {"lognormal": {"p50": "300us", "p99": "3ms"}}}}));
    let options = || Options {
        keep_trace: true,
        ..Options::default()
    };
    let (a, first) = observe(&spec, &manifests(3), options());
    let (b, second) = observe(&spec, &manifests(3), options());
    let differ = first
        .trace
        .iter()
        .zip(&second.trace)
        .position(|(a, b)| a != b);
    assert_eq!(
        differ,
        None,
        "first difference: {:?}",
        differ.map(|i| (first.trace[i], second.trace[i]))
    );
    assert_eq!(a.trace_hash, b.trace_hash);
    assert_eq!(a.frames, b.frames);
}

#[test]
fn a_pod_that_crashes_is_replaced_in_the_balancers() {
    let seen = seen(json!({"events": [
        {"at": "3s", "for": "4s", "crash": {"target": "shop/Deployment/api", "pods": 1}}]}));
    assert_eq!(between(&seen, 0, 3), (300, 0));
    let (good, _) = between(&seen, 3, 7);
    assert!(good > 380, "{good}");
    let (good, bad) = between(&seen, 8, 10);
    assert!(good >= 199 && bad == 0, "{good} {bad}");
    assert_eq!(seen.happenings.len(), 1);
}

#[test]
fn errors_and_slowness_of_applications_end_with_their_event() {
    let seen = seen(json!({"events": [
        {"at": "2s", "for": "2s", "error": {"target": "shop/Deployment/api", "status": 503}},
        {"at": "6s", "for": "2s", "slow": {"target": "shop/Deployment/api", "add": "100ms"}}]}));
    assert_eq!(between(&seen, 0, 2).1, 0);
    let (_, bad) = between(&seen, 2, 4);
    assert!(bad > 150, "{bad}");
    assert_eq!(between(&seen, 5, 10).1, 0);
    let slow = seen.loads[0].total(seen.slices(Duration::from_secs(6), Duration::from_secs(8)));
    assert!(slow.latency.quantile(0.5).unwrap() > 100_000);
}

#[test]
fn a_rolling_update_replaces_every_pod_without_a_failed_request() {
    let seen = seen(json!({"duration": "30s", "events": [
        {"at": "2s", "rollout": {"target": "shop/Deployment/api", "startupTime": "1s",
                                 "drain": "2s"}}]}));
    assert_eq!(seen.totals().success, 3_000, "{:?}", seen.totals());
    let api = seen
        .workloads
        .iter()
        .find(|w| w.workload == "shop/Deployment/api")
        .unwrap();
    assert_eq!(api.pods.len(), 6);
}

#[test]
fn scaling_to_nothing_fails_requests_and_back_heals() {
    let seen = seen(json!({"duration": "30s", "events": [
        {"at": "2s", "scale": {"target": "shop/Deployment/api", "replicas": 0}},
        {"at": "15s", "scale": {"target": "shop/Deployment/api", "replicas": 2}}]}));
    assert_eq!(between(&seen, 0, 2).1, 0);
    assert!(between(&seen, 9, 15).1 > 400, "{:?}", between(&seen, 9, 15));
    assert_eq!(between(&seen, 22, 30).1, 0);
}

#[test]
fn an_expired_certificate_is_refused_by_new_connections() {
    let seen = seen(json!({"events": [
        {"at": "2s", "for": "4s", "expireCertificates": {"target": "shop/Deployment/api"}},
        {"at": "3s", "reset": {"target": "shop/Deployment/api"}}]}));
    let (_, bad) = between(&seen, 3, 6);
    assert!(bad > 200, "{bad}");
    assert_eq!(between(&seen, 8, 10).1, 0);
}

#[test]
fn partitions_between_zones_hit_what_crosses_them() {
    let seen = seen(json!({
        "network": {"zones": [
            {"name": "a", "workloads": ["shop/Deployment/web"]},
            {"name": "b", "workloads": ["shop/Deployment/api"]}]},
        "events": [{"at": "3s", "for": "3s", "partition": {"from": "zone/a", "to": "zone/b"}}]}));
    assert_eq!(between(&seen, 0, 3).1, 0);
    assert!(between(&seen, 5, 6).0 == 0);
    assert!(between(&seen, 9, 10).0 > 90);
}

#[test]
fn applying_a_route_changes_what_happens_after_the_propagation() {
    let route = resources(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: api}]
  rules:
  - filters: [{type: RequestRedirect, requestRedirect: {hostname: example.org, statusCode: 302}}]
",
    );
    let spec = spec(json!({"events": [{"at": "4s", "apply": {"objects": []}}],
        "control": {"propagation": "1s"}}));
    let inputs = Inputs {
        spec: &spec,
        resources: &manifests(3),
        applied: BTreeMap::from([(0, route)]),
        seed: 1,
        options: Options::default(),
    };
    let seen = run(&inputs, &mut on).unwrap();
    let calls = |second: usize| {
        let mut rows = seen.frames[second].backends.iter();
        rows.find(|(k, _)| &*k.backend.service.name == "api")
            .map_or(0, |(_, r)| r.counters.requests)
    };
    assert!(calls(4) > 0 && calls(6) == 0, "{} {}", calls(4), calls(6));
}

#[test]
fn stories_tell_every_hop() {
    let options = Options {
        tell: Tell::First(2),
        ..Options::default()
    };
    let (seen, _) = observe(&spec(json!({})), &manifests(3), options);
    assert_eq!(seen.stories.len(), 2);
    // In at web, out at web, in at api.
    assert_eq!(seen.stories[0].hops.len(), 3, "{:#?}", seen.stories[0]);
}

#[test]
fn real_cryptography_gives_the_same_answers() {
    let options = Options {
        crypto: Crypto::Real,
        ..Options::default()
    };
    let spec = spec(json!({"duration": "2s"}));
    let (seen, _) = observe(&spec, &manifests(2), options);
    assert_eq!(seen.totals().success, 200);
}

#[test]
fn a_caller_that_does_not_go_on_gets_what_was_seen() {
    let spec = spec(json!({}));
    let inputs = Inputs {
        spec: &spec,
        resources: &manifests(1),
        applied: BTreeMap::new(),
        seed: 1,
        options: Options::default(),
    };
    let mut stop = |p: Progress| match p.at.as_secs() {
        0..3 => Ok(()),
        _ => Err("interrupted".to_owned()),
    };
    let seen = run(&inputs, &mut stop).unwrap();
    assert_eq!(seen.partial.as_deref(), Some("interrupted"));
    assert_eq!((seen.ended_at.as_secs(), seen.frames.len()), (3, 3));
}
