//! JSON gets JSON: lines where there are lines, one line where there is one.

use super::*;
use crate::edit::Form;

const PRETTY: &str = r#"{
  "kind": "Pod",
  "metadata": {},
  "spec": {
    "containers": [
      {
        "name": "app",
        "ports": [80, 443]
      }
    ]
  }
}
"#;

#[test]
fn pretty_json_gets_pretty_lines() {
    let edits = [
        set("metadata.annotations.a/b", json!("on")),
        append(
            "spec.containers",
            json!({"name": "p", "args": ["x"], "env": []}),
        ),
        append("spec.containers[0].ports", json!(8080)),
        set("spec.new", json!({"a": "\u{e9}\n\"\\"})),
    ];
    check(
        PRETTY,
        &edits,
        r#"{
  "kind": "Pod",
  "metadata": {
    "annotations": {
      "a/b": "on"
    }
  },
  "spec": {
    "containers": [
      {
        "name": "app",
        "ports": [80, 443, 8080]
      },
      {
        "name": "p",
        "args": [
          "x"
        ],
        "env": []
      }
    ],
    "new": {
      "a": "é\n\"\\"
    }
  }
}
"#,
    );
}

#[test]
fn json_on_one_line_stays_on_it() {
    check(
        "{\"a\":{\"b\":[1,2]},\"c\":null}\n",
        &[
            append("a.b", json!({"x": 1, "y": "z"})),
            set("a.d", json!("e")),
            set("c.f", json!(1)),
        ],
        "{\"a\":{\"b\":[1,2,{\"x\":1,\"y\":\"z\"}],\"d\":\"e\"},\"c\":{\"f\":1}}\n",
    );
    check(
        "{\"a\": {\"b\": [1, 2]}}",
        &[prepend("a.b", json!({"x": 1, "y": "z"}))],
        "{\"a\": {\"b\": [{\"x\": 1, \"y\": \"z\"}, 1, 2]}}",
    );
    check(
        "{\"a\": {}}{\"b\": 1}",
        &[set("a.x", json!([]))],
        "{\"a\": {\"x\": []}}{\"b\": 1}",
    );
}

#[test]
fn tabs_and_line_ends_of_json_are_kept() {
    check(
        "{\r\n\t\"a\": {\r\n\t\t\"b\": 1\r\n\t}\r\n}",
        &[set("a.c", json!([1])), set("d", json!({"e": 1}))],
        "{\r\n\t\"a\": {\r\n\t\t\"b\": 1,\r\n\t\t\"c\": [\r\n\t\t\t1\r\n\t\t]\r\n\t},\r\n\t\"d\": {\r\n\t\t\"e\": 1\r\n\t}\r\n}",
    );
}

#[test]
fn json_values_change_and_go() {
    check(
        PRETTY,
        &[Edit::remove(at("kind"))],
        &PRETTY.replace("  \"kind\": \"Pod\",\n", ""),
    );
    check(
        PRETTY,
        &[set("kind", json!("x"))],
        &PRETTY.replace("\"Pod\"", "\"x\""),
    );
    check(
        PRETTY,
        &[Edit::remove(at("spec"))],
        "{\n  \"kind\": \"Pod\",\n  \"metadata\": {}\n}\n",
    );
    check(
        PRETTY,
        &[
            Edit::remove(at("metadata")),
            Edit::remove(at("spec")),
            set("x", json!(1)),
            set("y", json!(2)),
        ],
        "{\n  \"kind\": \"Pod\",\n  \"x\": 1,\n  \"y\": 2\n}\n",
    );
}

#[test]
fn a_form_of_yaml_comes_back_as_its_value_in_json() {
    let restore = |form: &str| Edit::restore(at("m"), Form::Empty(form.to_owned()));
    let cases = [
        ("", "null"),
        (" ~", "null"),
        (" # c\n  []", "[]"),
        (" !!seq []", "[]"),
        (" {}", "{}"),
        ("\n\t[\n\t]", "\n\t[\n\t]"),
    ];
    for (form, expected) in cases {
        let empty = if expected.contains('[') { "[]" } else { "{}" };
        let text = format!("{{\"m\": {empty}, \"n\": 1}}");
        let seen = edited(&text, &[restore(form)]).unwrap();
        let written: Value = serde_json::from_str(&seen).unwrap();
        let wanted: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(written["m"], wanted, "{form:?}: {seen}");
    }
    // The other way: lines behind tabs are nothing that YAML takes.
    let tabs = restore("\n\t[\n\t]");
    assert_eq!(edited("m: []\nn: 1\n", &[tabs]).unwrap(), "m: []\nn: 1\n");
}

#[test]
fn an_empty_list_of_lines_behind_tabs_comes_back() {
    let text = "{\n\t\"l\": [\n\t],\n\t\"m\": 1\n}\n";
    let form = Form::of(&yaml::read("t.json", text).unwrap()[0], &at("l"));
    let with = edited(text, &[append("l", json!({"name": "a"}))]).unwrap();
    let take = [Edit::remove(at("l[name=a]")), Edit::restore(at("l"), form)];
    assert_eq!(edited(&with, &take).unwrap(), text, "by way of {with}");
}
