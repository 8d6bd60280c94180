//! PATCH: server-side apply, merge patch (RFC 7386), JSON patch (RFC 6902).

use serde_json::{Value, json};

use super::fields::{self, Fields};
use super::store::{Key, Refusal, Store, owned_by, owners, refuse, same_version, set_owner};

/// Options of a PATCH.
pub(crate) struct Options<'a> {
    pub(crate) manager: &'a str,
    pub(crate) force: bool,
    pub(crate) dry: bool,
}

impl Store {
    pub(crate) fn apply(
        &mut self,
        key: &Key,
        sent: &Value,
        options: &Options<'_>,
    ) -> Result<Value, Refusal> {
        let me = (options.manager, "Apply");
        let wanted = fields::of(sent);
        let before = self.objects.get(key).cloned();
        if before.is_none() && sent["metadata"]["resourceVersion"].is_string() {
            return Err(refuse(
                404,
                "NotFound",
                format!("{} \"{}\" not found", key.0, key.2),
            ));
        }
        let mut object = before.clone().unwrap_or_else(|| {
            let meta = &sent["metadata"];
            json!({"apiVersion": sent["apiVersion"], "kind": sent["kind"],
                   "metadata": {"name": meta["name"], "namespace": meta["namespace"]}})
        });
        if let Some(before) = &before {
            same_version(before, sent, key)?;
        }
        let mut causes = Vec::new();
        for (manager, operation, owned) in owners(&object) {
            if (&*manager, &*operation) == me {
                continue;
            }
            let clash = |p: &&Vec<String>| {
                touches(&owned, p) && fields::get(&object, p) != fields::get(sent, p)
            };
            let clashes: Fields = wanted.iter().filter(clash).cloned().collect();
            let version = sent["apiVersion"].as_str().unwrap_or_default();
            causes.extend(clashes.iter().map(|path| {
                json!({"reason": "FieldManagerConflict",
                       "message": format!("conflict with \"{manager}\" using {version}"),
                       "field": format!(".{}", path.join("."))})
            }));
            let left = owned
                .iter()
                .filter(|o| !clashes.iter().any(|c| related(o, c)));
            set_owner(
                &mut object,
                (&manager, &operation),
                &left.cloned().collect(),
            );
        }
        if !causes.is_empty() && !options.force {
            let n = causes.len();
            return Err(Refusal {
                causes,
                ..refuse(
                    409,
                    "Conflict",
                    format!("Apply failed with {n} conflict(s)"),
                )
            });
        }
        let others: Fields = owners(&object)
            .into_iter()
            .filter(|(m, o, _)| (&**m, &**o) != me)
            .flat_map(|(_, _, fields)| fields)
            .collect();
        for path in owned_by(&object, me) {
            if !wanted.contains(&path) && !others.contains(&path) {
                fields::remove(&mut object, &path);
            }
        }
        for path in &wanted {
            fields::set(&mut object, path, fields::get(sent, path).unwrap().clone());
        }
        set_owner(&mut object, me, &wanted);
        self.check(key, &object)?;
        Ok(match options.dry {
            true => object,
            false => self.put(key.clone(), object),
        })
    }

    pub(crate) fn patch(
        &mut self,
        key: &Key,
        kind: &str,
        sent: &Value,
        options: &Options<'_>,
    ) -> Result<Value, Refusal> {
        match kind {
            "application/apply-patch+yaml" => self.apply(key, sent, options),
            "application/merge-patch+json" => {
                let mut object = self.get(key)?.clone();
                merge(&mut object, sent);
                self.update(key, object, options.manager, options.dry)
            }
            "application/json-patch+json" => {
                let mut object = self.get(key)?.clone();
                for operation in sent.as_array().into_iter().flatten() {
                    step(&mut object, operation)?;
                }
                self.update(key, object, options.manager, options.dry)
            }
            other => Err(refuse(
                415,
                "UnsupportedMediaType",
                format!("the body of the request was in an unknown format - {other}"),
            )),
        }
    }
}

/// Whether a path is among the fields, above or below one of them.
fn touches(fields: &Fields, path: &[String]) -> bool {
    fields.iter().any(|owned| related(owned, path))
}

fn related(one: &[String], other: &[String]) -> bool {
    one.starts_with(other) || other.starts_with(one)
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

/// One operation of a JSON patch on members of objects.
fn step(object: &mut Value, operation: &Value) -> Result<(), Refusal> {
    let bad = || {
        refuse(
            422,
            "Invalid",
            format!("the patch cannot be applied: {operation}"),
        )
    };
    let pointer = operation["path"].as_str().ok_or_else(bad)?;
    let keys = pointer.split('/').skip(1);
    let path: Vec<String> = keys
        .map(|k| k.replace("~1", "/").replace("~0", "~"))
        .collect();
    match operation["op"].as_str() {
        Some("test") if fields::get(object, &path) == operation.get("value") => {}
        Some("add") => fields::set(object, &path, operation["value"].clone()),
        Some("replace") if fields::get(object, &path).is_some() => {
            fields::set(object, &path, operation["value"].clone());
        }
        Some("remove") if fields::get(object, &path).is_some() => fields::remove(object, &path),
        _ => return Err(bad()),
    }
    Ok(())
}
