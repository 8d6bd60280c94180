//! PATCH but for server-side apply: merge patch (RFC 7386), JSON patch (RFC 6902), and the strategic
//! merge patch of the kinds of Kubernetes itself.

use serde_json::{Value, json};

use super::kinds::Kind;
use super::store::{By, Key, Refusal, Store, refuse};
use super::strategic;

impl Store {
    /// `apply` is for an object that need not be there, the others change what is.
    pub(crate) fn patch(
        &mut self,
        kind: &Kind,
        key: &Key,
        (content, sent): (&str, &Value),
        by: By<'_>,
        (force, status): (bool, bool),
    ) -> Result<Value, Refusal> {
        // A parameter may follow: `; charset=utf-8`.
        let content = content.split(';').next().unwrap_or_default().trim();
        if content == "application/apply-patch+yaml" {
            return self.apply(kind, key, sent, by, force);
        }
        let before = self.get(key)?.clone();
        let mut object = before.clone();
        match content {
            "application/merge-patch+json" => merge(&mut object, sent),
            "application/json-patch+json" => {
                for operation in sent.as_array().into_iter().flatten() {
                    step(&mut object, operation)?;
                }
            }
            "application/strategic-merge-patch+json" if kind.schema.is_none() => {
                strategic::merge(&mut object, sent, kind);
            }
            other => {
                let message = format!(
                    "the body of the request was in an unknown format - accepted media types \
                     include: application/json-patch+json, application/merge-patch+json, \
                     application/apply-patch+yaml; not {other}"
                );
                return Err(refuse(415, "UnsupportedMediaType", message));
            }
        }
        kind.keep_other_half(&mut object, &before, status);
        self.update(kind, key, object, by)
    }
}

fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let map = into.as_object_mut().unwrap();
    for (key, value) in patch {
        match value {
            Value::Null => drop(map.remove(key)),
            value => merge(map.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}

/// One operation of a JSON patch.
fn step(object: &mut Value, operation: &Value) -> Result<(), Refusal> {
    let failed = |why: &str| {
        let message = format!("the patch cannot be applied: {why}: {operation}");
        refuse(422, "Invalid", message)
    };
    let text = |key: &str| operation[key].as_str().map(str::to_owned);
    let path = text("path").ok_or_else(|| failed("it has no path"))?;
    let there = |object: &Value, path: &str| object.pointer(path).cloned();
    let missing = || failed("there is no such place");
    match text("op").as_deref() {
        Some("test") if there(object, &path).as_ref() == operation.get("value") => Ok(()),
        Some("test") => Err(failed("the test failed")),
        Some("add") => add(object, &path, operation["value"].clone()).ok_or_else(missing),
        Some("replace") => {
            *object.pointer_mut(&path).ok_or_else(missing)? = operation["value"].clone();
            Ok(())
        }
        Some("remove") => take(object, &path).map(drop).ok_or_else(missing),
        Some("move") => {
            let from = text("from").ok_or_else(missing)?;
            let value = take(object, &from).ok_or_else(missing)?;
            add(object, &path, value).ok_or_else(missing)
        }
        Some("copy") => {
            let from = text("from").ok_or_else(missing)?;
            let value = there(object, &from).ok_or_else(missing)?;
            add(object, &path, value).ok_or_else(missing)
        }
        _ => Err(failed("it is no operation")),
    }
}

fn parent<'a>(object: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    Some((object.pointer_mut(parent)?, last))
}

fn add(object: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *object = value;
        return Some(());
    }
    match parent(object, path)? {
        (Value::Object(map), key) => drop(map.insert(key, value)),
        (Value::Array(list), key) if key == "-" => list.push(value),
        (Value::Array(list), key) => {
            let at = key.parse().ok().filter(|at| *at <= list.len())?;
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn take(object: &mut Value, path: &str) -> Option<Value> {
    match parent(object, path)? {
        (Value::Object(map), key) => map.remove(&key),
        (Value::Array(list), key) => {
            let at = key.parse().ok().filter(|at| *at < list.len())?;
            Some(list.remove(at))
        }
        _ => None,
    }
}
