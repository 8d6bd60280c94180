//! The patch of the webhook does what the edits do.

use super::*;
use crate::inject::patch::{Kind, Operation, render};

/// RFC 6902, for the operations that are written here.
fn carry_out(value: &mut Value, operation: &Operation) {
    let (parent, last) = operation.path.rsplit_once('/').unwrap();
    let last = last.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent).unwrap() {
        Value::Object(map) => match operation.op {
            Kind::Remove => drop(map.remove(&last).unwrap()),
            Kind::Add | Kind::Replace => drop(map.insert(last, operation.value.clone().unwrap())),
        },
        Value::Array(items) => {
            let at: usize = last.parse().unwrap();
            match operation.op {
                Kind::Remove => drop(items.remove(at)),
                Kind::Add => items.insert(at, operation.value.clone().unwrap()),
                Kind::Replace => items[at] = operation.value.clone().unwrap(),
            }
        }
        other => panic!("{other} has no children"),
    }
}

#[test]
fn a_patch_gives_what_the_edits_give() {
    let pods = [
        WEB,
        "spec: {containers: [{name: a, image: a}]}",
        "metadata:\nspec: {containers: [{name: a}], volumes: [], initContainers: }",
        "metadata: {annotations: {a/b~c: d}}\nspec: {containers: [{name: a}], volumes: [{name: v}]}",
    ];
    for native in [true, false] {
        for text in pods {
            let mut config = config();
            config.settings.native = Some(native);
            let before = value(text);
            let Decision::Edit { edits, .. } =
                ask(&before, "Deployment", &Settings::default(), &config)
            else {
                panic!("skipped");
            };
            let mut after = before.clone();
            apply(&mut after, &edits).unwrap();
            let mut patched = before.clone();
            for operation in render(&before, &edits).unwrap() {
                carry_out(&mut patched, &operation);
            }
            assert_eq!(patched, after, "{text}");
        }
    }
}

#[test]
fn a_patch_of_any_change_gives_what_it_should() {
    let check = |before: Value, after: Value, operations: usize| {
        let edits = [Edit::set(Pointer::root().key("x"), after["x"].clone())];
        let mut patched = before.clone();
        let patch = render(&before, &edits).unwrap();
        patch
            .iter()
            .for_each(|operation| carry_out(&mut patched, operation));
        assert_eq!(patched, after);
        assert_eq!(patch.len(), operations, "{patch:?}");
    };
    check(json!({"x": [1, 2, 3]}), json!({"x": [1, 2, 3]}), 0);
    check(json!({"x": [1, 2, 3]}), json!({"x": [0, 1, 2, 3]}), 1);
    check(json!({"x": [1, 2, 3]}), json!({"x": [1, 3]}), 1);
    check(json!({"x": [1, 2, 3, 4]}), json!({"x": [4]}), 3);
    check(json!({"x": [1, 2]}), json!({"x": [5, 6, 7]}), 3);
    check(
        json!({"x": {"a": 1, "b": 2}}),
        json!({"x": {"b": 3, "c": 4}}),
        3,
    );
    check(json!({}), json!({"x": null}), 1);
}

#[test]
fn operations_look_as_the_rfc_says() {
    let edits = [Edit::set(Pointer::root().key("a/b"), 1)];
    let patch = render(&json!({}), &edits).unwrap();
    assert_eq!(
        serde_json::to_value(patch).unwrap(),
        json!([{"op": "add", "path": "/a~1b", "value": 1}])
    );
}
