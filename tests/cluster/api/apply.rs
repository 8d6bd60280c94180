//! Server-side apply: what is sent is all that the manager wants (Kubernetes reference, "Server-Side
//! Apply"; sigs.k8s.io/structured-merge-diff).

use serde_json::{Value, json};

use super::fields::{self, Fields, Shape};
use super::kinds::Kind;
use super::managers::{owned_by, owners, set_owner};
use super::schema;
use super::store::{By, Key, Refusal, Store, not_found, refuse, same_version};

impl Store {
    pub(crate) fn apply(
        &mut self,
        kind: &Kind,
        key: &Key,
        sent: &Value,
        by: By<'_>,
        force: bool,
    ) -> Result<Value, Refusal> {
        let me = (by.manager, "Apply");
        let before = self.objects.get(key).cloned();
        self.check_sent(key, sent, before.as_ref())?;
        let mut sent = sent.clone();
        declared(kind, key, &sent)?;
        kind.without_status(&mut sent, before.as_ref());
        // Keys of items have their defaults before they are compared.
        kind.set_defaults(&mut sent);
        let shape = Shape::of(kind);
        let wanted = fields::of(&sent, &shape);
        let mut object = before.unwrap_or_else(|| {
            let meta = &sent["metadata"];
            let mut meta = json!({"name": meta["name"], "namespace": meta["namespace"]});
            if !kind.namespaced {
                meta.as_object_mut().unwrap().remove("namespace");
            }
            json!({"apiVersion": sent["apiVersion"], "kind": sent["kind"], "metadata": meta})
        });
        let conflicts = take_over(&mut object, &sent, &wanted, me);
        if !conflicts.is_empty() && !force {
            let n = conflicts.len();
            let message = match &conflicts[..] {
                [one] => format!(
                    "Apply failed with 1 conflict: {}: {}",
                    one["message"].as_str().unwrap(),
                    one["field"].as_str().unwrap()
                ),
                _ => format!("Apply failed with {n} conflicts"),
            };
            return Err(Refusal {
                causes: conflicts,
                ..refuse(409, "Conflict", message)
            });
        }
        let others: Fields = owners(&object)
            .into_iter()
            .filter(|(m, o, _)| (&**m, &**o) != me)
            .flat_map(|(_, _, fields)| fields)
            .collect();
        // What I wanted and want no more goes, unless somebody else wants it or something below:
        // items before their fields, by which they are found.
        for path in &owned_by(&object, me) {
            let is_wanted = |fields: &Fields| fields.iter().any(|f| f.starts_with(path));
            if !is_wanted(&wanted) && !is_wanted(&others) {
                fields::remove(&mut object, path);
            }
        }
        for path in &wanted {
            let value = fields::get(&sent, path).unwrap().clone();
            let is_item = path.last().is_some_and(|e| !e.starts_with("f:"));
            // Of an item only its keys: the rest has paths of its own.
            fields::set(&mut object, path, if is_item { json!({}) } else { value });
        }
        set_owner(&mut object, me, &wanted);
        self.admit(kind, key, &mut object)?;
        Ok(self.put(kind, key.clone(), object, by.dry))
    }

    fn check_sent(&self, key: &Key, sent: &Value, before: Option<&Value>) -> Result<(), Refusal> {
        let bad = |message: &str| refuse(400, "BadRequest", message);
        if sent["metadata"]["managedFields"]
            .as_array()
            .is_some_and(|m| !m.is_empty())
        {
            return Err(bad("metadata.managedFields must be nil"));
        }
        if sent["metadata"]["name"]
            .as_str()
            .is_some_and(|name| name != key.2)
        {
            return Err(bad(
                "the name of the object does not match the name on the URL",
            ));
        }
        let version = sent["metadata"]["resourceVersion"].is_string();
        match before {
            Some(before) => same_version(before, sent, key),
            None if version => Err(not_found(key)),
            None => Ok(()),
        }
    }
}

/// Refuses fields that the schema does not have: other changes lose them, an apply is wrong.
fn declared(kind: &Kind, key: &Key, sent: &Value) -> Result<(), Refusal> {
    let Some(schema) = &kind.schema else {
        return Ok(());
    };
    let mut known = sent["spec"].clone();
    schema::prune(&schema["properties"]["spec"], &mut known);
    if known == sent["spec"] {
        return Ok(());
    }
    let message = format!(
        "failed to create typed patch object ({}/{}; {}, Kind={}): .spec: field not declared in \
         schema",
        key.1, key.2, sent["apiVersion"], kind.kind
    );
    Err(refuse(500, "", message))
}

/// Takes what differs from its owners; who they were, as causes of a conflict.
fn take_over(object: &mut Value, sent: &Value, wanted: &Fields, me: (&str, &str)) -> Vec<Value> {
    let mut conflicts = Vec::new();
    for (manager, operation, owned) in owners(object) {
        if (&*manager, &*operation) == me {
            continue;
        }
        let clash =
            |p: &&Vec<String>| clashes(&owned, p) && fields::get(object, p) != fields::get(sent, p);
        let taken: Fields = wanted.iter().filter(clash).cloned().collect();
        let version = sent["apiVersion"].as_str().unwrap_or_default();
        conflicts.extend(taken.iter().map(|path| {
            json!({"reason": "FieldManagerConflict",
                   "message": format!("conflict with \"{manager}\" using {version}"),
                   "field": shown(path)})
        }));
        let left = owned
            .iter()
            .filter(|o| !taken.iter().any(|t| o.starts_with(t)));
        let left: Fields = left.cloned().collect();
        set_owner(object, (&manager, &operation), &left);
    }
    conflicts
}

/// Whether a path is owned, or something below it; what is owned as a whole includes all below.
fn clashes(owned: &Fields, path: &[String]) -> bool {
    let is_item = path.last().is_some_and(|e| !e.starts_with("f:"));
    owned.iter().any(|other| {
        let whole = other.last().is_some_and(|e| e.starts_with("f:"));
        (other == path && !is_item)
            || (whole && path.starts_with(other) && path.len() > other.len())
            || (!is_item && other.starts_with(path))
    })
}

/// `.spec.ports[port=80,protocol="TCP"].name`
fn shown(path: &[String]) -> String {
    let mut text = String::new();
    for element in path {
        if let Some(key) = element.strip_prefix("f:") {
            text.push_str(&format!(".{key}"));
        } else if let Some(keys) = element.strip_prefix("k:") {
            let keys: Value = serde_json::from_str(keys).unwrap_or_default();
            let pairs = keys.as_object().into_iter().flatten();
            let pairs: Vec<String> = pairs.map(|(k, v)| format!("{k}={v}")).collect();
            text.push_str(&format!("[{}]", pairs.join(",")));
        } else {
            text.push_str(&format!("[={}]", &element[2..]));
        }
    }
    text
}
