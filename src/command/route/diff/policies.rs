//! Policies that are there on one side only, or say something else.

use model::document::Object;
use model::index::{Index, Policy};
use model::yaml::{Node, Step};
use serde::Serialize;
use serde_json::Value;

use crate::command::route::mesh::Mesh;
use crate::command::route::words;

/// A policy that came, went or changed. One that has another name and says the same is none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectDiff {
    /// `AuthorizationPolicy pay/deny-all`
    pub(super) object: String,
    pub(super) what: What,
    /// `file:line`, of the new side where it is there.
    pub(super) at: String,
    /// Of one that changed: `action: Allow → Deny`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum What {
    Lost,
    Gained,
    Changed,
}

/// Fields of one changed policy that are named.
const FIELDS_MAX: usize = 20;

pub(super) fn compare(old: &Mesh, new: &Mesh) -> Vec<ObjectDiff> {
    let mut found = Vec::new();
    let (old, new) = (&old.index, &new.index);
    kind(old, new, Index::authorization_policies, &mut found);
    kind(old, new, Index::backend_policies, &mut found);
    kind(old, new, Index::rate_limit_policies, &mut found);
    kind(old, new, Index::traffic_policies, &mut found);
    found
}

fn kind<'a, S: PartialEq + 'a, I: Iterator<Item = &'a Policy<S>>>(
    old: &'a Index,
    new: &'a Index,
    all: impl Fn(&'a Index) -> I,
    found: &mut Vec<ObjectDiff>,
) {
    let old: Vec<&Policy<S>> = all(old).collect();
    let mut new: Vec<&Policy<S>> = all(new).collect();
    let mut lost = Vec::new();
    for before in old {
        match new.iter().position(|after| after.name == before.name) {
            Some(at) => found.extend(changed(before, new.remove(at))),
            None => lost.push(before),
        }
    }
    for before in lost {
        let renamed = |after: &&Policy<S>| {
            after.name.namespace == before.name.namespace && after.spec == before.spec
        };
        match new.iter().position(renamed) {
            Some(at) => drop(new.remove(at)),
            None => found.push(seen(before, What::Lost)),
        }
    }
    found.extend(new.into_iter().map(|after| seen(after, What::Gained)));
}

fn seen<S>(policy: &Policy<S>, what: What) -> ObjectDiff {
    ObjectDiff {
        object: format!("{} {}", policy.object.kind, policy.name),
        what,
        at: words::place(&policy.origin),
        fields: Vec::new(),
    }
}

fn changed<S: PartialEq>(old: &Policy<S>, new: &Policy<S>) -> Option<ObjectDiff> {
    if old.spec == new.spec {
        return None;
    }
    let mut fields = Vec::new();
    values("", &spec(&old.object), &spec(&new.object), &mut fields);
    if fields.len() > FIELDS_MAX {
        let more = fields.len() - FIELDS_MAX;
        fields.truncate(FIELDS_MAX);
        fields.push(format!("and {more} more"));
    }
    Some(ObjectDiff {
        fields,
        ..seen(new, What::Changed)
    })
}

fn spec(object: &Object) -> Value {
    let spec = object.at(&[Step::Key("spec")]);
    spec.map_or(Value::Null, Node::to_json)
}

/// The values that differ, as `path: old → new`.
fn values(path: &str, old: &Value, new: &Value, into: &mut Vec<String>) {
    let missing = Value::Null;
    match (old, new) {
        _ if old == new => {}
        (Value::Object(a), Value::Object(b)) => {
            let more = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(more) {
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                let (a, b) = (a.get(key), b.get(key));
                values(&path, a.unwrap_or(&missing), b.unwrap_or(&missing), into);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                values(&format!("{path}[{i}]"), a, b, into);
            }
        }
        _ => {
            let shown = |value: &Value| match value {
                Value::Null => "not set".to_owned(),
                Value::String(text) => text.clone(),
                value => value.to_string(),
            };
            into.push(format!("{path}: {} → {}", shown(old), shown(new)));
        }
    }
}
