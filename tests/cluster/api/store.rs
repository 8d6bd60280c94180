//! The objects, their versions and their owners.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fields::{self, Fields};

/// Plural, namespace, name.
pub(crate) type Key = (String, String, String);

/// A refusal: status, reason, message, causes.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) causes: Vec<Value>,
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) objects: BTreeMap<Key, Value>,
    /// The last resource version.
    pub(crate) version: u64,
}

/// An owner: manager, and `Apply` or `Update`.
pub(crate) type Manager<'a> = (&'a str, &'a str);

pub(crate) fn refuse(code: u16, reason: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        reason,
        message: message.into(),
        causes: Vec::new(),
    }
}

impl Store {
    pub(crate) fn get(&self, key: &Key) -> Result<&Value, Refusal> {
        let missing = || {
            refuse(
                404,
                "NotFound",
                format!("{} \"{}\" not found", key.0, key.2),
            )
        };
        self.objects.get(key).ok_or_else(missing)
    }

    pub(crate) fn create(
        &mut self,
        key: Key,
        mut object: Value,
        by: &str,
    ) -> Result<Value, Refusal> {
        if self.objects.contains_key(&key) {
            let message = format!("{} \"{}\" already exists", key.0, key.2);
            return Err(refuse(409, "AlreadyExists", message));
        }
        self.check(&key, &object)?;
        let owned = fields::of(&object);
        set_owner(&mut object, (by, "Update"), &owned);
        Ok(self.put(key, object))
    }

    /// Changes an object as PUT and PATCH do: what differs changes its owner.
    pub(crate) fn update(
        &mut self,
        key: &Key,
        mut object: Value,
        by: &str,
        dry: bool,
    ) -> Result<Value, Refusal> {
        let before = self.get(key)?.clone();
        same_version(&before, &object, key)?;
        self.check(key, &object)?;
        object["metadata"]["managedFields"] = before["metadata"]["managedFields"].clone();
        let changed: Fields = fields::of(&object)
            .into_iter()
            .filter(|path| fields::get(&object, path) != fields::get(&before, path))
            .collect();
        for (manager, operation, owned) in owners(&object) {
            let left: Fields = owned.difference(&changed).cloned().collect();
            set_owner(&mut object, (&manager, &operation), &left);
        }
        let mine = owned_by(&object, (by, "Update"));
        set_owner(
            &mut object,
            (by, "Update"),
            &mine.union(&changed).cloned().collect(),
        );
        Ok(if dry {
            object
        } else {
            self.put(key.clone(), object)
        })
    }

    pub(crate) fn delete(&mut self, key: &Key, options: &Value) -> Result<(), Refusal> {
        let there = self.get(key)?;
        for field in ["uid", "resourceVersion"] {
            let wanted = &options["preconditions"][field];
            if wanted.is_string() && *wanted != there["metadata"][field] {
                let message = format!("the {field} in the precondition is not that of the object");
                return Err(refuse(409, "Conflict", message));
            }
        }
        self.objects.remove(key);
        if key.0 == "namespaces" {
            self.objects
                .retain(|(_, namespace, _), _| *namespace != key.2);
        }
        self.version += 1;
        Ok(())
    }

    /// Stores an object as a new version, if it differs.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) -> Value {
        if self.objects.get(&key) == Some(&object) {
            return object;
        }
        self.version += 1;
        let before = self.objects.get(&key);
        let uid = before.map(|b| b["metadata"]["uid"].clone());
        let meta = &mut object["metadata"];
        meta["resourceVersion"] = json!(self.version.to_string());
        meta["uid"] = uid.unwrap_or_else(|| json!(format!("uid-{}", self.version)));
        if before.is_none() {
            meta["creationTimestamp"] = json!("2026-01-02T03:04:05Z");
        }
        self.objects.insert(key, object.clone());
        object
    }

    /// What the schemas of the kinds would refuse: weights out of range, and no namespace.
    pub(crate) fn check(&self, key: &Key, object: &Value) -> Result<(), Refusal> {
        let namespace = (String::from("namespaces"), String::new(), key.1.clone());
        if !key.1.is_empty() && !self.objects.contains_key(&namespace) {
            let message = format!("namespaces \"{}\" not found", key.1);
            return Err(refuse(404, "NotFound", message));
        }
        let mut causes = Vec::new();
        let rules = object["spec"]["rules"].as_array();
        for (r, rule) in rules.into_iter().flatten().enumerate() {
            for (b, backend) in rule["backendRefs"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                let weight = backend["weight"].as_i64().unwrap_or(1);
                if !(0..=1_000_000).contains(&weight) {
                    causes.push(json!({
                        "reason": "FieldValueInvalid",
                        "field": format!("spec.rules[{r}].backendRefs[{b}].weight"),
                        "message": format!("Invalid value: {weight}: should be within range"),
                    }));
                }
            }
        }
        match causes.is_empty() {
            true => Ok(()),
            false => Err(Refusal {
                causes,
                ..refuse(
                    422,
                    "Invalid",
                    format!("{} \"{}\" is invalid", key.0, key.2),
                )
            }),
        }
    }
}

/// The optimistic lock: a version that is sent has to be the one that is there.
pub(crate) fn same_version(before: &Value, sent: &Value, key: &Key) -> Result<(), Refusal> {
    let sent = &sent["metadata"]["resourceVersion"];
    if sent.is_string() && *sent != before["metadata"]["resourceVersion"] {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please \
             apply your changes to the latest version and try again",
            key.0, key.2
        );
        return Err(refuse(409, "Conflict", message));
    }
    Ok(())
}

/// Manager, operation, fields.
pub(crate) fn owners(object: &Value) -> Vec<(String, String, Fields)> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let owner = |e: &Value| {
        (
            text(e, "manager"),
            text(e, "operation"),
            fields::read(&e["fieldsV1"]),
        )
    };
    entries.map(owner).collect()
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
    entries
        .retain(|e| (e["manager"].as_str(), e["operation"].as_str()) != (Some(by.0), Some(by.1)));
    if !owned.is_empty() {
        entries.push(json!({
            "manager": by.0, "operation": by.1, "apiVersion": version,
            "fieldsType": "FieldsV1", "fieldsV1": fields::written(owned),
        }));
    }
}
