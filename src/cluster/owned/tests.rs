use serde_json::{Value, json};

use super::*;

fn object() -> Value {
    json!({
        "metadata": {
            "name": "web",
            "annotations": {"team": "a", "meshctl.dev/shift": "x"},
            "managedFields": [
                {"manager": "meshctl", "operation": "Apply", "fieldsV1": {
                    "f:metadata": {"f:annotations": {"f:meshctl.dev/shift": {}}},
                    "f:spec": {"f:hostnames": {".": {}, "v:\"a\"": {}}},
                }},
                {"manager": "meshctl", "operation": "Update", "fieldsV1": {
                    "f:metadata": {"f:annotations": {"f:team": {}}},
                }},
            ],
        },
        "spec": {"hostnames": ["a"], "rules": [{"name": "r"}], "other": {"x": 1, "y": 2}},
    })
}

/// Changes `at` to `value` (null removes it); says what is sent and what cannot be removed.
fn change(at: &str, value: Value) -> (Value, Vec<String>) {
    let before = object();
    let mut after = before.clone();
    let (parent, key) = at.rsplit_once('/').unwrap();
    let parent = after.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    let key = key.replace("~1", "/");
    match value {
        Value::Null => drop(parent.remove(&key)),
        value => drop(parent.insert(key, value)),
    }
    let stuck = not_removable(&before, &after, "meshctl");
    (to_send(&before, &after, "meshctl"), stuck)
}

#[test]
fn a_change_sends_itself_and_what_we_own() {
    let (sent, stuck) = change("/spec/rules", json!([{"name": "s"}]));
    assert_eq!(
        sent,
        json!({
            "spec": {"rules": [{"name": "s"}], "hostnames": ["a"]},
            "metadata": {"annotations": {"meshctl.dev/shift": "x"}},
        })
    );
    assert_eq!(stuck, Vec::<String>::new());
}

#[test]
fn maps_are_sent_by_key() {
    let (sent, _) = change("/spec/other/y", json!(3));
    assert_eq!(sent["spec"]["other"], json!({"y": 3}));
}

#[test]
fn what_is_ours_is_removed_by_leaving_it_out() {
    let (sent, stuck) = change("/metadata/annotations/meshctl.dev~1shift", Value::Null);
    assert_eq!(
        sent,
        json!({"spec": {"hostnames": ["a"]}}),
        "what else is ours"
    );
    assert_eq!(stuck, Vec::<String>::new());
}

#[test]
fn what_is_not_ours_cannot_be_removed() {
    let (_, stuck) = change("/metadata/annotations/team", Value::Null);
    assert_eq!(
        stuck,
        [".metadata.annotations.team"],
        "updated, not applied"
    );
    let (_, stuck) = change("/spec/other", Value::Null);
    assert_eq!(stuck, [".spec.other"]);
}
