//! Sets of fields, and the form in which objects carry them (`fieldsV1`, structured-merge-diff):
//! `f:NAME` is a field, `k:{…}` an item of a list by its keys, `v:…` an item of a set, `.` the thing
//! itself. Other lists and scalars are one field each: the lists of routes are atomic.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::kinds::Kind;

/// Paths of such elements.
pub(crate) type Fields = BTreeSet<Vec<String>>;

/// Which lists of a kind have items with keys.
pub(crate) struct Shape {
    builtin: bool,
    service: bool,
}

/// Fields of `metadata` that nobody owns.
const UNOWNED: [&str; 9] = [
    "f:name",
    "f:namespace",
    "f:uid",
    "f:resourceVersion",
    "f:generation",
    "f:creationTimestamp",
    "f:deletionTimestamp",
    "f:managedFields",
    "f:selfLink",
];

impl Shape {
    pub(crate) fn of(kind: &Kind) -> Self {
        Self {
            builtin: kind.schema.is_none(),
            service: kind.kind == "Service",
        }
    }

    /// The keys of the items of a list; none for one that is a single field.
    fn keys(&self, at: &[String]) -> Option<&'static [&'static str]> {
        let is_meta = at.first().is_some_and(|first| first == "f:metadata");
        Some(match at.last()?.as_str() {
            "f:ownerReferences" if is_meta => &["uid"],
            _ if !self.builtin => return None,
            "f:ports" if self.service => &["port", "protocol"],
            "f:ports" => &["containerPort", "protocol"],
            "f:containers" | "f:initContainers" | "f:volumes" | "f:env" => &["name"],
            "f:volumeMounts" => &["mountPath"],
            "f:conditions" => &["type"],
            _ => return None,
        })
    }
}

/// The fields of an object that can be owned.
pub(crate) fn of(object: &Value, shape: &Shape) -> Fields {
    let mut fields = Fields::new();
    walk(object, shape, &mut Vec::new(), &mut fields);
    fields.retain(|path| match (&*path[0], path.get(1)) {
        ("f:apiVersion" | "f:kind" | "f:status", _) => false,
        ("f:metadata", Some(key)) => !UNOWNED.contains(&key.as_str()),
        ("f:metadata", None) => false,
        _ => true,
    });
    fields
}

fn walk(value: &Value, shape: &Shape, at: &mut Vec<String>, into: &mut Fields) {
    match value {
        Value::Object(map) => {
            // An empty map wants none of its keys.
            for (key, value) in map {
                at.push(format!("f:{key}"));
                walk(value, shape, at, into);
                at.pop();
            }
        }
        Value::Array(items) if shape.keys(at).is_some() => {
            let keys = shape.keys(at).unwrap_or_default();
            for item in items {
                let picked = keys
                    .iter()
                    .filter_map(|k| Some((*k, item.get(*k)?.clone())));
                let picked: Map<String, Value> =
                    picked.map(|(key, value)| (key.to_owned(), value)).collect();
                at.push(format!("k:{}", Value::Object(picked)));
                into.insert(at.clone());
                walk(item, shape, at, into);
                at.pop();
            }
        }
        Value::Array(items) if at.len() == 2 && at[1] == "f:finalizers" => {
            for item in items {
                at.push(format!("v:{item}"));
                into.insert(at.clone());
                at.pop();
            }
        }
        _ => drop(into.insert(at.clone())),
    }
}

/// The item of a list that an element names.
fn item(list: &[Value], element: &str) -> Option<usize> {
    if let Some(keys) = element.strip_prefix("k:") {
        let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
        let is = |item: &Value| keys.iter().all(|(k, v)| item.get(k) == Some(v));
        return list.iter().position(is);
    }
    let value: Value = serde_json::from_str(element.strip_prefix("v:")?).ok()?;
    list.iter().position(|item| *item == value)
}

pub(crate) fn get<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, element| match value {
        Value::Array(list) => list.get(item(list, element)?),
        _ => value.get(element.strip_prefix("f:")?),
    })
}

pub(crate) fn set(object: &mut Value, path: &[String], value: Value) {
    let [element, rest @ ..] = path else {
        // An item that is there keeps what others own of it.
        match (object.as_object_mut(), value) {
            (Some(there), Value::Object(more)) => there.extend(more),
            (_, value) => *object = value,
        }
        return;
    };
    if let Some(key) = element.strip_prefix("f:") {
        if !object.is_object() {
            *object = json!({});
        }
        let map = object.as_object_mut().unwrap();
        match rest {
            [] => drop(map.insert(key.to_owned(), value)),
            rest => {
                let is_list = rest[0].starts_with("k:") || rest[0].starts_with("v:");
                let empty = if is_list { json!([]) } else { json!({}) };
                set(map.entry(key.to_owned()).or_insert(empty), rest, value);
            }
        }
        return;
    }
    let Some(list) = object.as_array_mut() else {
        return;
    };
    let at = item(list, element).unwrap_or_else(|| {
        let text = element.get(2..).unwrap_or_default();
        list.push(serde_json::from_str(text).unwrap_or_default());
        list.len() - 1
    });
    if element.starts_with("k:") {
        set(&mut list[at], rest, value);
    }
}

pub(crate) fn remove(object: &mut Value, path: &[String]) {
    let [parents @ .., last] = path else { return };
    let mut at = object;
    for element in parents {
        let next = match at {
            Value::Array(list) => item(list, element).and_then(|i| list.get_mut(i)),
            at => element.strip_prefix("f:").and_then(|key| at.get_mut(key)),
        };
        let Some(next) = next else { return };
        at = next;
    }
    match at {
        Value::Object(map) => drop(map.remove(last.trim_start_matches("f:"))),
        Value::Array(list) => {
            if let Some(i) = item(list, last) {
                list.remove(i);
            }
        }
        _ => {}
    }
}

pub(crate) fn written(fields: &Fields) -> Value {
    let mut tree = Map::new();
    for path in fields {
        let mut at = &mut tree;
        for element in path {
            let next = at.entry(element.clone()).or_insert(json!({}));
            at = next.as_object_mut().unwrap();
        }
        if fields
            .iter()
            .any(|p| p.len() > path.len() && p.starts_with(path))
        {
            at.insert(".".into(), json!({}));
        }
    }
    Value::Object(tree)
}

pub(crate) fn read(tree: &Value) -> Fields {
    fn walk(tree: &Map<String, Value>, at: &mut Vec<String>, into: &mut Fields) {
        if tree.is_empty() {
            into.insert(at.clone());
        }
        for (key, inner) in tree {
            if key == "." {
                into.insert(at.clone());
                continue;
            }
            at.push(key.clone());
            walk(inner.as_object().unwrap(), at, into);
            at.pop();
        }
    }
    let mut fields = Fields::new();
    walk(tree.as_object().unwrap(), &mut Vec::new(), &mut fields);
    fields.remove(&Vec::new());
    fields
}
