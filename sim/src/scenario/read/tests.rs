use serde_json::json;

use super::*;
use crate::scenario::{Distribution, Span as Time};

const GOOD: &str = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata:
  name: good
spec:
  duration: 20s
  load:
    - name: browse
      to: http://web.shop/
      rate: 10
  expect:
    - name: served
      metric: successRate
      of: load/browse
      op: \">=\"
      value: 99%
  counterChanges:
    - name: less
      set: {\"load[browse].rate\": 0}
      fails: [served]
";

/// Reads and checks; the first finding as `LINE: message`.
#[track_caller]
fn check(text: &str, expected: &str) {
    let found = match read("s.yaml", text) {
        Ok(loaded) => loaded.check(None).into_iter().next(),
        Err(error) => Some(error),
    };
    let seen = found.map_or("fine".into(), |d| format!("{}: {}", d.line(), d.message));
    assert!(
        seen.starts_with(expected),
        "{seen:?} does not begin with {expected:?}"
    );
}

/// The good scenario with a line replaced.
fn with(line: &str, by: &str) -> String {
    assert!(GOOD.contains(line), "{line:?} is not in the scenario");
    GOOD.replacen(line, by, 1)
}

#[test]
fn a_good_scenario_is_fine() {
    check(GOOD, "fine");
}

#[test]
fn what_is_no_scenario_is_refused() {
    check("", "0: s.yaml is empty");
    check("apiVersion: v1\nkind: Service\n", "2: this is a Service");
    check(
        &format!("{GOOD}---\nkind: Service\n"),
        "22: a scenario file holds one",
    );
    check(&with("v1alpha1", "v9"), "1: ");
    check("- a\n", "1: ");
}

#[test]
fn a_wrong_value_is_refused_at_its_line() {
    check(&with("duration: 20s", "duration: 20"), "6: ");
    check(&with("duration: 20s", "durration: 20s"), "6: unknown field");
    check(&with("rate: 10", "rate: ten"), "10: ");
    check(&with("http://web.shop/", "web.shop"), "9: ");
    check(&with("of: load/browse", "of: browse"), "14: ");
    check(&with("metric: successRate", "metric: successrate"), "13: ");
    check(&with("op: \">=\"", "op: \"=>\""), "15: ");
    check(&with("value: 99%", "value: lots"), "16: ");
}

#[test]
fn values_that_do_not_fit_together_are_found_at_their_line() {
    check(
        &with("of: load/browse", "of: load/buy"),
        "14: no load is called `buy`",
    );
    check(
        &with("value: 99%", "value: 99"),
        "16: `successRate` is a share",
    );
    check(
        &with("fails: [served]", "fails: [else]"),
        "20: no expectation is called `else`",
    );
    check(&with("rate: 10", "thinkTime: 1s"), "8: a load has either");
}

#[test]
fn the_name_is_the_files_when_the_scenario_has_none() {
    let text = with("metadata:\n  name: good\n", "");
    let loaded = read("dir/canary_bad.yaml", &text).unwrap();
    assert_eq!(loaded.scenario.metadata.name, "canary_bad");
}

#[test]
fn values_are_overridden_below_spec() {
    let loaded = read("s.yaml", GOOD).unwrap();
    let sets = [
        ("load[0].rate", json!(20)),
        ("network.latency", json!("2ms")),
        ("duration", json!("40s")),
    ];
    let over = loaded
        .with(sets.iter().map(|(path, value)| (*path, value)))
        .unwrap();
    assert_eq!(over.spec().load[0].rate, Some(20.0));
    assert_eq!(
        over.spec().network.latency,
        Some(Distribution::Constant(Time::from_millis(2)))
    );
    assert_eq!(over.spec().duration, Time::from_secs(40));
    assert_eq!(loaded.place("load[0].rate").as_deref(), Some("s.yaml:10"));
    assert_eq!(
        over.place("load[0].rate"),
        None,
        "it does not stand in the file any more"
    );
}

#[test]
fn an_override_that_cannot_be_says_which() {
    let loaded = read("s.yaml", GOOD).unwrap();
    let error = |path: &str, value: Value| {
        loaded
            .with([(path, &value)])
            .map(|_| ())
            .unwrap_err()
            .message
    };
    assert!(error("load[9].rate", json!(1)).contains("no element [9]"));
    assert!(error("load[0].rat", json!(1)).contains("`load[0].rat` cannot be 1"));
    assert!(error("duration", json!(5)).contains("`duration` cannot be 5"));
    assert!(error("..", json!(5)).contains("not a path"));
}

#[test]
fn the_values_of_overrides_are_yaml() {
    assert_eq!(value("5").unwrap(), json!(5));
    assert_eq!(value("10%").unwrap(), json!("10%"));
    assert_eq!(
        value("{constant: 5ms}").unwrap(),
        json!({"constant": "5ms"})
    );
    assert_eq!(value("").unwrap(), Value::Null);
    assert!(value("[1").is_err());
}

#[test]
fn a_counter_change_changes_the_scenario() {
    let loaded = read("s.yaml", GOOD).unwrap();
    let change = loaded.spec().counter_changes[0].clone();
    assert_eq!(
        loaded.under(&change).unwrap().spec().load[0].rate,
        Some(0.0)
    );
}

#[test]
fn a_manifest_change_removes_and_sets() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n\
                spec: {ports: [{port: 80}]}\n";
    let resources = || model::resource::read("m.yaml", text).resources;
    let change =
        |json: Value| -> crate::scenario::ManifestChange { serde_json::from_value(json).unwrap() };
    let gone = change(json!({"remove": ["Service/shop/web"]}))
        .apply(resources())
        .unwrap();
    assert!(gone.is_empty());
    let set = json!({"set": {"Service/shop/web": {"spec.ports[0].port": 81}}});
    let changed = change(set).apply(resources()).unwrap();
    let model::resource::Spec::Service(service) = &changed[0].spec else {
        panic!("not a Service any more");
    };
    assert_eq!(service.ports[0].port.get(), 81);
    let refused = json!({"set": {"Service/shop/web": {"spec.ports[0].port": -1}}});
    assert!(change(refused).apply(resources()).is_err());
    let absent = json!({"remove": ["Service/shop/other"]});
    assert!(change(absent).apply(resources()).is_err());
}

#[test]
fn every_scenario_of_the_repository_reads() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.display().to_string();
        let loaded = read(&name, &text).unwrap_or_else(|e| panic!("{e}"));
        let mut resources = Vec::new();
        for manifests in &loaded.spec().manifests {
            resources.extend(resources_of(&path.with_file_name(manifests)));
        }
        let known = Known::of(&resources);
        let found: Vec<_> = loaded
            .check(Some(&known))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(found.is_empty(), "{found:#?}");
        for change in &loaded.spec().counter_changes {
            let under = loaded
                .under(change)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(under.check(None).is_empty(), "{name}: {}", change.name);
            change
                .manifests
                .apply(resources.clone())
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

fn resources_of(path: &std::path::Path) -> Vec<model::resource::Resource> {
    if path.is_dir() {
        let mut files: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        files.sort();
        return files.iter().flat_map(|file| resources_of(file)).collect();
    }
    let text = std::fs::read_to_string(path).unwrap();
    model::resource::read(&path.display().to_string(), &text).resources
}
