//! Sets of fields, and the form in which objects carry them (`fieldsV1`). Lists and scalars are one
//! field each: the lists of Gateway API routes are atomic.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Paths of keys.
pub(crate) type Fields = BTreeSet<Vec<String>>;

/// Fields of `metadata` that nobody owns.
const UNOWNED: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
];

/// The fields of an object that can be owned.
pub(crate) fn of(object: &Value) -> Fields {
    let mut fields = Fields::new();
    walk(object, &mut Vec::new(), &mut fields);
    fields.retain(|path| match (&*path[0], path.get(1)) {
        ("apiVersion" | "kind" | "status", _) => false,
        ("metadata", Some(key)) => !UNOWNED.contains(&key.as_str()),
        ("metadata", None) => false,
        _ => true,
    });
    fields
}

fn walk(value: &Value, at: &mut Vec<String>, into: &mut Fields) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                at.push(key.clone());
                walk(value, at, into);
                at.pop();
            }
        }
        // An empty map wants none of its keys.
        Value::Object(_) => {}
        _ => {
            into.insert(at.clone());
        }
    }
}

pub(crate) fn get<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, key| value.get(key))
}

pub(crate) fn set(object: &mut Value, path: &[String], value: Value) {
    let [key, rest @ ..] = path else { return };
    if !object.is_object() {
        *object = json!({});
    }
    let map = object.as_object_mut().unwrap();
    match rest {
        [] => drop(map.insert(key.clone(), value)),
        rest => set(map.entry(key.clone()).or_insert(json!({})), rest, value),
    }
}

pub(crate) fn remove(object: &mut Value, path: &[String]) {
    let [parents @ .., key] = path else { return };
    let parent = parents
        .iter()
        .try_fold(object, |value, key| value.get_mut(key));
    if let Some(map) = parent.and_then(Value::as_object_mut) {
        map.remove(key);
    }
}

pub(crate) fn written(fields: &Fields) -> Value {
    let mut tree = json!({});
    for path in fields {
        let path: Vec<String> = path.iter().map(|key| format!("f:{key}")).collect();
        set(&mut tree, &path, json!({}));
    }
    tree
}

pub(crate) fn read(tree: &Value) -> Fields {
    fn walk(tree: &Map<String, Value>, at: &mut Vec<String>, into: &mut Fields) {
        if tree.is_empty() {
            into.insert(at.clone());
        }
        for (key, inner) in tree {
            at.push(key.trim_start_matches("f:").to_owned());
            walk(inner.as_object().unwrap(), at, into);
            at.pop();
        }
    }
    let mut fields = Fields::new();
    walk(tree.as_object().unwrap(), &mut Vec::new(), &mut fields);
    fields.remove(&Vec::new());
    fields
}
