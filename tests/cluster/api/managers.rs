//! `metadata.managedFields`: who owns which fields.

use serde_json::{Value, json};

use super::fields::{self, Fields};
use super::store::now;

/// An owner: manager, and `Apply` or `Update`.
pub(crate) type Manager<'a> = (&'a str, &'a str);

/// Manager, operation, fields.
pub(crate) fn owners(object: &Value) -> Vec<(String, String, Fields)> {
    let entries = object["metadata"]["managedFields"].as_array();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let owner = |e: &Value| {
        let fields = fields::read(&e["fieldsV1"]);
        (text(e, "manager"), text(e, "operation"), fields)
    };
    entries.into_iter().flatten().map(owner).collect()
}

pub(crate) fn owned_by(object: &Value, by: Manager<'_>) -> Fields {
    let mut all = owners(object).into_iter();
    let mine = all.find(|(manager, operation, _)| (&**manager, &**operation) == by);
    mine.map(|(_, _, fields)| fields).unwrap_or_default()
}

pub(crate) fn set_owner(object: &mut Value, by: Manager<'_>, owned: &Fields) {
    let version = object["apiVersion"].clone();
    let meta = object["metadata"].as_object_mut().unwrap();
    let entries = meta.entry("managedFields").or_insert(json!([]));
    if !entries.is_array() {
        *entries = json!([]);
    }
    let entries = entries.as_array_mut().unwrap();
    let is_mine =
        |e: &Value| (e["manager"].as_str(), e["operation"].as_str()) == (Some(by.0), Some(by.1));
    let written = fields::written(owned);
    match entries.iter().position(is_mine) {
        Some(at) if owned.is_empty() => drop(entries.remove(at)),
        Some(at) if entries[at]["fieldsV1"] == written => {}
        Some(at) => {
            entries[at]["fieldsV1"] = written;
            entries[at]["time"] = json!(now());
        }
        None if owned.is_empty() => {}
        None => entries.push(json!({
            "manager": by.0, "operation": by.1, "apiVersion": version, "time": now(),
            "fieldsType": "FieldsV1", "fieldsV1": written,
        })),
    }
}
