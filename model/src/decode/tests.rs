//! What a person reads when a value does not fit.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::yaml;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Thing {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    port: u16,
    #[serde(default)]
    weight: Option<i32>,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    ready: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    #[serde(rename = "type", default)]
    kind: Match,
    #[serde(default)]
    backend_refs: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
enum Match {
    #[default]
    Exact,
    PathPrefix,
}

fn read(text: &str) -> Result<Thing, Diagnostic> {
    let documents = yaml::read("t.yaml", text).unwrap();
    decode(&documents[0], &documents[0].root)
}

#[track_caller]
fn refuse(text: &str, line: &str, marked: &str) {
    let error = read(text).expect_err(text);
    assert_eq!(error.to_string(), line);
    let source = error.source.as_ref().unwrap();
    assert_eq!(source.slice(error.span), marked);
}

#[test]
fn nulls_are_absent_fields_and_empty_values() {
    let thing = read("name: a\nlabels:\nport:\nrules: ~\nweight: null\nready:").unwrap();
    let empty = read("name: a").unwrap();
    assert_eq!(thing, empty);
    let thing = read("name: a\nlabels: {x: }").unwrap();
    assert_eq!(thing.labels["x"], "");
    let thing = read("name: a\nrules: [{backendRefs: [~, b]}]").unwrap();
    assert_eq!(thing.rules[0].backend_refs, ["", "b"]);
}

#[test]
fn whole_floats_are_integers() {
    assert_eq!(
        read("name: a\nport: 80.0\nweight: 1e2").unwrap().weight,
        Some(100)
    );
}

#[test]
fn merged_and_aliased_fields_are_read() {
    let thing = read("name: a\nlabels: &l {a: b}\nrules: [{<<: {type: PathPrefix}}]").unwrap();
    assert_eq!(thing.rules[0].kind, Match::PathPrefix);
}

#[test]
fn wrong_types_say_what_is_there_what_is_wanted_and_what_to_do() {
    refuse(
        "name: on",
        "t.yaml:1:7: `name` is the boolean true, but a string is wanted (quote it: \"on\")",
        "on",
    );
    refuse(
        "name: a\nlabels:\n  v: 0644",
        "t.yaml:3:6: `labels.v` is the number 420, but a string is wanted (quote it: \"0644\")",
        "0644",
    );
    refuse(
        "name: a\nlabels:\n  app.io/v: 1",
        "t.yaml:3:13: `labels[\"app.io/v\"]` is the number 1, but a string is wanted \
         (quote it: \"1\")",
        "1",
    );
    refuse(
        "name: a\nweight: \"3\"",
        "t.yaml:2:9: `weight` is the string \"3\", but a whole number is wanted \
         (remove the quotes)",
        "\"3\"",
    );
    refuse(
        "name: a\nport: 70000",
        "t.yaml:2:7: `port` is the number 70000, but a whole number from 0 to 65535 is wanted",
        "70000",
    );
    refuse(
        "name: a\nport: -1",
        "t.yaml:2:7: `port` is the number -1, but a whole number from 0 to 65535 is wanted",
        "-1",
    );
    refuse(
        "name: a\nrules:\n  type: Exact\n  x: y",
        "t.yaml:3:3: `rules` is an object, but a list is wanted",
        "type: Exact",
    );
    refuse(
        "name: a\nrules:\n- 3",
        "t.yaml:3:3: `rules[0]` is the number 3, but an object is wanted",
        "3",
    );
    refuse(
        "name: [a]",
        "t.yaml:1:7: `name` is a list, but a string is wanted",
        "[a]",
    );
}

#[test]
fn unknown_fields_point_at_the_key_and_name_the_nearest() {
    let text = "name: a\nrules:\n- backendRef: [b]\n";
    refuse(
        text,
        "t.yaml:3:3: unknown field `rules[0].backendRef` \
         (fields allowed here: type, backendRefs)",
        "backendRef",
    );
    let error = read(text).unwrap_err();
    assert_eq!(error.label.as_deref(), Some("did you mean `backendRefs`?"));
    assert_eq!(read("name: a\nzzz: 1").unwrap_err().label, None);
}

#[test]
fn unknown_variants_and_missing_fields_are_named() {
    refuse(
        "name: a\nrules: [{type: pathPrefix}]",
        "t.yaml:2:16: `rules[0].type` has the value `pathPrefix`, which is not known \
         (values allowed here: Exact, PathPrefix)",
        "pathPrefix",
    );
    refuse("port: 1", "t.yaml:1:1: `name` is missing", "port: 1");
}

#[test]
fn errors_within_an_alias_point_at_the_anchored_value() {
    refuse(
        "labels: &l {a: on}\nname: *l",
        "t.yaml:1:16: `labels.a` is the boolean true, but a string is wanted (quote it: \"on\")",
        "on",
    );
}

#[test]
fn nearest_takes_few_errors_and_any_case() {
    let words = ["matches", "backendRefs", "filters"];
    for (written, expected) in [
        ("mathces", Some("matches")),
        ("match", Some("matches")),
        ("BACKENDREFS", Some("backendRefs")),
        ("filter", Some("filters")),
        ("timeout", None),
        ("", None),
    ] {
        assert_eq!(nearest(written, words), expected, "{written}");
    }
}
