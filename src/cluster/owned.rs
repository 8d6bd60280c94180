//! Which part of an object an apply has to send.
//!
//! Server-side apply takes what is sent for all that the manager wants: a field that it owns and
//! leaves out is removed. So a change sends what it changes, and what we own already; everything
//! else stays with those who own it. See "Server-Side Apply" of the Kubernetes reference, and
//! sigs.k8s.io/structured-merge-diff for the form of `fieldsV1`.

use serde_json::{Map, Value};

/// The part of `after` to send: what differs from `before`, and what `manager` applied earlier.
/// Lists count as one value: those that are changed here (rules of routes) are atomic.
pub(super) fn to_send(before: &Value, after: &Value, manager: &str) -> Value {
    let changed = difference(before, after).unwrap_or_default();
    applied_by(before, manager)
        .into_iter()
        .fold(changed, |sum, fields| union(sum, select(after, fields)))
}

/// What is in `before`, not in `after`, and not ours: paths that an apply cannot remove.
pub(super) fn not_removable(before: &Value, after: &Value, manager: &str) -> Vec<String> {
    let owned = applied_by(before, manager);
    let mut paths = Vec::new();
    gone(before, after, &owned, &mut String::new(), &mut paths);
    paths
}

/// `fieldsV1` of what a manager applied, not of what it updated: these are two owners.
fn applied_by<'a>(object: &'a Value, manager: &str) -> Vec<&'a Value> {
    let entries = object["metadata"]["managedFields"].as_array();
    let ours = |entry: &&Value| entry["manager"] == manager && entry["operation"] == "Apply";
    let entries = entries.into_iter().flatten().filter(ours);
    entries.map(|entry| &entry["fieldsV1"]).collect()
}

fn difference(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return Some(after.clone());
    };
    let mut changed = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(before) => {
                if let Some(value) = difference(before, value) {
                    changed.insert(key.clone(), value);
                }
            }
            None => {
                changed.insert(key.clone(), value.clone());
            }
        }
    }
    (!changed.is_empty()).then_some(Value::Object(changed))
}

/// The part of `value` that `fields` names.
fn select(value: &Value, fields: &Value) -> Value {
    let (Value::Object(object), Some(fields)) = (value, fields.as_object()) else {
        return value.clone();
    };
    let mut selected = Map::new();
    for (field, inner) in fields {
        let Some(key) = field.strip_prefix("f:") else {
            continue;
        };
        let Some(value) = object.get(key) else {
            continue;
        };
        let deeper = inner
            .as_object()
            .is_some_and(|inner| inner.keys().any(|k| k != "."));
        let value = match deeper {
            true => select(value, inner),
            false => value.clone(),
        };
        // Of a map whose keys are all gone nothing is wanted.
        if !deeper || value.as_object().is_none_or(|map| !map.is_empty()) {
            selected.insert(key.to_owned(), value);
        }
    }
    Value::Object(selected)
}

fn union(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (key, value) in other {
                let joined = match one.remove(&key) {
                    Some(mine) => union(mine, value),
                    None => value,
                };
                one.insert(key, joined);
            }
            Value::Object(one)
        }
        (Value::Null, other) => other,
        (one, _) => one,
    }
}

fn gone(before: &Value, after: &Value, owned: &[&Value], at: &mut String, into: &mut Vec<String>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return;
    };
    for (key, value) in old {
        let length = at.len();
        at.push('.');
        at.push_str(key);
        let field = format!("f:{key}");
        let ours: Vec<&Value> = owned
            .iter()
            .filter_map(|fields| fields.get(&field))
            .collect();
        match new.get(key) {
            Some(after) => gone(value, after, &ours, at, into),
            None if ours.is_empty() => into.push(at.clone()),
            None => {}
        }
        at.truncate(length);
    }
}

#[cfg(test)]
mod tests;
