//! Taking away what was added gives back the text from before, byte for byte.

use super::*;
use crate::edit::Form;

/// The form of `path` in the only document of `text`.
fn form(text: &str, path: &str) -> Form {
    let documents = yaml::read("t.yaml", text).unwrap();
    Form::of(&documents[0], &at(path))
}

/// Adds to `m.n` and `l`, takes it away again, and compares.
#[track_caller]
fn check_inverse(text: &str) {
    let forms: Vec<_> = ["m.n", "m", "l"]
        .map(|path| (path, form(text, path)))
        .into();
    let add = [
        set("m.n.k/k", json!("v")),
        set("m.n.o", json!({"x": ["on", {"y": "a\nb"}]})),
        append(
            "l",
            json!({"name": "new", "args": ["--x"], "e": {"f": "a\nb\n"}}),
        ),
        prepend("l", json!({"name": "first", "v": []})),
    ];
    let with = edited(text, &add).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut take = vec![
        Edit::remove(at("m.n").key("k/k")),
        Edit::remove(at("m.n.o")),
        Edit::remove(at("l[name=new]")),
        Edit::remove(at("l[name=first]")),
    ];
    take.extend(
        forms
            .into_iter()
            .map(|(path, form)| Edit::restore(at(path), form)),
    );
    let back = edited(&with, &take).unwrap_or_else(|error| panic!("{error}\n{with}"));
    assert_eq!(back, text, "by way of:\n{with}");
}

#[test]
fn every_style_comes_back() {
    for text in [
        "a: 1\n",
        "a: 1",
        "a: 1\r\n",
        "a: 1\r\nb: 2",
        "\u{FEFF}a: 1",
        "a: 1\n# end",
        "a: 1 # c",
        "a: |\n  x",
        "a: |+\n  x\n\n\n",
        "a: >-\n  x\n\n",
        "m:\n",
        "m:",
        "m: # c\na: 1\n",
        "m:   # c\n# d\nl:\n",
        "m: ~\nl: null\n",
        "m: {}\nl: []\n",
        "m:  {}  # c\nl: [ ] # c\n",
        "m:\n  {}\nl:\n  []",
        "m: # c\n  {}\nl: # c\n    []\na: 1",
        "m: &x {}\nl: !!seq []\n",
        "m: !!null\nl: &y ~\n",
        "m:\n  n:\nl:\n- a\n",
        "m:\n    n: {}\nl:\n  -   a: 1\n",
        "m:\n  n: null # c\n  # d\n\nl:\n  # e\n  - a # f\n  # g\n\na: 1\n",
        "m:\n  n:\n    # foo: bar\n    # x: y\nl:\n# - a\na: 1\n",
        "m:\n  n:\n    a: b\n    # c\n\n    d: |\n      e\n\nl:\n- |+\n  x\n\n# z\n- >\n  y\n\n\n",
        "m: {n: {a: 1}}\nl: [a]\n",
        "m: {n: { a: 1 } , o: 2 }\nl: [ a , b ]\n",
        "m: {n: {a: 1,},}\nl: [a,]\n",
        "m: {n: {a: 1 ,} ,}\nl: [a ,]\n",
        "m: {n: {}}\nl: [{}]\n",
        "m: {n: }\nl: [a: 1]\n",
        "m: {\n  n: { # c\n    a: 1 # d\n  }, # e\n}\nl: [\n  a, # f\n  # g\n  b # h\n  ]\n",
        "m: {n: {\n  a: 1,\n  b: 2}}\nl: [\n  a,\n  b, c\n]\n",
        "{\"m\": {\"n\": {}}, \"l\": []}",
        "{\"m\":{},\"l\":[1,2]}\n",
        "{\"a\": 1}\n",
        "{\n  \"m\": {},\n  \"l\": []\n}\n",
        "{\n  \"m\": {\n  },\n  \"l\": [\n  ]\n}\n",
        "{\n\t\"m\": {\n\t\t\"n\": {\n\t\t\t\"a\": 1\n\t\t}\n\t},\n\t\"l\": [\n\t\t1,\n\t\t2\n\t]\n}",
        "{\r\n  \"m\": null,\r\n  \"l\": [1]\r\n}\r\n",
        "---\n# c\n---\na: 1\n---\n",
        "a: &x\n  b: 1\nc: *x\nm:\n  <<: *x\n  n:\n    <<: *x\n",
        "m:\n\n  n:\n\n    a: 1\n\n\nl:\n\n- a\n\n\n- b\n\n",
        "m:\r\r  n:\r\r    a: 1\r\r\rl:\r\r- a\r\r\r- b\r\r\ro: p\r\r",
        "? a\n: m\n"
            .replace("? a\n: m\n", "'m':\n  \"n\" : {}\n'l' :\n- a\n")
            .as_str(),
        "m:\t{}\nl:\t[]\t# c\n",
        "l:\n- - a\n  - b\nm:\n  n: *x\n"
            .replace("*x", "{z: [1]}")
            .as_str(),
    ] {
        check_inverse(text);
    }
}

