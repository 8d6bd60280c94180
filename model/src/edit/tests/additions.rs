//! New keys and items, in block style.

use super::*;

#[test]
fn keys_are_added_behind_the_last_line_of_the_one_before() {
    check(
        "a: 1\nb: 2\n",
        &[set("c", json!("x"))],
        "a: 1\nb: 2\nc: x\n",
    );
    check(
        "a:\n  b: 1 # one\n  # end of a\nd: 2\n",
        &[set("a.c", json!("on"))],
        "a:\n  b: 1 # one\n  c: \"on\"\n  # end of a\nd: 2\n",
    );
    check(
        "a:\n    b: |\n      x\n\n\nd: 2\n",
        &[set("a.c", json!({"e": [1]}))],
        "a:\n    b: |\n      x\n    c:\n        e:\n        - 1\n\n\nd: 2\n",
    );
    check(
        "a: |+\n  x\n\n# c\nd: 2\n",
        &[Edit::set_at(at("b"), 1, Place::After("a".into()))],
        "a: |+\n  x\n\nb: 1\n# c\nd: 2\n",
    );
    check(
        "a:\n  b:\nd: 2\n",
        &[set("a.c", json!(1))],
        "a:\n  b:\n  c: 1\nd: 2\n",
    );
    check(
        "a:\n  b: &x\nd: 2\n",
        &[set("a.c", json!(1))],
        "a:\n  b: &x\n  c: 1\nd: 2\n",
    );
    check(
        "a:\n  b: # note\nd: 2\n",
        &[set("a.c", json!(1))],
        "a:\n  b: # note\n  c: 1\nd: 2\n",
    );
}

#[test]
fn keys_go_to_their_place() {
    let place = |place| [Edit::set_at(at("m.k"), 1, place)];
    let text = "m: # first\n  # of a\n  a: 1\n  # of b\n  b: 2\n";
    check(
        text,
        &place(Place::First),
        "m: # first\n  k: 1\n  # of a\n  a: 1\n  # of b\n  b: 2\n",
    );
    check(
        text,
        &place(Place::After("a".into())),
        "m: # first\n  # of a\n  a: 1\n  k: 1\n  # of b\n  b: 2\n",
    );
    check(
        text,
        &place(Place::Before("b".into())),
        "m: # first\n  # of a\n  a: 1\n  k: 1\n  # of b\n  b: 2\n",
    );
    check(
        "# file\na: 1\n",
        &[Edit::set_at(at("k"), 1, Place::First)],
        "# file\nk: 1\na: 1\n",
    );
    check(
        "- a: 1\n  b: 2\n",
        &[Edit::set_at(at("[0].k"), 1, Place::First)],
        "- k: 1\n  a: 1\n  b: 2\n",
    );
}

#[test]
fn items_join_their_list_as_it_is_written() {
    let item = || json!({"name": "p", "args": ["--x", "yes"], "env": {"a": {"b": 1}}});
    check(
        "c:\n- name: a\n  image: b # pinned\n\n# next\nd: 1\n",
        &[append("c", item())],
        "c:\n- name: a\n  image: b # pinned\n- name: p\n  args:\n  - --x\n  - \"yes\"\n  env:\n    a:\n      b: 1\n\n# next\nd: 1\n",
    );
    check(
        "c:\n    -   name: a\nd:\n    e: 1\n",
        &[append("c", item())],
        "c:\n    -   name: a\n    -   name: p\n        args:\n            -   --x\n            -   \"yes\"\n        env:\n            a:\n                b: 1\nd:\n    e: 1\n",
    );
    check(
        "c:\n  # of a\n  - name: a\n",
        &[prepend("c", json!("x"))],
        "c:\n  - x\n  # of a\n  - name: a\n",
    );
    check(
        "- - a\n  - b\n- c\n",
        &[prepend("[0]", json!("x"))],
        "- - x\n  - a\n  - b\n- c\n",
    );
    check(
        "- - a\n  - b\n- c\n",
        &[append("[0]", json!("x"))],
        "- - a\n  - b\n  - x\n- c\n",
    );
    check(
        "- a\n-\n- b\n",
        &[append("", json!(["x"]))],
        "- a\n-\n- b\n- - x\n",
    );
    check(
        "a:\n- b\n-\n",
        &[append("a", json!("x"))],
        "a:\n- b\n-\n- x\n",
    );
    check(
        "a:\n- name: x\n- name: v\n",
        &[Edit::insert(
            at("a"),
            json!({"name": "z"}),
            Place::Before("v".into()),
        )],
        "a:\n- name: x\n- name: z\n- name: v\n",
    );
    check(
        "a:\n- x\n- y\n",
        &[Edit::insert(at("a"), "z", Place::At(1))],
        "a:\n- x\n- z\n- y\n",
    );
}

