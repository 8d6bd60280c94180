//! Edits that would change something else, or lead nowhere.

use super::*;

#[track_caller]
fn refuse(text: &str, edits: &[Edit], message: &str) {
    let error = edited(text, edits).expect_err(text);
    assert!(error.contains(message), "{text:?} gives {error:?}");
}

#[test]
fn what_shows_elsewhere_is_not_edited() {
    let text = "a: &x\n  b: [1]\nc: *x\nd:\n  <<: *x\n  e: 1\n";
    refuse(
        text,
        &[set("a.n", json!(1))],
        "t.yaml:1:4: cannot edit `a.n`: this value is used elsewhere by 2 aliases",
    );
    refuse(
        text,
        &[append("a.b", json!(1))],
        "t.yaml:1:4: cannot edit `a.b`: this value is used elsewhere",
    );
    refuse(
        text,
        &[set("c.n", json!(1))],
        "t.yaml:3:4: cannot edit `c.n`: this value is an alias",
    );
    refuse(
        text,
        &[append("d.b", json!(1))],
        "t.yaml:5:3: cannot edit `d.b`: `b` comes from a merge (`<<`)",
    );
    refuse(
        text,
        &[Edit::remove(at("a"))],
        "t.yaml:1:4: cannot edit `a`: this value is used elsewhere",
    );
    refuse(text, &[Edit::remove(at("d.b"))], "comes from a merge");
    refuse(text, &[set("a", json!(1))], "used elsewhere");
    refuse(
        "l: &x [a]\nm: *x\n",
        &[append("l", json!("b"))],
        "t.yaml:1:4: ",
    );
    refuse(
        "a: {k: &x {}}\nm: *x\n",
        &[set("a", json!(0))],
        "used elsewhere by 1 alias,",
    );
    refuse(
        "l:\n- &x a\n- *x\n- c\n",
        &[set("l", json!(["c"]))],
        "used elsewhere",
    );
    refuse(
        "m: {a: &x 1, b: *x}\n",
        &[set("m", json!({"b": 1}))],
        "used elsewhere",
    );
}

#[test]
fn an_anchor_that_nobody_uses_is_no_obstacle() {
    check(
        "a: &x\n  b: 1\n",
        &[set("a.c", json!(2))],
        "a: &x\n  b: 1\n  c: 2\n",
    );
    check(
        "a: &x\n- b\n",
        &[append("a", json!(2))],
        "a: &x\n- b\n- 2\n",
    );
    check(
        "a:\n  &x\n  - b\n",
        &[prepend("a", json!(2))],
        "a:\n  &x\n  - 2\n  - b\n",
    );
}

#[test]
fn an_alias_itself_can_be_replaced() {
    check("a: &x 1\nb: *x\n", &[Edit::remove(at("b"))], "a: &x 1\n");
}

#[test]
fn places_that_are_not_there_are_named() {
    refuse(
        "a: [1]\n",
        &[set("a[1]", json!(1))],
        "t.yaml:1:4: cannot edit `a[1]`: there is no such item",
    );
    refuse("a: [1]\n", &[set("a.b", json!(1))], "a list has no keys");
    refuse(
        "a: {b: 1}\n",
        &[append("a", json!(1))],
        "an object is no list",
    );
    refuse(
        "a: {b: 1}\n",
        &[set("a[0]", json!(1))],
        "an object has no items",
    );
    refuse(
        "a: x\n",
        &[set("a.b", json!(1))],
        "the string \"x\" has no members",
    );
    refuse(
        "a: x\n",
        &[append("a", json!(1))],
        "the string \"x\" has no members",
    );
    refuse("a: {}\n", &[append("a", json!(1))], "an object is no list");
    refuse(
        "a: 1\n",
        &[Edit::remove(at("b"))],
        "there is nothing to remove",
    );
    refuse(
        "a: 1\n",
        &[Edit::remove(at("a.b"))],
        "there is nothing to remove",
    );
    refuse(
        "a: 1\n",
        &[Edit::remove(at(""))],
        "a whole document cannot be removed",
    );
    refuse(
        "a: 1\n",
        &[Edit::remove(at("a"))],
        "a whole document is not replaced",
    );
    refuse(
        "a\n",
        &[set("", json!("b"))],
        "a whole document is not replaced",
    );
    refuse(
        "{\"a\": 1}",
        &[set("", json!("x"))],
        "a whole document is not replaced",
    );
    let beside = |place| [Edit::set_at(at("n"), 1, place)];
    refuse(
        "a: 1\n",
        &beside(Place::After("b".into())),
        "there is no `b` beside it",
    );
    refuse("a: 1\n", &beside(Place::At(2)), "it has fewer than 2 items");
}

#[test]
fn forms_that_are_not_edited_are_named() {
    refuse(
        "? a\n: b\n",
        &[set("c", json!(1))],
        "t.yaml:1:1: beside a key with `?` nothing is edited",
    );
    refuse(
        "l: [a: 1]\n",
        &[set("l[0].b", json!(1))],
        "a pair without braces is not edited",
    );
    refuse(
        "&x {}\n",
        &[set("a", json!(1))],
        "a text that starts with `{` is read as JSON",
    );
    refuse(
        "m: {a}\n",
        &[set("m.a", json!(1))],
        "t.yaml:1:6: a key without colon gets no value",
    );
    refuse(
        "a: 1\na: 2\n",
        &[Edit::remove(at("a"))],
        "`a` is written more than once",
    );
    refuse(
        "a: { # c\n}\n",
        &[set("a.b", json!(1))],
        "a comment stands within the brackets",
    );
    refuse(
        "a: 1\n",
        &[set(&"k".repeat(1100), json!(1))],
        "the result would not be read",
    );
}
