//! What kubectl 1.32.4 answered to these texts (`kubectl label --local -o json`), and positions.

mod oracle;
mod positions;
mod random;

pub(crate) use random::{MANIFEST, mutated};

use serde_json::{Value, json};

use super::*;

/// The values of all documents, or the refusal's one line.
fn values(text: &str) -> Result<Vec<Value>, String> {
    let documents = read("t.yaml", text).map_err(|error| error.to_string())?;
    Ok(documents.iter().map(Document::to_json).collect())
}

#[track_caller]
fn check(text: &str, expected: Value) {
    assert_eq!(
        values(text).map(Value::Array),
        Ok(json!([expected])),
        "{text}"
    );
}

#[track_caller]
fn check_all(text: &str, expected: Value) {
    assert_eq!(values(text).map(Value::Array), Ok(expected), "{text}");
}

#[track_caller]
fn refuse(text: &str, message: &str) {
    let error = values(text).expect_err(text);
    assert!(error.contains(message), "{text:?} gives {error:?}");
}

/// Each scalar as an item of a list.
#[track_caller]
fn scalars(cases: &[(&str, Value)]) {
    for (text, expected) in cases {
        check(&format!("- {text}\n"), json!([expected]));
    }
}

#[test]
fn plain_words_are_yaml_1_1_booleans_and_nulls() {
    for text in [
        "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
    ] {
        scalars(&[(text, json!(true))]);
    }
    for text in [
        "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
    ] {
        scalars(&[(text, json!(false))]);
    }
    for text in ["", "~", "null", "Null", "NULL"] {
        scalars(&[(text, json!(null))]);
    }
    for text in [
        "yEs", "oN", "nULL", "tRUE", "yes.", "none", "'on'", "\"yes\"",
    ] {
        let string = text.trim_matches(['\'', '"']);
        scalars(&[(text, json!(string))]);
    }
}