#[test]
fn nested_additions_keep_their_order() {
    check(
        "a:\n- b:\n  - c\n",
        &[
            append("a[0].b", json!("d")),
            set("a[0].e", json!(1)),
            append("a", json!("f")),
            set("g", json!(2)),
        ],
        "a:\n- b:\n  - c\n  - d\n  e: 1\n- f\ng: 2\n",
    );
    check(
        "a: 1\n",
        &[
            set("m", json!({})),
            set("m.x", json!(1)),
            append("m.l", json!(2)),
            append("m.l", json!(3)),
        ],
        "a: 1\nm:\n  x: 1\n  l:\n  - 2\n  - 3\n",
    );
}

#[test]
fn missing_and_empty_parents_are_filled() {
    let fill = [set("m.k", json!("v"))];
    check("a: 1\n", &fill, "a: 1\nm:\n  k: v\n");
    check("m:\na: 1\n", &fill, "m:\n  k: v\na: 1\n");
    check("m: # c\n# d\na: 1\n", &fill, "m: # c\n  k: v\n# d\na: 1\n");
    check("m: {} # c\na: 1\n", &fill, "m: # c\n  k: v\na: 1\n");
    check("m: ~\na: 1\n", &fill, "m:\n  k: v\na: 1\n");
    check("m: null", &fill, "m:\n  k: v");
    check("m:\n  {}\na: 1\n", &fill, "m:\n  k: v\na: 1\n");
    check("m: # c\n  {}\na: 1\n", &fill, "m: # c\n  {k: v}\na: 1\n");
    check("m: &x {}\na: 1\n", &fill, "m:\n  k: v\na: 1\n");
    check("m: !!null\na: 1\n", &fill, "m:\n  k: v\na: 1\n");
    check(
        "a:\n- m: {}\n",
        &[set("a[0].m.k", json!(1))],
        "a:\n- m:\n    k: 1\n",
    );
    check(
        "a:\n- {}\n- 1\n",
        &[set("a[0].m.k", json!(1))],
        "a:\n- m:\n    k: 1\n- 1\n",
    );
    check(
        "a:\n-\n- 1\n",
        &[set("a[0].m.k", json!(1))],
        "a:\n- m:\n    k: 1\n- 1\n",
    );
    let list = [append("l", json!({"a": 1, "b": 2}))];
    check("l: []\n", &list, "l:\n- a: 1\n  b: 2\n");
    check(
        "l:\nm:\n  - x\n",
        &list,
        "l:\n  - a: 1\n    b: 2\nm:\n  - x\n",
    );
    check("x: 1\n", &list, "x: 1\nl:\n- a: 1\n  b: 2\n");
}

#[test]
fn line_ends_marks_and_the_last_line_stay_as_they_are() {
    check(
        "\u{FEFF}a:\r\n  b: 1\r\nc: 2",
        &[set("a.d", json!({"e": "x\ny"})), set("f", json!(1))],
        "\u{FEFF}a:\r\n  b: 1\r\n  d:\r\n    e: |-\r\n      x\r\n      y\r\nc: 2\r\nf: 1",
    );
    check("a: 1\rb: 2\r", &[set("c", json!(3))], "a: 1\rb: 2\rc: 3\r");
    check(
        "a: 1\nb:\r\n  c: 1\r\n\nd: 1\r",
        &[set("b.e", json!([2])), set("f", json!({"a": 1}))],
        "a: 1\nb:\r\n  c: 1\r\n  e:\r\n  - 2\r\n\nd: 1\rf:\r  a: 1\r",
    );
    check("a: 1", &[set("b", json!(2))], "a: 1\nb: 2");
    check("a: |\n  x", &[set("b", json!(2))], "a: |\n  x\nb: 2");
    check("a: 1\n# end", &[set("b", json!(2))], "a: 1\nb: 2\n# end");
    check("a: 1\n\n\n", &[set("b", json!(2))], "a: 1\nb: 2\n\n\n");
}

