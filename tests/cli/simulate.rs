//! `meshctl simulate` as its user sees it.

use crate::common::{Output, Place, repository};

mod bad_input;
mod faces;
mod shrink;
mod strangers;
mod swarm;

/// One service with two replicas.
pub(crate) const APP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: x, ports: [{containerPort: 8080, name: http}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
";

/// A short scenario over [`APP`] with one expectation that holds.
pub(crate) const SCENARIO: &str = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata: {name: small}
spec:
  manifests: [app.yaml]
  duration: 6s
  warmup: 1s
  apps:
    - {workload: shop/Deployment/web, serviceTime: 2ms, errorRate: 0%}
  load:
    - {name: visit, to: http://web.shop/, rate: 20}
  expect:
    - {name: it works, metric: successRate, of: load/visit, op: '>=', value: 99%}
  counterChanges:
    - name: it fails
      set: {'apps[0].errorRate': 50%}
      fails: [it works]
";

/// A place with [`APP`] and [`SCENARIO`].
pub(crate) fn place() -> Place {
    let place = Place::new();
    place.file("app.yaml", APP).file("small.yaml", SCENARIO);
    place
}

/// Runs `meshctl simulate ARGS` in the repository.
pub(crate) fn in_repository(args: &[&str]) -> Output {
    let mut all = vec!["simulate"];
    all.extend(args);
    Place::at(repository("")).run(&all)
}

#[test]
fn a_scenario_that_holds_exits_0_and_one_that_does_not_exits_1() {
    let place = place();
    let good = place.run(&["simulate", "small.yaml"]);
    assert_eq!(good.code, 0, "{}", good.shown());
    assert!(
        good.stdout.starts_with("✓ small: passed\n"),
        "{}",
        good.stdout
    );
    assert_eq!(good.stderr, "");

    let bad = place.run(&["simulate", "small.yaml", "--counter", "it fails"]);
    assert_eq!(bad.code, 1, "{}", bad.shown());
    let replay = "meshctl simulate small.yaml --counter 'it fails' --seed 1 --seeds 1";
    assert!(bad.stdout.contains("✗ it works"), "{}", bad.stdout);
    assert!(bad.stdout.contains(replay), "{}", bad.stdout);
}

#[test]
fn the_replay_command_repeats_the_failure() {
    let place = place();
    let set = "apps[0].errorRate=50%";
    let many = place.run(&[
        "simulate",
        "small.yaml",
        "--set",
        set,
        "--seeds",
        "3",
        "--seed",
        "7",
    ]);
    assert_eq!(many.code, 1, "{}", many.shown());
    let line = many
        .stdout
        .lines()
        .find(|l| l.contains("meshctl simulate"))
        .unwrap();
    let command = &line[line.find("meshctl").unwrap()..];
    let words: Vec<&str> = command
        .split(' ')
        .skip(1)
        .map(|w| w.trim_matches('\''))
        .collect();
    let again = place.run(&words);
    assert_eq!(again.code, 1, "{}", again.shown());
    assert!(again.stdout.contains("seed 7"), "{}", again.stdout);
}

#[test]
fn a_scenario_without_expectations_is_not_tested() {
    let place = place();
    let out = place.run(&[
        "simulate",
        "small.yaml",
        "--set",
        "expect=[]",
        "--set",
        "counterChanges=[]",
    ]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(out.stdout.contains("not tested"), "{}", out.stdout);
}

#[test]
fn several_scenarios_run_together_and_the_worst_decides() {
    let place = place();
    let failing = SCENARIO
        .replace("name: small", "name: other")
        .replace("0%}", "60%}");
    place.file("other.yaml", failing);
    let out = place.run(&["simulate", "small.yaml", "other.yaml"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    assert!(out.stdout.contains("✓ small: passed"), "{}", out.stdout);
    assert!(out.stdout.contains("✗ other: failed"), "{}", out.stdout);
}

#[test]
fn manifests_come_from_standard_input() {
    let out = Place::new().run_with(&["simulate", "-f", "-", "--duration", "5s"], APP);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(out.stdout.contains("not tested"), "{}", out.stdout);
    assert!(out.stdout.contains("shop/Deployment/web"), "{}", out.stdout);
}

#[test]
fn a_run_that_is_cut_short_is_partial_and_proves_nothing() {
    let out = place().run(&["simulate", "small.yaml", "--max-wall", "1ms"]);
    assert_eq!(out.code, 2, "{}", out.shown());
    assert!(
        out.stdout.contains("PARTIAL: --max-wall 1ms has passed"),
        "{}",
        out.stdout
    );
    assert!(
        out.stdout.starts_with("· small: not tested\n"),
        "{}",
        out.stdout
    );
}

#[test]
fn no_assumptions_refuses_to_judge_by_guesses() {
    let out = place().run(&["simulate", "small.yaml", "--no-assumptions"]);
    assert_eq!(out.code, 2, "{}", out.shown());
    assert!(out.stderr.contains("`it works` rests on"), "{}", out.stderr);
}

#[test]
fn a_scenario_can_hold_its_manifests_itself() {
    let place = place();
    let documents = APP.split("---\n").map(|document| {
        let mut lines = document.lines();
        let first = format!("    - {}\n", lines.next().unwrap());
        let rest = lines.map(|line| format!("      {line}\n"));
        first + &rest.collect::<String>()
    });
    let objects = format!("  objects:\n{}", documents.collect::<String>());
    let whole = SCENARIO.replace("  manifests: [app.yaml]\n", &objects);
    place.file("whole.yaml", &whole);
    let out = place.run(&["simulate", "whole.yaml"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    // What is overridden there holds, as in a file.
    let none = place.run(&[
        "simulate",
        "whole.yaml",
        "--set",
        "objects[0].spec.replicas=0",
    ]);
    assert_eq!(none.code, 1, "{}", none.shown());
    place.file("wrong.yaml", whole.replace("replicas: 2", "replicas: two"));
    crate::common::refused(
        &place.run(&["simulate", "wrong.yaml"]),
        &["wrong.yaml:", "replicas"],
    );
}

#[test]
fn a_directory_called_init_is_not_the_subcommand() {
    let place = place();
    place.file("init", SCENARIO);
    let scenario = place.run(&["simulate", "./init"]);
    assert_eq!(scenario.code, 0, "{}", scenario.shown());
    let init = place.run(&["simulate", "init", "-f", "app.yaml"]);
    assert_eq!(init.code, 0, "{}", init.shown());
    assert!(init.stdout.contains("kind: Scenario"), "{}", init.stdout);
}