#[test]
fn inline_heads_come_back() {
    for text in [
        "- a: 1\n  b: 2\n",
        "- - 1\n",
        "- a: 1",
        "-   a: 1\n    # c\n    b: 2\n",
    ] {
        let first = if text.contains("- -") {
            Edit::insert(at("[0]"), "x", Place::First)
        } else {
            Edit::set_at(at("[0].x"), json!({"y": 1}), Place::First)
        };
        let with = edited(text, std::slice::from_ref(&first)).unwrap();
        let take = if text.contains("- -") {
            "[0][0]"
        } else {
            "[0].x"
        };
        assert_eq!(
            edited(&with, &[Edit::remove(at(take))]).unwrap(),
            text,
            "{with}"
        );
    }
}

#[test]
fn a_collection_that_others_filled_as_well_keeps_what_they_added() {
    let restore = |form| [Edit::remove(at("m.k")), Edit::restore(at("m"), form)];
    check(
        "m:\n  k: 1\n  u: 2\n",
        &restore(Form::Absent),
        "m:\n  u: 2\n",
    );
    check(
        "m:\n  k: 1\n  u: 2\n",
        &restore(Form::Empty(" {}".into())),
        "m:\n  u: 2\n",
    );
    check("m:\n  k: 1\na: 1\n", &restore(Form::Absent), "a: 1\n");
    check(
        "m:\n  k: 1\na: 1\n",
        &restore(Form::Filled),
        "m: {}\na: 1\n",
    );
    check(
        "a: [{}]\n",
        &[Edit::restore(at("a[0]"), Form::Absent)],
        "a: [{}]\n",
    );
    let item = Edit::insert(at("a"), json!([]), Place::First);
    check(
        "a:\n- b\n",
        &[item, Edit::restore(at("a[0]"), Form::Absent)],
        "a:\n- []\n- b\n",
    );
    check(
        "a: 1\n",
        &[Edit::restore(at("m.x"), Form::Absent)],
        "a: 1\n",
    );
}

#[test]
fn a_root_that_was_empty_comes_back() {
    let text = "!!seq []\n";
    let with = edited(text, &[append("", json!("x"))]).unwrap();
    assert_eq!(with, "[x]\n");
    let take = [
        Edit::remove(at("[0]")),
        Edit::restore(at(""), form(text, "")),
    ];
    assert_eq!(edited(&with, &take).unwrap(), text);
}

#[test]
fn forms_are_seen() {
    let text = "a: {}\nb:\nc: ~ # x\nd: [1]\ne: &x []\nf: {g: }\nh: *x\n- \n".replace("- \n", "");
    for (path, expected) in [
        ("a", Form::Empty(" {}".into())),
        ("b", Form::Empty(String::new())),
        ("c", Form::Empty(" ~".into())),
        ("d", Form::Filled),
        ("e", Form::Empty(" &x []".into())),
        ("f.g", Form::Empty(String::new())),
        ("h", Form::Filled),
        ("i", Form::Absent),
        ("a.x", Form::Absent),
        ("d[3]", Form::Absent),
    ] {
        assert_eq!(form(&text, path), expected, "{path}");
    }
    let json = serde_json::to_string(&Form::Empty(" {}".into())).unwrap();
    assert_eq!(json, r#"{"empty":" {}"}"#);
}