#[test]
fn strings_of_several_lines_become_blocks_where_nothing_can_join_them() {
    check(
        "a: 1\n",
        &[set("b", json!("x\n\n  y: #\nz\n"))],
        "a: 1\nb: |\n  x\n\n    y: #\n  z\n",
    );
    check(
        "a: 1\n",
        &[set("b", json!("x\ny"))],
        "a: 1\nb: |-\n  x\n  y\n",
    );
    check(
        "a:\n- 1\n",
        &[append("a", json!("x\ny"))],
        "a:\n- 1\n- |-\n  x\n  y\n",
    );
    check(
        "a: 1\n\n\n  # c\n",
        &[set("b", json!("x\ny"))],
        "a: 1\nb: \"x\\ny\"\n\n\n  # c\n",
    );
    for text in [
        "x\n\n", "\nx\ny", " x\ny", "x\n\ty", "x \ny", "x\r\ny", "x\n \ny",
    ] {
        let written = serde_json::to_string(text).unwrap();
        check(
            "a: 1\n",
            &[set("b", json!(text))],
            &format!("a: 1\nb: {written}\n"),
        );
    }
}

#[test]
fn braces_in_yaml_get_members_in_braces() {
    check(
        "m: {a: 1}\n",
        &[set("m.b", json!("yes"))],
        "m: {a: 1, b: \"yes\"}\n",
    );
    check(
        "m: {a: 1,} # c\n",
        &[set("m.b", json!({"x": [1, "a,b"]}))],
        "m: {a: 1, b: {x: [1, \"a,b\"]},} # c\n",
    );
    check(
        "l: [ a ]\n",
        &[append("l", json!("b")), prepend("l", json!("c"))],
        "l: [ c, a, b ]\n",
    );
    check(
        "l: [a, b]\n",
        &[Edit::insert(at("l"), "c", Place::At(1))],
        "l: [a, c, b]\n",
    );
    check(
        "l: [{}, {a: }, {b: }]\n",
        &[
            set("l[0].x", json!(1)),
            set("l[1].a.x", json!(1)),
            set("l[2].b", json!(2)),
        ],
        "l: [{x: 1}, {a: {x: 1} }, {b: 2 }]\n",
    );
    check(
        "l: [\n  a, # one\n  b # two\n]\n",
        &[append("l", json!("c")), append("l", json!("d"))],
        "l: [\n  a, # one\n  b, # two\n  c,\n  d\n]\n",
    );
    check(
        "l: [ # list\n  a, # one\n  b, # two\n]\n",
        &[append("l", json!("c")), prepend("l", json!("d"))],
        "l: [ # list\n  d,\n  a, # one\n  b, # two\n  c,\n]\n",
    );
    check(
        "m: {\"a\": 1}\n",
        &[set("m.b", json!("c"))],
        "m: {\"a\": 1, \"b\": \"c\"}\n",
    );
    check(
        "l: [\n  a, b,\n  c ]\n",
        &[append("l", json!("d"))],
        "l: [\n  a, b,\n  c, d ]\n",
    );
}

#[test]
fn merges_and_repeated_keys_are_respected() {
    check(
        "b: &b {x: 1}\nm:\n  <<: *b\n  y: 2\n",
        &[set("m.z", json!(3))],
        "b: &b {x: 1}\nm:\n  <<: *b\n  y: 2\n  z: 3\n",
    );
    check(
        "m:\n  a: 1\nm:\n  b: 2\n",
        &[set("m.c", json!(3))],
        "m:\n  a: 1\nm:\n  b: 2\n  c: 3\n",
    );
}
