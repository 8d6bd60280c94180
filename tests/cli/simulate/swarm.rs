//! `simulate --swarm`.

use crate::common::{Output, Place, refused};

use super::{APP, SCENARIO};

/// With outlier detection that ejects for half a minute.
const EJECTS: &str = "\
---
apiVersion: meshctl.dev/v1alpha1
kind: BackendPolicy
metadata: {name: web, namespace: shop}
spec:
  targetRefs: [{group: \"\", kind: Service, name: web}]
  panicThresholdPercent: 0
  outlierDetection:
    interval: 1s
    baseEjectionTime: 30s
    maxEjectionPercent: 100
    detectors: {consecutive5xx: {consecutive: 1}}
";

fn place() -> Place {
    let place = Place::new();
    let scenario = SCENARIO.replace("to: http", "from: shop/Deployment/caller, to: http");
    let caller = "---\napiVersion: apps/v1\nkind: Deployment\n\
        metadata: {name: caller, namespace: shop}\nspec:\n  \
        selector: {matchLabels: {app: caller}}\n  template:\n    \
        metadata: {labels: {app: caller}}\n    \
        spec: {containers: [{name: app, image: x}]}\n";
    place
        .file("app.yaml", format!("{APP}{caller}{EJECTS}"))
        .file("small.yaml", scenario);
    place
}

fn swarm(place: &Place, more: &[&str]) -> Output {
    let args = ["simulate", "small.yaml", "--swarm", "--level", "policy"];
    place.run(&[&args, more].concat())
}

#[test]
fn everything_comes_back_when_it_has_the_time() {
    let out = swarm(&place(), &["--seeds", "6"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    insta::assert_snapshot!(out.shown());
}

#[test]
fn what_does_not_come_back_in_time_is_told_with_its_faults_and_a_command() {
    let place = place();
    let args = ["--seed", "18", "--seeds", "3", "--recover", "1s"];
    let out = swarm(&place, &args);
    assert_eq!(out.code, 1, "{}", out.shown());
    insta::assert_snapshot!(out.shown());
    assert_eq!(
        swarm(&place, &args).stdout,
        out.stdout,
        "same seeds, same bytes"
    );

    let line = out
        .stdout
        .lines()
        .find_map(|l| l.trim().strip_prefix("repeat: meshctl "));
    let words: Vec<&str> = line.unwrap().split(' ').collect();
    let again = place.run(&words);
    assert_eq!(again.code, 1, "{}", again.shown());
}

#[test]
fn a_failing_draw_is_saved_as_a_scenario_that_fails_alike() {
    let place = place();
    let args = [
        "--seed",
        "18",
        "--seeds",
        "3",
        "--recover",
        "1s",
        "--save",
        "drawn.yaml",
    ];
    let out = swarm(&place, &args);
    assert_eq!(out.code, 1, "{}", out.shown());
    let text = place.read("drawn.yaml");
    let first = text.lines().next().unwrap();
    let seed = first.rsplit(' ').next().unwrap();
    assert_eq!(
        first,
        format!("# Fails with: meshctl simulate drawn.yaml --level policy --seed {seed}")
    );
    let args = [
        "simulate",
        "drawn.yaml",
        "--level",
        "policy",
        "--seed",
        seed,
    ];
    let again = place.run(&args);
    assert_eq!(again.code, 1, "{}", again.shown());
    assert!(
        again.stdout.contains("✗ ejections are over"),
        "{}",
        again.stdout
    );
}

#[test]
fn the_report_is_also_json() {
    let out = swarm(&place(), &["--seeds", "3", "--recover", "1s", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    let runs = report["runs"].as_array().unwrap();
    let seeds: Vec<_> = runs
        .iter()
        .map(|run| run["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, [1, 2, 3]);
    let failed = runs
        .iter()
        .find(|run| !run["failed"].as_array().unwrap().is_empty());
    assert_eq!(failed.is_some(), out.code == 1, "{}", out.shown());
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let place = place();
    refused(
        &place.run(&["simulate", "--swarm"]),
        &["nothing to simulate"],
    );
    refused(
        &swarm(&place, &["--set", "load[0].rate=1"]),
        &["nothing can be demanded", "at least 20 requests"],
    );
    refused(&swarm(&place, &["--shrink"]), &["--save FILE"]);
    refused(&swarm(&place, &["-o", "markdown"]), &["text or json"]);
    refused(
        &swarm(&place, &["--junit", "x.xml"]),
        &["cannot be used with"],
    );
    refused(
        &place.run(&["simulate", "small.yaml", "--recover", "1s"]),
        &["--swarm"],
    );
    refused(
        &place.run(&["simulate", "small.yaml", "--save", "x.yaml"]),
        &["--swarm or --shrink"],
    );
    refused(
        &swarm(&place, &["--max-wall", "1ms"]),
        &["cut short", "--max-wall"],
    );
}