#[test]
fn plain_numbers_follow_go() {
    scalars(&[
        ("0644", json!(420)),
        ("0o644", json!(420)),
        ("-0o17", json!(-15)),
        ("0b101", json!(5)),
        ("-0b11", json!(-3)),
        ("+0b1", json!(1)),
        ("0x1F", json!(31)),
        ("-0x1f", json!(-31)),
        ("1_000", json!(1000)),
        ("1__0", json!(10)),
        ("0_7", json!(7)),
        ("08", json!(8)),
        ("+12", json!(12)),
        ("1.0", json!(1)),
        ("1e3", json!(1000)),
        ("5.", json!(5)),
        (".5", json!(0.5)),
        ("-.5", json!(-0.5)),
        (".5e1", json!(5)),
        (".5_0", json!(0.5)),
        ("5_._0", json!(5)),
        ("1.5_0", json!(1.5)),
        ("1e21", json!(1e21)),
        ("1e-7", json!(1e-7)),
        ("9223372036854775807", json!(i64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("18446744073709551615", json!(u64::MAX)),
        ("99999999999999999999", json!(1e20)),
    ]);
}

#[test]
fn what_only_looks_like_a_number_is_a_string() {
    let texts = [
        "1e400",
        "12:30:45",
        "1:30",
        "2001-12-14",
        "2001-12-14T21:59:43Z",
        "_1",
        "._5",
        "1.2.3",
        "0x",
        "0b2",
        "0o8",
        "1e",
        "--1",
        "+-1",
        "+",
        ".",
        "..",
        "1.e",
        "0xg",
        "10Gi",
        "100m",
        "1_",
        "0b",
        "<<",
    ];
    for text in texts {
        if text != "1_" {
            scalars(&[(text, json!(text))]);
        }
    }
    scalars(&[("1_", json!(1))]);
}

#[test]
fn numbers_that_json_cannot_carry_are_refused() {
    for text in [".inf", "-.Inf", "+.INF", ".nan", "[.inf]"] {
        refuse(&format!("a: {text}"), "JSON cannot carry");
    }
}

#[test]
fn tags_decide_or_make_strings() {
    scalars(&[
        ("!!int \"5\"", json!(5)),
        ("!!str 5", json!("5")),
        ("!!str", json!("")),
        ("!foo x", json!("x")),
        ("!foo 5", json!("5")),
        ("! 5", json!("5")),
        ("!!float 5", json!(5)),
        ("!!binary aGVsbG8=", json!("hello")),
        ("!!binary /w==", json!("\u{FFFD}")),
        ("!<tag:yaml.org,2002:int> \"7\"", json!(7)),
        ("!!timestamp 2001-12-14", json!("2001-12-14")),
        ("!!bool yes", json!(true)),
        ("!!null ''", json!(null)),
        ("!!set {a, b}", json!({"a": null, "b": null})),
        ("!!omap [a: 1]", json!([{"a": 1}])),
    ]);
    refuse(
        "a: !!int abc",
        "t.yaml:1:10: `abc` is not a value of type `!!int`",
    );
    refuse("a: !!null x", "not a value of type `!!null`");
    refuse("a: !!bool 1", "not a value of type `!!bool`");
    refuse("a: !!timestamp x", "not a value of type `!!timestamp`");
    refuse(
        "a: !!float 18446744073709551615",
        "not a value of type `!!float`",
    );
    refuse("a: !!binary _w==", "not valid base64");
}

#[test]
fn keys_become_strings_as_go_prints_them() {
    check(
        "{yes: 1, 0x10: 2, 1.5: 3, 1e6: 4, 1234567.5: 5, 1e-5: 6, 0.0001: 7, 16777217.5: 8}\n"
            .replacen('{', "--- \n{", 1)
            .as_str(),
        json!({
            "true": 1, "16": 2, "1.5": 3, "1e+06": 4, "1.2345675e+06": 5, "1e-05": 6, "0.0001": 7,
            "1.6777218e+07": 8
        }),
    );
    check(
        "1.0: a\n.inf: b\n.5_0: c",
        json!({"1": "a", ".inf": "b", "0.5": "c"}),
    );
    refuse("~: 1", "a key is null");
    refuse("? [a]\n: 1", "a key is a list or an object");
    refuse("a: {{ .Values.x }}", "a key is a list or an object");
}

#[test]
fn the_last_of_equal_keys_wins() {
    check("a: 1\nb: 2\na: 3", json!({"a": 3, "b": 2}));
    check("on: 1\ntrue: 2", json!({"true": 2}));
}

#[test]
fn merge_keys_take_the_place_where_they_stand() {
    let base = "b: &b {a: 2, c: 3}\n";
    let check_m = |m: &str, expected: Value| {
        check(
            &format!("{base}m: {m}"),
            json!({"b": {"a": 2, "c": 3}, "m": expected}),
        );
    };
    check_m("{a: 1, <<: *b}", json!({"a": 2, "c": 3}));
    check_m("{<<: *b, a: 1}", json!({"a": 1, "c": 3}));
    check_m("{<<: [{a: 5}, {a: 6, z: 7}]}", json!({"a": 5, "z": 7}));
    check_m(
        "{<<: [*b, {a: 6, z: 7}], z: 8}",
        json!({"a": 2, "c": 3, "z": 8}),
    );
    check_m("{<<: {<<: *b, c: 4}}", json!({"a": 2, "c": 4}));
    check_m("{'<<': 1}", json!({"<<": 1}));
    for bad in ["3", "[3]", "null"] {
        refuse(&format!("a: {{<<: {bad}}}"), "`<<` merges an object");
    }
    refuse("x: &x [a]\n<<: *x", "`<<` merges an object");
}

#[test]
fn lookup_by_key_agrees_with_the_json() {
    let text = "b: &b {a: 2, c: 3}\nm: {a: 1, <<: [{c: 9}, *b], d: 4, d: 5}\n";
    let document = &read("t.yaml", text).unwrap()[0];
    let m = document.at(&[Step::Key("m")]).unwrap();
    let json = m.to_json();
    for (key, expected) in [("a", 2), ("c", 9), ("d", 5)] {
        assert_eq!(json[key], expected);
        assert_eq!(m.get(key).unwrap().to_json(), expected);
    }
    assert!(m.get("e").is_none());
}

#[test]
fn anchors_live_in_one_document() {
    check("a: &x [1]\nb: *x", json!({"a": [1], "b": [1]}));
    check("a: &x 1\nb: &x 2\nc: *x", json!({"a": 1, "b": 2, "c": 2}));
    check("? &k a\n: *k", json!({"a": "a"}));
    refuse(
        "a: &x 1\n---\nb: *x",
        "t.yaml:3:4: not valid YAML: unknown anchor",
    );
    refuse("a: &x [*x]", "the value of anchor `x` contains itself");
}

#[test]
fn documents_are_cut_at_dashes() {
    check_all("a: 1\n---\nb: 2\n", json!([{"a": 1}, {"b": 2}]));
    check_all(
        "---\n---\n# c\n---\nnull\n---\na: 1\n--- # x\na: 2\n---\n",
        json!([{"a": 1}, {"a": 2}]),
    );
    check_all("a: 1\n...\n---\nb: 2\n...\n", json!([{"a": 1}, {"b": 2}]));
    check_all("", json!([]));
    check_all("# only\n\n", json!([]));
    check_all(
        "a: 1\r\n---\r\nb: |\r\n  x\r\n  y\r\n",
        json!([{"a": 1}, {"b": "x\ny\n"}]),
    );
    check_all(
        "\u{FEFF}a: 1\n---\n\u{FEFF}b: 2",
        json!([{"a": 1}, {"b": 2}]),
    );
    check_all("\u{FEFF}---\na: 1", json!([{"a": 1}]));
    check("a: |\n  x\n  ---\n  y\n", json!({"a": "x\n---\ny\n"}));
    refuse("--- {a: 1}", "invalid document separator `---{a: 1}`");
    refuse("a: 1\n----\n", "t.yaml:2:1: invalid document separator");
    refuse("---a\n", "invalid document separator");
    refuse("a: 'x\n---\n  y'", "t.yaml:");
    refuse(
        "a: 1\n...\nb: 2\n",
        "t.yaml:3:1: kubectl ignores everything between `...`",
    );
}

#[test]
fn directives_are_refused() {
    for text in [
        "%YAML 1.2\n---\na: 1",
        "%YAML 1.1\n---\na: 1",
        "%TAG !e! tag:x\n---\na: 1",
    ] {
        refuse(
            text,
            "t.yaml:1:1: not valid YAML: a line that starts with `%`",
        );
    }
}

#[test]
fn block_scalars_end_with_their_line_break() {
    check("a: |\n  b", json!({"a": "b\n"}));
    check("a: |-\n  b", json!({"a": "b"}));
    check("a: |+\n  b\n\n\nc: 1", json!({"a": "b\n\n\n", "c": 1}));
    check("a: >\n  b\n  c\n\n  d\n", json!({"a": "b c\nd\n"}));
    check("a: |2\n    b\n", json!({"a": "  b\n"}));
}

#[test]
fn tabs_separate_but_do_not_indent() {
    check("a:\t1\nb:\t\"x\"", json!({"a": 1, "b": "x"}));
    refuse("a:\n\tb: 1", "t.yaml:2:");
}

#[test]
fn keys_end_within_1024_characters() {
    let long = "k".repeat(KEY_CHARS_MAX - 1);
    check(&format!("{long}: 1"), json!({ &long: 1 }));
    refuse(
        &format!("{}: 1", "k".repeat(KEY_CHARS_MAX + 1)),
        "t.yaml:1:",
    );
    let json_key = "k".repeat(5000);
    check(&format!("{{\"{json_key}\": 1}}"), json!({ &json_key: 1 }));
}

#[test]
fn json_texts_are_read_as_json() {
    check(
        "{\"a\": 1.0, \"a\": 2, \"b\":\t[true, null, \"\\u0041\\/\"]}",
        json!({"a": 2, "b": [true, null, "A/"]}),
    );
    check_all(
        "{\"a\": 1}\n{\"b\": 2} {\"c\": 3}",
        json!([{"a": 1}, {"b": 2}, {"c": 3}]),
    );
    check_all("{\"a\": 1}\n---\nb: on\n", json!([{"a": 1}, {"b": true}]));
    check_all("  \n\t{\n\t\"a\": 1\n\t}\n", json!([{"a": 1}]));
    check(
        "{\"a\": \"x\\ud83e\\udd80\u{2028}\"}",
        json!({"a": "x\u{1F980}\u{2028}"}),
    );
    refuse(
        "{apiVersion: v1}",
        "t.yaml:1:2: not valid JSON: key must be a string",
    );
    refuse(
        "{\"a\": 1}\n{\"b\": 2,}",
        "t.yaml:2:9: not valid JSON: key must be a string",
    );
    refuse(
        "{\"a\":\n 1,\n \"b\" 2}",
        "t.yaml:3:6: not valid JSON: expected `:`",
    );
    refuse("{\"a\": 1} # c", "t.yaml:1:10: not valid JSON");
    refuse(
        "{\"a\": 1e400}",
        "t.yaml:1:7: `1e400` is a number that JSON cannot carry",
    );
    check("---\n{a: on, \"b\":1}\n", json!({"a": true, "b": 1}));
}

#[test]
fn characters_that_go_yaml_refuses_are_refused() {
    refuse("a: \"b\u{7}c\"", "t.yaml:1:6: control character U+0007");
    refuse("a: b\u{7F}", "control character U+007F");
    refuse("a: b\u{0}", "control character U+0000");
    refuse("a: b\u{85}c", "U+0085 is a line break for kubectl");
    refuse("# x\u{2028}a: b", "U+2028 is a line break for kubectl");
    check("a: é→\u{1F980}", json!({"a": "é→\u{1F980}"}));
}

#[test]
fn templates_are_recognised() {
    refuse(
        "a:\n  {{- if .Values.x }}\n  b: 1\n  {{- end }}\n",
        "render it first",
    );
}

#[test]
fn billion_laughs_are_refused_at_once() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text += &format!("a{level}: &a{level} [{inner}]\n");
    }
    refuse(&text, "aliases repeat more than");
}

