//! Manifests in the style of public demos, written without a thought of this program.

use super::in_repository;
use crate::common::{Place, repository};

/// Simulates `tests/data/strangers/NAME.yaml` and gives the report as JSON.
#[track_caller]
fn report(name: &str) -> serde_json::Value {
    let path = format!("tests/data/strangers/{name}.yaml");
    let out = in_repository(&["-f", &path, "-o", "json", "--duration", "10s"]);
    assert_eq!(out.code, 0, "{}", out.stderr);
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(report["verdict"], "not-tested");
    assert!(
        report["inputs"]["assumed"]
            .as_array()
            .is_some_and(|a| a.len() > 10)
    );
    report
}

/// Which Services got requests.
fn services(report: &serde_json::Value) -> Vec<String> {
    let rows = report["totals"]["services"].as_array().unwrap();
    rows.iter()
        .map(|r| r["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn addresses_in_the_environment_make_the_call_graph() {
    let report = report("boutique");
    let called = services(&report);
    for service in [
        "goods:3550",
        "till:5050",
        "card:50051",
        "mailer:8080",
        "parcels:50052",
    ] {
        let named = called.iter().any(|s| s.ends_with(service));
        assert!(named, "{service} got no request: {called:?}");
    }
    let text = report["inputs"]["assumed"].to_string();
    assert!(
        text.contains("boutique.yaml:"),
        "guesses name the lines they come from"
    );
}

#[test]
fn without_addresses_every_service_gets_a_gentle_load() {
    let report = report("library");
    let loads = report["loads"].as_array().unwrap();
    let names: Vec<_> = loads.iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["details", "page", "ratings", "reviews"]);
}

#[test]
fn platforms_run_and_say_what_is_left_out() {
    let report = report("platform");
    assert!(
        services(&report).iter().any(|s| s == "data/accounts:8080"),
        "from a config map"
    );
    let left_out = report["not_modelled"].to_string();
    for what in ["CronJob data/report", "data/postgres", "front/sessions"] {
        assert!(left_out.contains(what), "{what}: {left_out}");
    }
}

#[test]
fn init_writes_a_scenario_that_runs() {
    for name in ["boutique", "library", "platform"] {
        let manifests = repository("tests/data/strangers").join(format!("{name}.yaml"));
        let place = Place::new();
        let init = place.run(&["simulate", "init", "-f", manifests.to_str().unwrap()]);
        assert_eq!(init.code, 0, "{}", init.shown());
        assert!(
            init.stdout.starts_with('#'),
            "it explains itself:\n{}",
            init.stdout
        );
        place.file("scenario.yaml", &init.stdout);
        let out = place.run(&["simulate", "scenario.yaml", "--set", "duration=8s"]);
        assert_eq!(out.code, 0, "{}", out.shown());
    }
}

/// What was measured, without what tells the two ways of asking apart.
fn measured(out: &str) -> [serde_json::Value; 3] {
    let report: serde_json::Value = serde_json::from_str(out).unwrap();
    ["trace_hash", "loads", "totals"].map(|part| report[part].clone())
}

#[test]
fn a_scenario_that_was_written_out_gives_the_same_result() {
    let place = Place::new();
    for name in ["ballot.yaml", "cluster.json"] {
        let text = std::fs::read_to_string(repository("tests/data/strangers").join(name));
        place.file(&format!("deploy/below/{name}"), text.unwrap());
    }
    let files = ["-f", "deploy", "-R"];
    let init = place.run(&[&["simulate", "init"], &files[..]].concat());
    assert_eq!(init.code, 0, "{}", init.shown());
    place.file("s.yaml", &init.stdout);
    let set = ["--set", "duration=10s", "-o", "json"];
    let derived = place.run(&[&["simulate"], &files[..], &set[..]].concat());
    let written = place.run(&[&["simulate", "s.yaml"], &set[..]].concat());
    assert_eq!(derived.code, 0, "{}", derived.shown());
    assert_eq!(written.code, 0, "{}", written.shown());
    assert_eq!(measured(&derived.stdout), measured(&written.stdout));
}

#[test]
fn lines_end_as_on_windows_and_files_begin_with_a_mark() {
    let path = repository("tests/data/strangers/ballot.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let place = Place::new();
    let run = |text: &str| {
        place.file("m.yaml", text);
        let out = place.run(&["simulate", "-f", "m.yaml", "-o", "json", "--duration", "6s"]);
        assert_eq!(out.code, 0, "{}", out.shown());
        out.stdout
    };
    let usual = run(&text);
    assert_eq!(usual, run(&text.replace('\n', "\r\n")));
    assert_eq!(usual, run(&format!("\u{feff}{text}")));
}
