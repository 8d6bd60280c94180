//! `meshctl top --once`, `stat` and `edges` as a script sees them. The screen itself is tested where
//! it is drawn, and in a real terminal in `tests/top.rs`.

mod numbers;

use serde_json::Value;

use crate::common::{Output, Place, repository};

const RUN: &str = "tests/data/top/breaker.jsonl";

fn here() -> Place {
    Place::at(repository(""))
}

fn json(out: &Output) -> Value {
    assert_eq!(out.code, 0, "{}", out.stderr);
    serde_json::from_str(&out.stdout).unwrap()
}

#[test]
fn a_table_of_services_with_troubles_first() {
    let out = here().run(&["top", "--once", "--replay", RUN]);
    insta::assert_snapshot!(out.shown());
}

#[test]
fn endpoints_say_why_they_get_no_traffic() {
    let out = here().run(&[
        "stat",
        "endpoints",
        "--failing",
        "-o",
        "wide",
        "--replay",
        RUN,
    ]);
    insta::assert_snapshot!(out.shown());
}

#[test]
fn routes_stand_above_their_backends() {
    let out = here().run(&["stat", "routes", "-n", "pay", "--replay", RUN]);
    insta::assert_snapshot!(out.shown());
}

#[test]
fn edges_say_who_calls_whom_and_how_protected() {
    let out = here().run(&[
        "edges", "--filter", "fraud", "--sort", "RPS", "--replay", RUN,
    ]);
    insta::assert_snapshot!(out.shown());
}

#[test]
fn every_kind_has_every_format() {
    for kind in [
        "services",
        "routes",
        "backends",
        "endpoints",
        "edges",
        "events",
    ] {
        let run = |format| here().run(&["stat", kind, "--replay", RUN, "-o", format]);
        let document = json(&run("json"));
        let rows = document[kind].as_array().unwrap();
        assert!(!rows.is_empty(), "{kind}");
        let yaml: Value = serde_yaml::from_str(&run("yaml").stdout).unwrap();
        assert_eq!(yaml[kind].as_array().unwrap().len(), rows.len(), "{kind}");
        let lines = run("table").stdout.lines().count();
        assert!(lines > rows.len(), "{kind}: a head and a line each");
        let (table, wide) = (run("table").stdout, run("wide").stdout);
        assert!(wide.lines().next().unwrap().len() >= table.lines().next().unwrap().len());
    }
}

#[test]
fn a_smaller_window_is_the_end_of_the_recording() {
    let seen = |window| {
        let args = ["stat", "--replay", RUN, "-o", "json", "--window", window];
        json(&here().run(&args))["sources"][0]["window_s"]
            .as_f64()
            .unwrap()
    };
    assert_eq!(seen("3s"), 3.0);
    assert!(seen("all") > 3.0);
}

/// What a user sees who gives something wrong: the file and line, the cause, a remedy.
#[test]
fn what_is_wrong_is_said_with_its_remedy() {
    let place = Place::new();
    place
        .file("bad.jsonl", "{\"at_ns\": 1}\nnot a frame\n")
        .file("empty.jsonl", "");
    let mut text = String::new();
    for args in [
        &["top", "--once", "--replay", "bad.jsonl"][..],
        &["top", "--once", "--replay", "empty.jsonl"],
        &["top", "--once", "--replay", "missing.jsonl"],
        &["top", "--replay", "bad.jsonl"],
        &["stat", "--proxy", "127.0.0.1:1"],
        &["stat", "--replay", "bad.jsonl", "--proxy", "127.0.0.1:1"],
        &["stat", "--window", "10ms"],
        &["top", "-o", "json"],
        &["top", "--replay", "x", "--speed", "0"],
    ] {
        let out = place.run(args);
        assert_eq!((out.code, &*out.stdout), (2, ""), "{args:?}");
        text.push_str(&format!("$ meshctl {}\n{}\n", args.join(" "), out.stderr));
    }
    let run = repository(RUN);
    let out = place.run(&["stat", "--sort", "p98", "--replay", run.to_str().unwrap()]);
    text.push_str(&format!("$ meshctl stat --sort p98\n{}", out.stderr));
    insta::assert_snapshot!(text);
}