#[test]
fn nesting_is_bounded_with_aliases_followed() {
    let deep = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(values(&deep(DEPTH_MAX - 2)).is_ok());
    refuse(&deep(DEPTH_MAX + 1), "nested deeper than");
    refuse(&deep(100_000), "nested deeper than");
    refuse(&"- ".repeat(5_000), "nested deeper than");
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..=DEPTH_MAX {
        chain += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    refuse(&chain, "nested deeper than");
}

#[test]
fn flow_texts_that_mean_something_else_to_kubectl_are_refused() {
    for text in ["[a:]", "{y:, z}", "{a:}"] {
        refuse(
            &format!("a: {text}"),
            "kubectl takes this colon for a part of the text before it",
        );
    }
    for text in ["[a?b]", "[http://x/?q=1]", "{a: ?b}", "[:b]"] {
        refuse(
            &format!("a: {text}"),
            "kubectl does not take this text without quotes",
        );
    }
    refuse(
        "a: {b\n   : c}",
        "t.yaml:2:4: a key and its colon stand on different lines",
    );
    check(
        "a: [b:c, \"d\":e, \"f?\", {g: }]",
        json!({"a": ["b:c", {"d": "e"}, "f?", {"g": null}]}),
    );
    check("a: http://x/?q=1", json!({"a": "http://x/?q=1"}));
    check("a: {\"b\":}", json!({"a": {"b": null}}));
}

#[test]
fn tabs_stand_for_no_indentation() {
    let indent = "a tab where an indentation is, which kubectl refuses";
    for text in [
        "a:\n  b: 1\n\t\n  c: 2",
        "a: 1\n  \t\nb: 2",
        "a: 1\n\t# c\nb: 2",
        "a: 1\n\t",
        "\t\na: 1",
        "a:\n-\tb: 1",
        "a:\n- \tb",
        "a:\n- \t\n- b",
        "?\ta\n: b",
        "? a\n:\tb",
        "a: |\n  x\n\t\nb: 1",
    ] {
        refuse(text, indent);
    }
    refuse(
        "a: |\n \tx\nb: 1",
        "t.yaml:2:2: a tab where the indentation of a block is",
    );
    check(
        "a: |\n  x\n  \ty\n  \t\nb:\t1\t# c\td",
        json!({"a": "x\n\ty\n\t\n", "b": 1}),
    );
    check("a: |1\n \tx", json!({"a": "\tx\n"}));
    check(
        "a: \"x\ty\"\nb: [1,\t2]\n# \t\nc: &x-\td",
        json!({"a": "x\ty", "b": [1, 2], "c": "d"}),
    );
}

#[test]
fn anchors_and_escapes_are_those_of_yaml_1_1() {
    refuse(
        "a: &x.y b",
        "t.yaml:1:4: the name of an anchor has a character",
    );
    refuse("a: &\u{E9} b", "the name of an anchor has a character");
    refuse(
        "a: \"x\\/y\"",
        "t.yaml:1:6: an escape of JSON that kubectl does not take",
    );
    refuse(
        "a: \"\\ud83e\\udd80\"",
        "an escape of JSON that kubectl does not take",
    );
    check(
        "a: \"\\\\/\\x41\\u00e9\\U0001F600\\e\\N\"",
        json!({"a": "\\/A\u{E9}\u{1F600}\u{1B}\u{85}"}),
    );
}
