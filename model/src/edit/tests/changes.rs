//! Values that change or go.

use super::*;

fn remove(path: &str) -> Edit {
    Edit::remove(at(path))
}

#[test]
fn scalars_change_in_place_and_keep_their_quotes() {
    check(
        "a: 1 # one\nb: 2\n",
        &[set("a", json!("x"))],
        "a: x # one\nb: 2\n",
    );
    check("a: 'b'\n", &[set("a", json!("c"))], "a: 'c'\n");
    check(
        "a: \"b\"  # c\n",
        &[set("a", json!("c"))],
        "a: \"c\"  # c\n",
    );
    check("a:   b\n", &[set("a", json!("on"))], "a:   \"on\"\n");
    check("a:\nb: 1\n", &[set("a", json!("x"))], "a: x\nb: 1\n");
    check(
        "a: # c\nb: 1\n",
        &[set("a", json!("x"))],
        "a: x # c\nb: 1\n",
    );
    check("a: !!str 5\n", &[set("a", json!("6"))], "a: \"6\"\n");
    check("a: &x !!str 5 # c\n", &[set("a", json!(6))], "a: 6 # c\n");
    check("a: b\n  c\nd: 1\n", &[set("a", json!("e"))], "a: e\nd: 1\n");
    check(
        "a: |\n  b\n  c\n\nd: 1\n",
        &[set("a", json!("e"))],
        "a: e\n\nd: 1\n",
    );
    check(
        "a: |\n  b\nd: 1\n",
        &[set("a", json!("e\nf\n"))],
        "a: |\n  e\n  f\nd: 1\n",
    );
    check(
        "- a\n- |\n  b",
        &[set("[1]", json!("e\nf")), set("[0]", json!(1))],
        "- 1\n- |-\n  e\n  f",
    );
    check("-\n- b\n", &[set("[0]", json!(1))], "- 1\n- b\n");
    check(
        "a: {b: 1, c: }\n",
        &[set("a.b", json!("x: y")), set("a.c", json!(0))],
        "a: {b: \"x: y\", c: 0 }\n",
    );
    check("a: b\n", &[set("a", json!("b"))], "a: b\n");
    check("a: 1\n", &[set("a", json!(1.0))], "a: 1\n");
}

#[test]
fn collections_change_member_by_member() {
    let rules = json!({"a": 1, "l": [{"id": "x", "w": 90}, {"id": "z", "w": 10}], "c": "d"});
    check(
        "r:\n  a: 1 # keep\n  gone: true\n  l:\n  # of x\n  - id: x\n    w: 100 # all\n",
        &[set("r", rules)],
        "r:\n  a: 1 # keep\n  l:\n  # of x\n  - id: x\n    w: 90 # all\n  - id: z\n    w: 10\n  c: d\n",
    );
    check(
        "l:\n- a # 1\n- b # 2\n- c # 3\n",
        &[set("l", json!(["a", "c"]))],
        "l:\n- a # 1\n- c # 3\n",
    );
    check(
        "l:\n- a # 1\n- c # 3\n",
        &[set("l", json!(["a", "b", "c"]))],
        "l:\n- a # 1\n- b\n- c # 3\n",
    );
    check(
        "l: [a, b, c]\n",
        &[set("l", json!(["a", "x", "z", "c"]))],
        "l: [a, x, z, c]\n",
    );
    check(
        "m: {a: 1, b: 2}\n",
        &[set("m", json!({"b": 2, "c": 3}))],
        "m: {b: 2, c: 3}\n",
    );
}

#[test]
fn a_value_becomes_one_of_another_kind() {
    check(
        "a: b # c\nd: 1\n",
        &[set("a", json!({"x": 1}))],
        "a: # c\n  x: 1\nd: 1\n",
    );
    check(
        "a: [b] # c\nd: 1\n",
        &[set("a", json!({"x": 1}))],
        "a: # c\n  x: 1\nd: 1\n",
    );
    check(
        "a: # c\n  x: 1 # x\n  # y\n  y: 2\n# z\nd: 1\n",
        &[set("a", json!("b"))],
        "a: b # c\n  # y\n# z\nd: 1\n",
    );
    check(
        "a:\n  x: 1\nd: 1\n",
        &[set("a", json!(["b"]))],
        "a:\n- b\nd: 1\n",
    );
    check(
        "- x: 1\n  y: 2\n- b\n",
        &[set("[0]", json!("a"))],
        "- a\n- b\n",
    );
    check(
        "- x: 1\n  y: 2\n- b\n",
        &[set("[0]", json!(["a", "b"]))],
        "- - a\n  - b\n- b\n",
    );
    check("a: &x b\n", &[set("a", json!({"x": 1}))], "a:\n  x: 1\n");
    check("a: {b: c}\n", &[set("a.b", json!([1]))], "a: {b: [1]}\n");
}

