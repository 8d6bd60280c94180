use std::sync::OnceLock;

use model::resource::read;
use serde_json::json;

use super::*;
use crate::policy;
use crate::run::{self, Inputs, Options};
use crate::scenario::{Action, validate};

const RECOVER: Duration = Duration::from_secs(2);

fn manifests() -> Vec<Resource> {
    let text = include_str!("tests/mesh.yaml");
    let reading = read("mesh.yaml", text);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    reading.resources
}

fn scenario(error_rate: &str) -> Scenario {
    serde_json::from_value(json!({
        "apiVersion": "sim.meshctl.dev/v1alpha1", "kind": "Scenario",
        "metadata": {"name": "small"},
        "spec": {
            "duration": "20s",
            "network": {"zones": [{"name": "a"}, {"name": "b"}]},
            "apps": [
                {"workload": "shop/Deployment/web", "serviceTime": "1ms",
                 "calls": [{"to": "http://api/", "timeout": "1s"}]},
                {"workload": "shop/Deployment/api", "serviceTime": "2ms",
                 "errorRate": error_rate},
            ],
            "load": [{"name": "visit", "to": "http://web.shop/", "rate": 20,
                      "timeout": "2s"}],
        }
    }))
    .unwrap()
}

fn prepared(error_rate: &str, level: Level) -> Swarm {
    let base = scenario(error_rate);
    let times = Times::new(base.spec.duration.0, RECOVER);
    let calm = calm(&base, times);
    let resources = manifests();
    let inputs = Inputs {
        spec: &calm.spec,
        resources: &resources,
        applied: BTreeMap::new(),
        seed: 1,
        options: Options {
            level,
            ..Options::default()
        },
    };
    let seen = run::run(&inputs, &mut |_| Ok(())).unwrap();
    assert_eq!(seen.breaches, []);
    Swarm::new(calm, times, &resources, &seen, level)
}

/// Prepared once: the draws are what is tested.
fn swarm() -> &'static Swarm {
    static SWARM: OnceLock<Swarm> = OnceLock::new();
    SWARM.get_or_init(|| prepared("0%", Level::Wire))
}

#[test]
fn the_same_seed_draws_the_same_and_another_one_something_else() {
    let drawn = |seed| serde_json::to_string(&swarm().draw(seed).scenario).unwrap();
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
}

#[test]
fn every_drawn_scenario_is_one_that_can_run() {
    let known = Known::of(&manifests());
    for seed in 0..300 {
        let spec = swarm().draw(seed).scenario.spec;
        let problems = validate::validate(&spec, Some(&known));
        assert_eq!(problems, [], "seed {seed}");
        let read = bundle::unbundle(&spec, &str::to_owned);
        assert!(read.is_ok(), "seed {seed}: {read:?}");
    }
}

#[test]
fn all_faults_are_over_when_they_have_to_be() {
    let times = swarm().times();
    for seed in 0..300 {
        for event in swarm().draw(seed).scenario.spec.events {
            let end = event.at.0 + event.lasts.map_or(Duration::ZERO, |l| l.0);
            assert!(event.at.0 >= times.warmup, "seed {seed}: {event:?}");
            assert!(end <= times.healed, "seed {seed}: {event:?}");
            let goes_on = event.action().is_some_and(|a| a.lasts());
            assert_eq!(goes_on, event.lasts.is_some(), "seed {seed}: {event:?}");
        }
    }
}

/// What was scaled is as large as before in the end, and what was deleted is there again.
#[test]
fn changes_are_taken_back() {
    for seed in 0..300 {
        let mut replicas = BTreeMap::new();
        let mut deleted: Vec<String> = Vec::new();
        for event in &swarm().draw(seed).scenario.spec.events {
            match event.action() {
                Some(Action::Scale(scale)) => {
                    replicas.insert(scale.target.to_string(), scale.replicas);
                }
                Some(Action::Apply(apply)) => {
                    deleted.extend(apply.delete.iter().map(ToString::to_string));
                    for object in &apply.objects {
                        let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
                        let name = format!(
                            "{}/{}/{}",
                            text(&object["kind"]),
                            text(&object["metadata"]["namespace"]),
                            text(&object["metadata"]["name"])
                        );
                        deleted.retain(|d| *d != name);
                    }
                }
                _ => {}
            }
        }
        let expected = |name: &String| if name.ends_with("web") { 2 } else { 3 };
        assert!(replicas.iter().all(|(name, n)| *n == expected(name)));
        assert!(deleted.is_empty(), "seed {seed}: {deleted:?} stay away");
    }
}

#[test]
fn every_kind_of_fault_is_drawn_and_runs_leave_out_many() {
    let drawn: Vec<_> = (0..300).map(|seed| swarm().draw(seed)).collect();
    let all: BTreeSet<Kind> = drawn.iter().flat_map(|d| d.kinds.clone()).collect();
    assert_eq!(all, Kind::ALL.into_iter().collect());
    assert!(drawn.iter().all(|d| d.kinds.len() <= 8));
    let one = drawn.iter().filter(|d| d.kinds.len() == 1).count();
    assert!(one > 10, "{one} with one kind alone");
}

#[test]
fn the_policy_level_draws_what_it_can_show() {
    let swarm = prepared("0%", Level::Policy);
    for seed in 0..300 {
        let spec = swarm.draw(seed).scenario.spec;
        assert_eq!(policy::cannot_show(&spec), Vec::<String>::new(), "{seed}");
    }
}

#[test]
fn demanded_is_what_holds_without_faults() {
    let demands = |swarm: &Swarm| -> Vec<String> {
        let all = swarm.calm.spec.expect.iter();
        all.map(|e| format!("{}: {} {} {}", e.name, e.metric, e.op.as_str(), e.value))
            .collect()
    };
    assert_eq!(
        demands(swarm()),
        [
            "visit is served again: successRate >= 99%",
            "breakers are closed again: breakerOpen == 0",
            "ejections are over: ejected == 0",
            "no request is left: inFlight == 0",
            "no connection is left: connections == 0",
        ]
    );
    // One in five fails, whatever the faults: with chance it may be one in two.
    let worse = prepared("20%", Level::Policy);
    let served = &worse.calm.spec.expect[0];
    let least = served.value.in_unit(crate::scenario::expect::Unit::Share);
    assert!((0.4..0.75).contains(&least.unwrap()), "{served:?}");
}

#[test]
fn workloads_that_nobody_asks_are_left_in_peace() {
    let targets = swarm().targets.iter().map(|t| t.workload.to_string());
    assert_eq!(
        targets.collect::<Vec<_>>(),
        ["shop/Deployment/api", "shop/Deployment/web"]
    );
}
