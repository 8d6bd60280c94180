//! Strategic merge patch: lists of the kinds of Kubernetes are merged by a key of their items
//! (Kubernetes, "strategic-merge-patch.md"; the keys are `patchMergeKey` of its types).

use serde_json::{Map, Value};

use super::kinds::Kind;

const SET: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";
const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";

pub(crate) fn merge(into: &mut Value, patch: &Value, kind: &Kind) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    object(into, patch, kind.kind == "Service");
}

/// By which key the items of a list are merged; none for a list that is replaced.
fn key_of(field: &str, service: bool) -> Option<&'static str> {
    Some(match field {
        "ports" if service => "port",
        "ports" => "containerPort",
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => "name",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "hostAliases" => "ip",
        "ownerReferences" => "uid",
        "conditions" => "type",
        "topologySpreadConstraints" => "topologyKey",
        _ => return None,
    })
}

fn object(into: &mut Value, patch: &Map<String, Value>, service: bool) {
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let map = into.as_object_mut().unwrap();
    if patch.get(PATCH).is_some_and(|how| how == "replace") {
        map.clear();
    }
    if let Some(kept) = patch.get(RETAIN).and_then(Value::as_array) {
        map.retain(|key, _| kept.iter().any(|k| k == key));
    }
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        match value {
            Value::Null => drop(map.remove(key)),
            Value::Array(items) => {
                let there = map.entry(key.clone()).or_insert(Value::Array(Vec::new()));
                list(there, items, key, service);
            }
            Value::Object(patch) => {
                let there = map.entry(key.clone()).or_insert(Value::Null);
                match patch.get(PATCH).is_some_and(|how| how == "delete") {
                    true => drop(map.remove(key)),
                    false => object(there, patch, service),
                }
            }
            value => drop(map.insert(key.clone(), value.clone())),
        }
    }
    for (key, value) in patch {
        if let (Some(field), Some(gone)) = (key.strip_prefix(DELETE), value.as_array())
            && let Some(Value::Array(there)) = map.get_mut(field)
        {
            there.retain(|item| !gone.contains(item));
        }
        if let (Some(field), Some(order)) = (key.strip_prefix(SET), value.as_array())
            && let Some(Value::Array(there)) = map.get_mut(field)
        {
            sort(there, order, key_of(field, service));
        }
    }
}

fn list(into: &mut Value, items: &[Value], field: &str, service: bool) {
    let replaced = items.iter().any(|item| item[PATCH] == "replace");
    let (Value::Array(there), false) = (&mut *into, replaced) else {
        let items = items.iter().filter(|item| item.get(PATCH).is_none());
        *into = Value::Array(items.cloned().collect());
        return;
    };
    let Some(key) = key_of(field, service) else {
        match field {
            // The one set of scalars that is merged.
            "finalizers" => there.extend(
                items
                    .iter()
                    .filter(|i| !there.contains(i))
                    .cloned()
                    .collect::<Vec<_>>(),
            ),
            _ => *there = items.to_vec(),
        }
        return;
    };
    for item in items {
        let at = there
            .iter()
            .position(|other| other.get(key) == item.get(key));
        let deleted = item[PATCH] == "delete";
        match (at, item.as_object()) {
            (Some(at), _) if deleted => drop(there.remove(at)),
            (Some(at), Some(patch)) => object(&mut there[at], patch, service),
            _ if deleted => {}
            _ => there.push(item.clone()),
        }
    }
}

/// In the order that is wanted; what it does not name comes last.
fn sort(list: &mut [Value], order: &[Value], key: Option<&str>) {
    let place = |item: &Value| {
        let is = |wanted: &Value| match key {
            Some(key) => wanted.get(key) == item.get(key),
            None => wanted == item,
        };
        order.iter().position(is).unwrap_or(order.len())
    };
    list.sort_by_key(place);
}