#[test]
fn what_is_removed_takes_its_lines_and_no_others() {
    check("a: 1\nb: 2 # two\nc: 3\n", &[remove("b")], "a: 1\nc: 3\n");
    check(
        "a: 1\n# of b\nb:\n  c: |\n    x\n\nd: 1\n",
        &[remove("b")],
        "a: 1\n# of b\n\nd: 1\n",
    );
    check("a: 1\nb: 2", &[remove("b")], "a: 1");
    check("a: 1\r\nb: 2", &[remove("b")], "a: 1");
    check("a: 1\nb: |\n  x", &[remove("b")], "a: 1");
    check(
        "l:\n- a\n- b: 1\n  c: 2\n- d\n",
        &[remove("l[1]")],
        "l:\n- a\n- d\n",
    );
    check(
        "l:\n- name: x\n- name: y\n",
        &[remove("l[name=x]")],
        "l:\n- name: y\n",
    );
    check("- a: 1\n  b: 2\n", &[remove("[0].a")], "- b: 2\n");
    check(
        "- a: 1\n  # of b\n  b: 2\n",
        &[remove("[0].a")],
        "- # of b\n  b: 2\n",
    );
    check("- - a\n  - b\n", &[remove("[0][0]")], "- - b\n");
    check("a:\n  b: 1\nc: 2\n", &[remove("a.b")], "a: {}\nc: 2\n");
    check(
        "l: # list\n- 1\n- 2\nc: 2\n",
        &[remove("l[0]"), remove("l[0]")],
        "l: [] # list\nc: 2\n",
    );
    check("- a: 1\n- 2\n", &[remove("[0].a")], "- {}\n- 2\n");
}

#[test]
fn what_is_removed_from_brackets_takes_its_comma() {
    check("l: [a, b, c]\n", &[remove("l[0]")], "l: [b, c]\n");
    check("l: [a, b, c]\n", &[remove("l[1]")], "l: [a, c]\n");
    check("l: [a, b, c]\n", &[remove("l[2]")], "l: [a, b]\n");
    check("l: [a, b, c,]\n", &[remove("l[2]")], "l: [a, b,]\n");
    check(
        "l: [a, b, c]\n",
        &[remove("l[1]"), remove("l[1]")],
        "l: [a]\n",
    );
    check("l: [\n  a,\n  b ]\n", &[remove("l[1]")], "l: [\n  a ]\n");
    check("l: [a , b , c]\n", &[remove("l[1]")], "l: [a , c]\n");
    check("l: [a, # 1\n  b]\n", &[remove("l[1]")], "l: [a # 1\n  ]\n");
    check("l: [ a ]\n", &[remove("l[0]")], "l: []\n");
    check("m: {a: 1, b: , c}\n", &[remove("m.b")], "m: {a: 1, c}\n");
    check("m: {a: 1, b: , c}\n", &[remove("m.c")], "m: {a: 1, b: }\n");
    check(
        "l: [\n  a, # 1\n  b, # 2\n  c # 3\n]\n",
        &[remove("l[1]")],
        "l: [\n  a, # 1\n  c # 3\n]\n",
    );
    check(
        "l: [\n  a, # 1\n  b # 2\n]\n",
        &[remove("l[1]")],
        "l: [\n  a # 1\n]\n",
    );
    check(
        "l: [\n  a, # 1\n  b # 2\n]\n",
        &[remove("l[0]")],
        "l: [\n  b # 2\n]\n",
    );
    check(
        "l: [\n  a, b,\n  c]\n",
        &[remove("l[0]")],
        "l: [\n  b,\n  c]\n",
    );
}

#[test]
fn removals_and_additions_meet_in_one_list() {
    let swap = |path: &str, value| [remove(&format!("{path}[0]")), append(path, value)];
    check("l:\n- a\n- b\n", &swap("l", json!("c")), "l:\n- b\n- c\n");
    check("l: [a, b]\n", &swap("l", json!("c")), "l: [b, c]\n");
    check("l:\n- a\n", &swap("l", json!("c")), "l:\n- c\n");
    check("l: [a]\n", &swap("l", json!("c")), "l:\n- c\n");
    let last = |value| [remove("l[1]"), append("l", value)];
    check(
        "l: [\n  a,\n  b\n]\n",
        &last(json!("c")),
        "l: [\n  a,\n  c\n]\n",
    );
    check(
        "- - a\n  - b\n",
        &[remove("[0][0]"), prepend("[0]", json!("x"))],
        "- - x\n  - b\n",
    );
}

#[test]
fn an_empty_line_at_the_end_belongs_to_what_keeps_it() {
    let keeps = "a: |+\n  x\n\n\n";
    check(&format!("{keeps}b:"), &[remove("b")], keeps);
    check("a: 1\nb:", &[remove("b")], "a: 1");
}
